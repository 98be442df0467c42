"""What of an event's seats one document should hold: a seat, a row or a section, and how finely counters are divided.

    python benchmarks/seat_documents.py [--sections 25] [--rows 10] [--seats 20] [--writers 4] [--emulator host:port]

The same small box office three times, on SQLite and on Firestore's emulator: documents that exist say what is taken.
Half of the seats are taken at the start, at random. Measured are a look for the best seats of the whole event, a hold
of four neighbours alone, and holds of pairs by several writers at once. Each writer has a store of its own, as another
process would, so that they meet at the server and not in a table of locks. Each comparison is made in one run, so that
the ratios hold whatever the machine; the emulator says how often writers meet, not how fast Google's service is.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from usher_shared.documents import DocumentStore, Filter, Query, Transaction
from usher_shared.documents.collections import Collection
from usher_shared.documents.firestore import FirestoreDocumentStore
from usher_shared.documents.sqlite import SqliteDocumentStore

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from emulators.google import firestore_emulator

COLLECTIONS = {name: Collection(name, (("event_id",),), None) for name in ("seats", "counters")}
BATCH = 400
ENTRY = {"hold": "HOLD_01JCZ5Y3ZC8N4T0W6X2M7Q9RAB", "until": "2026-11-20T18:05:00.000000Z"}

Seat = tuple[int, int, int]  # section, row, number


@dataclass(frozen=True)
class Grain:
    """One way to cut an event's seats into documents."""

    name: str
    document: Callable[[Seat], str]


SEAT = Grain("seat", lambda seat: f"{seat[0]}-{seat[1]}-{seat[2]}")
ROW = Grain("row", lambda seat: f"{seat[0]}-{seat[1]}")
SECTION = Grain("section", lambda seat: f"{seat[0]}")
GRAINS = (SEAT, ROW, SECTION)
SHARD = Grain("shard of 32", lambda seat: f"{seat[0]}-{seat[2] // 32}")


class Event:
    """The seats of one event in documents of one grain."""

    def __init__(self, grain: Grain, *, counters: int = 0) -> None:
        self.id = secrets.token_hex(4)
        self._grain = grain
        self._counters = counters

    def _documents(self, seats: Iterable[Seat]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for seat in seats:
            found.setdefault(f"{self.id}:{self._grain.document(seat)}", []).append("-".join(map(str, seat)))
        return found

    async def fill(self, store: DocumentStore, seats: list[Seat]) -> int:
        """Write what is taken; the number of documents."""
        documents = list(self._documents(seats).items())
        for start in range(0, len(documents), BATCH):

            async def write(tx: Transaction, start: int = start) -> None:
                for id, keys in documents[start : start + BATCH]:
                    tx.set("seats", id, {"event_id": self.id, "taken": dict.fromkeys(keys, ENTRY)})

            await store.transaction(write)
        return len(documents)

    async def look(self, store: DocumentStore) -> int:
        """Read all that is taken, as a look for the best seats does; the number of documents."""
        count, after = 0, None
        while True:
            page = await store.query(Query("seats", (Filter("event_id", "==", self.id),), limit=500, after=after))
            count += len(page.documents)
            if page.next_cursor is None:
                return count
            after = page.next_cursor

    async def hold(self, store: DocumentStore, seats: list[Seat]) -> bool:
        documents = self._documents(seats)
        counter = f"{self.id}:{hash(seats[0][:2]) % self._counters}" if self._counters else None

        async def take(tx: Transaction) -> bool:
            found = {id: await tx.get("seats", id) or {"event_id": self.id, "taken": {}} for id in documents}
            count = None if counter is None else await tx.get("counters", counter) or {"event_id": self.id, "held": 0}
            if any(key in found[id]["taken"] for id, keys in documents.items() for key in keys):
                return False
            for id, keys in documents.items():
                tx.set("seats", id, {**found[id], "taken": {**found[id]["taken"], **dict.fromkeys(keys, ENTRY)}})
            if counter is not None and count is not None:
                tx.set("counters", counter, {**count, "held": count["held"] + len(seats)})
            return True

        return await store.transaction(take)


def _free_fours(plan: list[Seat], taken: set[Seat]) -> list[list[Seat]]:
    """Four free neighbours each, in rows of their own."""
    free = set(plan) - taken
    found: dict[tuple[int, int], list[Seat]] = {}
    for section, row, number in plan:
        four = [(section, row, number + step) for step in range(4)]
        if free.issuperset(four):
            found.setdefault((section, row), four)
    return list(found.values())


async def alone(name: str, store: DocumentStore, plan: list[Seat]) -> None:
    """One customer at a time."""
    chance = random.Random(5)
    taken = set(chance.sample(plan, len(plan) // 2))
    fours = _free_fours(plan, taken)[:20]
    print(f"\n{name}, one at a time, {len(plan):,} seats, half of them taken")
    print(f"  {'a document per':16}{'documents':>10}{'look: read':>12}{'ms':>8}{'hold: read+written':>20}{'ms':>8}")
    times: dict[Grain, tuple[float, float]] = {}
    for grain in GRAINS:
        event = Event(grain)
        written = await event.fill(store, sorted(taken))
        looks, holds, read = [], [], 0
        for _ in range(3):
            start = time.perf_counter()
            read = await event.look(store)
            looks.append(1000 * (time.perf_counter() - start))
        before = _usage([store])
        for four in fours:
            start = time.perf_counter()
            assert await event.hold(store, four)
            holds.append(1000 * (time.perf_counter() - start))
        reads, writes, _ = ((b - a) // len(fours) for a, b in zip(before, _usage([store]), strict=True))
        times[grain] = median(looks), median(holds)
        per_hold = f"{reads} + {writes}" if reads else "-"
        print(f"  {grain.name:16}{written:>10}{read:>12}{times[grain][0]:>8.1f}{per_hold:>20}{times[grain][1]:>8.2f}")
    for grain in (SEAT, SECTION):
        look, hold = (mine / rows for mine, rows in zip(times[grain], times[ROW], strict=True))
        print(f"  {grain.name} against row: look x{look:.2f}, hold x{hold:.2f}")


def _usage(stores: Iterable[DocumentStore]) -> tuple[int, int, int]:
    """Documents read and written, conflicts at the server; nothing where the store does not count."""
    counts = [store.usage for store in stores if isinstance(store, FirestoreDocumentStore)]
    return sum(c.reads for c in counts), sum(c.writes for c in counts), sum(c.conflicts for c in counts)


async def together(stores: list[DocumentStore], event: Event, wanted: list[list[Seat]]) -> tuple[float, int, int]:
    """Each writer holds its share one after another: seconds, holds that were made, conflicts."""

    async def writer(number: int) -> int:
        return sum([await event.hold(stores[number], pair) for pair in wanted[number :: len(stores)]])

    before, start = _usage(stores), time.perf_counter()
    held = sum(await asyncio.gather(*(writer(number) for number in range(len(stores)))))
    return time.perf_counter() - start, held, _usage(stores)[2] - before[2]


async def contended(stores: list[DocumentStore], each: int) -> None:
    count = len(stores) * each
    cases = {
        "neighbours in one row": [[(1, 1, 2 * n), (1, 1, 2 * n + 1)] for n in range(count)],
        "one section, a row each": [[(1, n, 1), (1, n, 2)] for n in range(count)],
        "the same two seats": [[(1, 1, 1), (1, 1, 2)]] * count,
    }
    print(f"\nFirestore, {len(stores)} writers with {each} holds of two seats each")
    print(f"  {'':26}{'a document per':>16}{'held':>6}{'conflicts':>11}{'seconds':>9}")
    for case, wanted in cases.items():
        for grain in GRAINS:
            seconds, held, conflicts = await together(stores, Event(grain), wanted)
            print(f"  {case:26}{grain.name:>16}{held:>6}{conflicts:>11}{seconds:>9.2f}")
    print("  a section of 512 places of general admission, each customer beginning somewhere:")
    chance = random.Random(7)
    starts = [2 * number for number in chance.sample(range(256), count)]
    for grain in (SECTION, SHARD):
        wanted = [[(1, 1, place), (1, 1, place + 1)] for place in starts]
        seconds, held, conflicts = await together(stores, Event(grain), wanted)
        print(f"  {'any two places':26}{grain.name:>16}{held:>6}{conflicts:>11}{seconds:>9.2f}")
    print("  and with counters of what is taken, a document per row:")
    for counters in (1, 16):
        wanted = cases["one section, a row each"]
        seconds, held, conflicts = await together(stores, Event(ROW, counters=counters), wanted)
        print(f"  {'one section, a row each':26}{f'{counters} counters':>16}{held:>6}{conflicts:>11}{seconds:>9.2f}")


async def imports(store: DocumentStore, plan: list[Seat]) -> None:
    """Documents for seats that nobody has taken yet, which a sparse design does not have."""
    event = Event(SEAT)
    start = time.perf_counter()
    written = await event.fill(store, plan)
    print(f"\nFirestore, importing an event with a document for every seat: {written:,} writes, ", end="")
    print(f"{time.perf_counter() - start:.1f} s; with documents for what is taken: 1 write")


async def measure(options: argparse.Namespace, emulator: str) -> None:
    plan = [
        (section, row, number)
        for section in range(options.sections)
        for row in range(options.rows)
        for number in range(options.seats)
    ]
    with tempfile.TemporaryDirectory() as folder:
        sqlite = SqliteDocumentStore(Path(folder) / "seats.db", COLLECTIONS)
        await alone("SQLite", sqlite, plan)
        await sqlite.close()
    project = f"p-{secrets.token_hex(6)}"
    stores: list[DocumentStore] = [
        FirestoreDocumentStore(project, "usher-benchmark", COLLECTIONS, emulator=emulator, patience_seconds=120)
        for _ in range(options.writers)
    ]
    await alone("Firestore", stores[0], plan)
    await imports(stores[0], plan)
    await contended(stores, options.each)
    for store in stores:
        await store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--sections", type=int, default=25)
    parser.add_argument("--rows", type=int, default=10)
    parser.add_argument("--seats", type=int, default=20, help="in a row")
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--each", type=int, default=3, help="holds of each writer")
    parser.add_argument("--emulator", help="host:port of a running Firestore emulator")
    options = parser.parse_args()
    running = contextlib.nullcontext(options.emulator) if options.emulator else firestore_emulator()
    with running as emulator:
        asyncio.run(measure(options, emulator))


if __name__ == "__main__":
    main()
