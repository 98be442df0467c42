"""`usher door`: fetch what a door needs, then admit and refuse without a network.

The record of the admitted is a file of JSON lines that is only added to, locked while it is, and on the disk before a
word is said: two programs at one door, or a crash, admit nobody twice. docs/guides/tickets.md tells the rest.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from usher_local.shown import clean

if TYPE_CHECKING:
    from usher_tools.tickets.door import Verdict
    from usher_tools.tickets.tokens import DoorClaims, TicketReader

door_app = typer.Typer(help="Tickets at the door, verified without a network.", no_args_is_help=True)
_Keys = Annotated[Path, typer.Option("--keys", help="the public keys: GET /tickets/keys")]
_List = Annotated[Path, typer.Option("--list", help="the event's door list: GET /events/{id}/door-list")]


class AdmissionRecord:
    """Who was admitted, in a file of JSON lines: ticket, seat, at."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: dict[str, datetime] = {}
        self._read_to = 0

    def _read_new(self, record: BinaryIO) -> bytes:
        """Take in what was added since the last look; a line that a crash left half written, if it is the last."""
        record.seek(self._read_to)
        lines = record.read().split(b"\n")
        self._read_to += sum(len(line) + 1 for line in lines[:-1])
        for line in lines:
            try:
                entry = json.loads(line)
                self._seen.setdefault(entry["ticket"], datetime.fromisoformat(entry["at"]))
            except (ValueError, KeyError, TypeError):
                continue
        return lines[-1]

    def admit(self, entry_id: str, seat_id: str, at: datetime) -> datetime | None:
        """Note the admission; when the holder was admitted before, the time of that, and nothing is noted."""
        with self._file.open("a+b") as record:
            fcntl.flock(record, fcntl.LOCK_EX)
            half = self._read_new(record)
            if entry_id in self._seen:
                return self._seen[entry_id]
            entry = {"ticket": entry_id, "seat": seat_id, "at": at.isoformat()}
            record.write((b"\n" if half else b"") + json.dumps(entry).encode() + b"\n")
            record.flush()
            os.fsync(record.fileno())
        return None


class Door:
    """One event's door: its keys, its list, its record."""

    def __init__(self, reader: TicketReader, door: DoorClaims, record: AdmissionRecord) -> None:
        self._reader = reader
        self.claims = door
        self._record = record

    @classmethod
    def open(cls, keys: Path, door_list: Path, record: Path) -> Door:
        """Raises ValueError, OSError for files that are not what they should be."""
        from usher_tools.tickets.tokens import TicketReader

        try:
            reader = TicketReader(json.loads(keys.read_text())["keys"])
            claims = reader.read_list(json.loads(door_list.read_text())["list"])
        except (KeyError, TypeError) as error:
            raise ValueError("a file without what it should hold") from error
        return cls(reader, claims, AdmissionRecord(record))

    def verify(self, payload: str, now: datetime) -> Verdict:
        """Judge, and note an admission."""
        from usher_tools.tickets.door import judge

        verdict = judge(payload, self._reader, self.claims, now)
        if not verdict.admits or verdict.ticket is None:
            return verdict
        earlier = self._record.admit(verdict.ticket.entry_id, verdict.ticket.seat_id, now)
        if earlier is None:
            return verdict
        return replace(verdict, reason="already_admitted", words=f"admitted already at {earlier:%H:%M:%S} UTC")


def _payloads(given: str) -> Iterator[str]:
    """The payload, or for `-` one a line from a scanner that types."""
    if given != "-":
        yield given
        return
    for line in sys.stdin:
        if line.strip():
            yield line


@door_app.command("verify")
def verify(
    payload: Annotated[str, typer.Argument(help="what the QR code holds; - reads one a line")],
    keys: _Keys,
    door_list: _List,
    record: Annotated[Path | None, typer.Option(help="who was admitted; default: beside the list")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON line for each payload")] = False,
) -> None:
    """Admit or refuse, with the reason. Exit code 1 when the last one was refused, 2 when the files are no good."""
    record = record or door_list.with_name(f"{door_list.stem}-admitted.jsonl")
    try:
        door = Door.open(keys, door_list, record)
    except (ValueError, OSError) as error:
        typer.echo(f"cannot open the door: {error}", err=True)
        raise typer.Exit(2) from error
    admitted = False
    for given in _payloads(payload):
        try:
            verdict = door.verify(given, datetime.now(UTC))
        except OSError as error:  # whoever is not noted is not let in, and not refused either
            typer.echo(f"cannot write the record of the admitted, {record}: {error.strerror}", err=True)
            raise typer.Exit(2) from error
        admitted = verdict.admits
        seat = verdict.ticket.seat_id if verdict.ticket else None
        if as_json:
            line = json.dumps({"admit": admitted, "reason": verdict.reason, "detail": verdict.words, "seat": seat})
        else:
            line = f"{'ADMIT' if admitted else 'REFUSE'}  {verdict.words}"
        typer.echo(clean(line))
    raise typer.Exit(0 if admitted else 1)


@door_app.command("fetch")
def fetch(
    event: Annotated[str, typer.Argument(help="the event's id")],
    keys: _Keys = Path("keys.json"),
    door_list: _List = Path("door-list.json"),
) -> None:
    """Write the public keys and the event's door list of the running stack, for `usher door verify`."""
    from usher_local.stack import usual_stack

    async def read() -> tuple[Any, Any]:
        async with usual_stack().client("cli", "tools") as tools:
            return await tools.call("GET", "/tickets/keys"), await tools.call("GET", f"/events/{event}/door-list")

    found = asyncio.run(read())
    for file, content in zip((keys, door_list), found, strict=True):
        beside = file.with_name(f".{file.name}.new")
        beside.write_text(json.dumps(content, indent=2) + "\n")
        beside.replace(file)  # a door that reads it meanwhile has the old one or the new one
    typer.echo(f"{found[1]['tickets']} live tickets at {found[1]['issued_at']}")
