"""The secret in the URL of the emulator's pushes."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from contracts.bus.subscriber import SECRET, Subscriber
from contracts.bus.suite import error_event
from served import free_port
from usher_compose.push_secret import push_endpoint
from usher_shared.bus import encode_push

GOOD = urlsplit(push_endpoint("http://logger/push", SECRET)).query


@pytest.fixture
async def subscriber() -> AsyncIterator[Subscriber]:
    subscriber = Subscriber("logger", free_port(), push_secret=SECRET)
    await subscriber.server.start()
    yield subscriber
    await subscriber.server.stop()


async def push(subscriber: Subscriber, query: str, **headers: str) -> int:
    sent = error_event()
    body = encode_push(
        sent.to_json(), sent.attributes(), message_id="1", publish_time="2026-11-20T12:00:00Z", subscription="s"
    )
    url = f"{subscriber.server.url}/push?{query}"
    async with aiohttp.ClientSession() as session, session.post(url, json=body, headers=headers) as response:
        return response.status


def test_the_urls_secret_is_not_the_stacks() -> None:
    (shown,) = parse_qs(GOOD)["token"]
    assert SECRET not in shown
    assert len(shown) == 64
    assert push_endpoint("", SECRET + "x") != push_endpoint("", SECRET)


async def test_the_secret_makes_the_caller_the_bus(subscriber: Subscriber) -> None:
    assert await push(subscriber, GOOD) == 204
    assert await push(subscriber, f"a=b&{GOOD}&c=") == 204
    assert await push(subscriber, GOOD, Authorization="Bearer nonsense") == 204
    assert len(subscriber.handled) == 3


@pytest.mark.parametrize(
    "query",
    ["", "token=", "token=wrong", f"token={SECRET}", GOOD[:-1], GOOD + "0", f"{GOOD}&{GOOD}", f"x{GOOD}", "token=ä"],
)
async def test_anything_else_is_nobody(subscriber: Subscriber, query: str) -> None:
    assert await push(subscriber, query) == 401
    assert subscriber.seen == []


async def test_the_secret_opens_nothing_else(subscriber: Subscriber) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{subscriber.server.url}/openapi.json?{GOOD}") as response,
    ):
        assert response.status == 401
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{subscriber.server.url}/push", headers={"Authorization": f"Bearer {GOOD[6:]}"}) as response,
    ):
        assert response.status == 401


async def test_the_secret_is_in_no_log(subscriber: Subscriber, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await push(subscriber, GOOD)
        await push(subscriber, GOOD[:-1])
    lines = [repr(vars(record)) for record in caplog.records]
    assert any("/push" in line for line in lines)
    assert not any(GOOD[6:-1] in line for line in lines)
