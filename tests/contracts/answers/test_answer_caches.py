"""The AnswerCache contract, in this process and on a real redis-server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from contracts.answers.suite import AnswerCacheSuite
from emulators.redis import redis_process, redis_server
from usher_gateway.adapters.caches import MemoryAnswerCache, RedisAnswerCache, answer_cache
from usher_gateway.catalogue.ports import AnswerCache, CacheFailed


class TestMemoryAnswerCache(AnswerCacheSuite):
    @pytest.fixture
    def cache(self) -> AnswerCache:
        return MemoryAnswerCache()

    async def test_the_oldest_answer_makes_room(self) -> None:
        cache = MemoryAnswerCache(capacity=2)
        for name in ("a", "b", "a", "c"):  # putting "a" again makes "b" the oldest
            await cache.put(name, name.encode(), 60)

        assert [await cache.get(name) for name in "abc"] == [b"a", None, b"c"]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with redis_server() as address:
        yield address


class TestRedisAnswerCache(AnswerCacheSuite):
    @pytest.fixture
    async def cache(self, url: str) -> AsyncIterator[AnswerCache]:
        cache = RedisAnswerCache(url, timeout_seconds=10)
        yield cache
        await cache.close()


async def test_without_its_server_it_fails_and_recovers() -> None:
    with redis_process() as server:
        cache = RedisAnswerCache(server.url, timeout_seconds=2)
        await cache.put("k", b"v", 60)
        server.kill()
        for call in (cache.get("k"), cache.put("k", b"v", 60), cache.ping()):
            with pytest.raises(CacheFailed):
                await call
        server.start()
        assert await cache.get("k") is None
        server.freeze()
        with pytest.raises(CacheFailed):
            await cache.get("k")
        server.thaw()
        await cache.close()


@pytest.mark.parametrize("uri", ["", "memcached://:secret@host", "memory"])
def test_an_unknown_cache_is_refused_at_start_without_its_password(uri: str) -> None:
    with pytest.raises(ValueError, match="no answer cache") as refused:
        answer_cache(uri)
    assert "secret" not in str(refused.value)
