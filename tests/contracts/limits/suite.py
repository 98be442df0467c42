"""What every RequestCounter does. An adapter's test subclasses `RequestCounterSuite` with the fixture `bench`."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from usher_gateway.limiting.model import WINDOW_SECONDS
from usher_gateway.limiting.ports import RequestCounter


@dataclass
class Bench:
    """`open` makes one more counter on the same store; `age` makes what was counted that many seconds older."""

    open: Callable[[], RequestCounter]
    age: Callable[[float], Awaitable[None]]


def fresh_key() -> str:
    return f"key-{uuid.uuid4().hex}"


class RequestCounterSuite:
    async def test_as_many_as_allowed_pass_in_a_minute_and_no_more(self, bench: Bench) -> None:
        counter, key = bench.open(), fresh_key()

        found = [await counter.count(key, 3) for _ in range(5)]

        assert [a.allowed for a in found] == [True, True, True, False, False]
        assert [a.remaining for a in found] == [2, 1, 0, 0, 0]
        assert {a.limit for a in found} == {3}
        assert all(0 < a.reset_seconds <= WINDOW_SECONDS for a in found)

    async def test_after_the_reset_one_more_passes(self, bench: Bench) -> None:
        counter, key = bench.open(), fresh_key()
        for _ in range(3):
            await counter.count(key, 3)
        refused = await counter.count(key, 3)
        assert not refused.allowed

        await bench.age(refused.reset_seconds + 0.5)

        assert [(await counter.count(key, 3)).allowed for _ in range(2)] == [True, False]

    async def test_what_lies_two_windows_back_is_forgotten(self, bench: Bench) -> None:
        counter, key = bench.open(), fresh_key()
        for _ in range(3):
            await counter.count(key, 2)

        await bench.age(2 * WINDOW_SECONDS + 1)

        assert [(await counter.count(key, 2)).allowed for _ in range(3)] == [True, True, False]

    async def test_a_refused_request_is_not_counted(self, bench: Bench) -> None:
        counter, key = bench.open(), fresh_key()
        for _ in range(50):
            last = await counter.count(key, 2)

        await bench.age(last.reset_seconds + 0.5)

        assert (await counter.count(key, 2)).allowed

    async def test_keys_do_not_touch_each_other(self, bench: Bench) -> None:
        counter, one, other = bench.open(), fresh_key(), fresh_key()

        assert [(await counter.count(one, 1)).allowed for _ in range(2)] == [True, False]
        assert (await counter.count(other, 1)).allowed

    async def test_a_crowd_at_once_gets_no_more_than_the_limit(self, bench: Bench) -> None:
        counter, key = bench.open(), fresh_key()

        found = await asyncio.gather(*(counter.count(key, 7) for _ in range(40)))

        assert sum(a.allowed for a in found) == 7

    async def test_it_says_that_it_is_well_and_closes(self, bench: Bench) -> None:
        counter = bench.open()
        await counter.ping()
        await counter.close()
