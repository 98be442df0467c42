"""What every AnswerCache does. An adapter's test subclasses `AnswerCacheSuite` with the fixture `cache`."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from usher_gateway.catalogue.ports import AnswerCache


class AnswerCacheSuite:
    @pytest.fixture
    def key(self) -> str:
        return f"events/{uuid.uuid4().hex}?city=S%C3%A3o Paulo"

    async def test_what_was_put_is_got_byte_for_byte(self, cache: AnswerCache, key: str) -> None:
        answer = bytes(range(256)) * 100
        assert await cache.get(key) is None

        await cache.put(key, answer, 60)

        assert await cache.get(key) == answer
        assert await cache.get(key + "x") is None

    async def test_the_later_answer_counts(self, cache: AnswerCache, key: str) -> None:
        await cache.put(key, b"old", 60)
        await cache.put(key, b"new", 60)

        assert await cache.get(key) == b"new"

    async def test_an_answer_does_not_outlive_its_time(self, cache: AnswerCache, key: str) -> None:
        await cache.put(key, b"answer", 0.02)

        async with asyncio.timeout(10):
            while await cache.get(key) is not None:  # noqa: ASYNC110  it forgets by itself and tells nobody
                await asyncio.sleep(0.005)

    async def test_an_empty_answer_is_an_answer(self, cache: AnswerCache, key: str) -> None:
        await cache.put(key, b"", 60)

        assert await cache.get(key) == b""

    async def test_it_says_that_it_is_well(self, cache: AnswerCache) -> None:
        await cache.ping()
