"""The catalogue is read once for a crowd, kept for a moment, and never held up by its cache."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from aiohttp import web

from usher_gateway.adapters.caches import MemoryAnswerCache
from usher_gateway.catalogue.ports import CacheFailed
from usher_gateway.catalogue.service import SharedReads
from usher_shared.errors import Unavailable


class Loader:
    """A slow read that counts how often it runs and ends when told to."""

    def __init__(self, answer: bytes = b"answer") -> None:
        self.answer = answer
        self.runs = 0
        self.started = asyncio.Event()
        self.may_end = asyncio.Event()

    async def __call__(self) -> bytes:
        self.runs += 1
        self.started.set()
        await self.may_end.wait()
        return self.answer


class BrokenCache:
    async def get(self, key: str) -> bytes | None:
        raise CacheFailed("down")

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        raise CacheFailed("down")

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


async def test_a_crowd_is_answered_by_one_read() -> None:
    reads, load = SharedReads(MemoryAnswerCache(), seconds=60), Loader()
    crowd = [asyncio.create_task(reads.read("k", load)) for _ in range(50)]
    await load.started.wait()
    load.may_end.set()

    assert await asyncio.gather(*crowd) == [b"answer"] * 50
    assert await reads.read("k", load) == b"answer"  # kept
    assert load.runs == 1
    await reads.read("another", load)
    assert load.runs == 2


async def test_a_caller_that_leaves_takes_nobody_along() -> None:
    reads, load = SharedReads(MemoryAnswerCache(), seconds=60), Loader()
    first = asyncio.create_task(reads.read("k", load))
    await load.started.wait()
    second = asyncio.create_task(reads.read("k", load))
    first.cancel()
    load.may_end.set()

    assert await second == b"answer"
    assert load.runs == 1
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_failure_is_everyones_and_is_not_kept() -> None:
    reads = SharedReads(MemoryAnswerCache(), seconds=60)

    async def fail() -> bytes:
        raise Unavailable("the box office is down")

    found = await asyncio.gather(*(reads.read("k", fail) for _ in range(3)), return_exceptions=True)
    load = Loader()
    load.may_end.set()

    assert {type(answer) for answer in found} == {Unavailable}
    assert await reads.read("k", load) == b"answer"


async def test_a_broken_cache_is_a_miss_and_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    reads, load = SharedReads(BrokenCache(), seconds=60, retry_seconds=0), Loader()
    load.may_end.set()

    assert [await reads.read("k", load) for _ in range(3)] == [b"answer"] * 3
    assert load.runs == 3
    assert [r.message for r in caplog.records] == ["catalogue cache failed: every read is a miss"]


async def test_nothing_is_kept_where_that_is_asked_or_the_answer_is_huge() -> None:
    never = SharedReads(MemoryAnswerCache(), seconds=0)
    huge = SharedReads(MemoryAnswerCache(), seconds=60)
    for reads, load in ((never, Loader()), (huge, Loader(bytes((1 << 18) + 1)))):
        load.may_end.set()
        await reads.read("k", load)
        await reads.read("k", load)
        assert load.runs == 2


async def test_the_crowd_costs_the_box_office_one_read_of_each_question(gateway: Any) -> None:
    gateway.tools.on("GET", "/events/EVT_1", {"event": {"id": "EVT_1"}})
    keys = [await gateway.key("chat", client_id=f"shop{n}") for n in range(2)]
    paths = ["/events", "/events?city=Chicago", "/events?city=chicago", "/events?limit=5", "/events/EVT_1"]
    calls = [gateway.call("GET", path, headers=key) for path in paths for key in keys for _ in range(5)]

    answers = await asyncio.gather(*calls)

    assert {status for status, _, _ in answers} == {200}
    assert {headers["Content-Type"] for _, headers, _ in answers} == {"application/json"}
    asked = sorted((call.path, tuple(call.query.items())) for call in gateway.tools.calls)
    assert asked == [
        ("/events", (("limit", "100"),)),
        ("/events", (("limit", "100"), ("city", "Chicago"))),
        ("/events", (("limit", "100"), ("city", "chicago"))),
        ("/events", (("limit", "5"),)),
        ("/events/EVT_1", ()),
    ]


async def test_orders_are_never_shared(gateway: Any) -> None:
    key = await gateway.key("orders")
    for _ in range(2):
        await gateway.call("GET", "/orders", headers=key)

    assert len(gateway.tools.calls) == 2


async def test_an_answer_is_asked_for_again_when_it_is_old(start: Any) -> None:
    async with start(catalogue_seconds=0.05) as gateway:
        key = await gateway.key()

        async def count(request: web.Request, call: Any) -> web.Response:
            return web.json_response({"events": [], "asked": len(gateway.tools.calls)})

        gateway.tools.on("GET", "/events", count)
        async with asyncio.timeout(10):
            while (await gateway.call("GET", "/events", headers=key))[2]["asked"] < 2:
                pass


async def test_a_crowd_without_its_box_office_is_told_so(start: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with start() as gateway:
        key = await gateway.key()
        gateway.tools.on("GET", "/events", (503, {"code": "unavailable", "detail": "closed"}))
        with caplog.at_level(logging.CRITICAL):
            answers = await asyncio.gather(*(gateway.call("GET", "/events", headers=key) for _ in range(5)))
        gateway.tools.on("GET", "/events", {"events": []})

        assert {status for status, _, _ in answers} == {503}
        assert {body["code"] for _, _, body in answers} == {"unavailable"}
        assert len({body["request_id"] for _, _, body in answers}) == 5
        assert (await gateway.call("GET", "/events", headers=key))[0] == 200
