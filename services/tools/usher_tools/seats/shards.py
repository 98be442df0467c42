"""How the places of a general-admission section are spread over row documents.

Nobody sees the shards: a customer's place is `F-GA-113`. A shard is what one document of `seat_rows` records, so that
a crowd does not queue for one. The division depends on nothing but the place's number: a venue may raise or lower the
capacity, and a place that was sold before stays in the document that says so. Small shards come first, so that a
small section has several; a large section's are as large as a document should grow.
"""

from __future__ import annotations

from collections.abc import Iterator

GENERAL_ROW = "GA"
MAX_CAPACITY = 50_000
_SIZES = (32, 64, 128)  # sixteen shards of each, as many as an event has tallies, …
_PER_SIZE = 16
_LAST_SIZE = 256  # … and then of this size: about 25 kB when all of it is taken


def shard_bounds(capacity: int) -> list[int]:
    """Where the shards of places 0 to capacity-1 begin, and the end: shard i has [bounds[i], bounds[i+1])."""
    bounds = [0]
    for size in _sizes():
        if bounds[-1] >= capacity:
            return bounds
        bounds.append(min(bounds[-1] + size, capacity))
    return bounds


def _sizes() -> Iterator[int]:
    for size in _SIZES:
        for _ in range(_PER_SIZE):
            yield size
    while True:
        yield _LAST_SIZE
