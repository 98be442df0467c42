"""Parsed layouts are shared; a burst on a cold process parses one once."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from usher_shared.documents import DocumentStore
from usher_shared.errors import UpstreamFailed
from usher_tools.seats.layout import Layouts, general_section, layout_document


class _Slow:
    """A store whose answers take a turn of the loop, as those over a network do."""

    def __init__(self, documents: dict[str, Any]) -> None:
        self._documents = documents

    async def get(self, collection: str, id: str) -> Any:
        await asyncio.sleep(0)
        return self._documents.get(id)


def _store(*capacities: int) -> tuple[DocumentStore, list[str]]:
    made = [layout_document([general_section("F", "Floor", 1, capacity, 0)]) for capacity in capacities]
    return cast(DocumentStore, _Slow(dict(made))), [id for id, _ in made]


async def test_a_cold_burst_gets_one_layout() -> None:
    store, [id] = _store(500)
    layouts = Layouts()
    found = await asyncio.gather(*(layouts.get(store, id) for _ in range(200)))
    assert len({builtin_id(layout) for layout in found}) == 1


async def test_the_least_recently_used_is_forgotten() -> None:
    store, ids = _store(100, 200, 300)
    layouts = Layouts(keep=2)
    first = await layouts.get(store, ids[0])
    await layouts.get(store, ids[1])
    assert await layouts.get(store, ids[0]) is first
    await layouts.get(store, ids[2])
    assert await layouts.get(store, ids[0]) is first


async def test_a_lost_layout_is_an_error_each_time() -> None:
    store, _ = _store()
    layouts = Layouts()
    for _ in range(2):
        with pytest.raises(UpstreamFailed):
            await layouts.get(store, "gone")


def builtin_id(thing: object) -> int:
    return id(thing)
