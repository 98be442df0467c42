"""Where the box office of these tests keeps documents, time and publications: shared by all its processes."""

from __future__ import annotations

import json
import mmap
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from box_office import NOW
from usher_shared.documents import DocumentStore
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_shared.events import Event

_NEVER = float("inf")  # documents expire by the real clock, which is not that of these tests


class SharedClock:
    """One clock for several processes, eight bytes of a file; `skew` puts one process's reading beside it."""

    def __init__(self, path: Path, *, skew: timedelta = timedelta(0)) -> None:
        if not path.exists():
            path.write_bytes(struct.pack("q", int(NOW.timestamp() * 1_000_000)))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 8)
        self._skew = skew

    def now(self) -> datetime:
        (microseconds,) = struct.unpack("q", self._memory[:8])
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds) + self._skew

    def advance(self, delta: timedelta) -> None:
        (microseconds,) = struct.unpack("q", self._memory[:8])
        self._memory[:8] = struct.pack("q", microseconds + delta // timedelta(microseconds=1))

    def set(self, moment: datetime) -> None:
        self.advance(moment - self.now())


class FileBus:
    """An EventBus that keeps what was published as lines of a file: a killed publisher changes nothing about it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def publish(self, events: Sequence[Event]) -> None:
        lines = b"".join(event.to_json() + b"\n" for event in events)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(descriptor, lines)
        finally:
            os.close(descriptor)

    def events(self) -> list[Event]:
        """As often as they were published."""
        if not self._path.exists():
            return []
        return [Event.model_validate(json.loads(line)) for line in self._path.read_bytes().splitlines()]

    async def ping(self) -> None:
        return None

    async def close(self) -> None:
        return None


@dataclass(frozen=True)
class Rush:
    """So many buyers for all seats of a section of so many rows."""

    buyers: int
    rows: int
    seats_in_row: int


class Site(Protocol):
    """What a process needs to be told to open the same box office; it is pickled to the process.

    `servers` is how many processes a crowd is spread over; `crowd` scales other numbers down where conflicts are dear.
    `may_die_inside`: a process killed with a transaction open leaves nothing that others wait for.
    """

    folder: Path
    servers: int
    rush: Rush
    crowd: float
    may_die_inside: bool

    def store(self) -> DocumentStore: ...

    def provider_store(self) -> DocumentStore:
        """The payment provider's own documents: on SQLite everywhere, for they are not the box office's."""
        return SqliteDocumentStore(self.folder / "provider.db", expiry_seconds=_NEVER)

    def clock(self, *, skew: timedelta = timedelta(0)) -> SharedClock:
        return SharedClock(self.folder / "clock", skew=skew)

    def bus(self) -> FileBus:
        return FileBus(self.folder / "published.jsonl")


@dataclass(frozen=True)
class SqliteSite(Site):
    folder: Path
    servers: int = 3
    rush: Rush = Rush(buyers=500, rows=5, seats_in_row=10)
    crowd: float = 1.0
    may_die_inside: bool = True

    def store(self) -> DocumentStore:
        return SqliteDocumentStore(self.folder / "tools.db", expiry_seconds=_NEVER)


@dataclass(frozen=True)
class FirestoreSite(Site):
    """The emulator's; its conflicts take seconds each, so its stores are given more patience than at work."""

    folder: Path
    project: str = field(kw_only=True)
    emulator: str = field(kw_only=True)
    servers: int = 2
    rush: Rush = Rush(buyers=42, rows=6, seats_in_row=1)
    crowd: float = 0.1
    may_die_inside: bool = False

    def store(self) -> DocumentStore:
        from usher_shared.documents.firestore import FirestoreDocumentStore

        return FirestoreDocumentStore(self.project, "usher-tools", emulator=self.emulator, patience_seconds=90.0)
