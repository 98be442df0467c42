"""A subscriber believes the bus alone: any other token is refused and nothing happens."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

import aiohttp
import jwt
import pytest

from contracts.bus.subscriber import SECRET, Subscriber
from contracts.bus.suite import error_event
from served import free_port
from usher_shared.bus import encode_push
from usher_shared.http.tokens import LocalTokenSource


def signed(secret: str = SECRET, algorithm: str = "HS256", **changes: object) -> str:
    now = int(time.time())
    claims = {"iss": "usher-local", "sub": "bus", "aud": "logger", "iat": now, "exp": now + 60, **changes}
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, secret, algorithm=algorithm)


def unsigned() -> str:
    return jwt.encode(jwt.decode(signed(), options={"verify_signature": False}), "", "none")


def shifted(seconds: int) -> str:
    """A token whose hour of life began so many seconds from now."""
    begin = int(time.time()) + seconds
    return signed(iat=begin, exp=begin + 3600)


# tokens are made when they are used: collecting the tests may take longer than a token lives
REFUSED: dict[str, tuple[Callable[[], str | None], int, str]] = {
    "no token": (lambda: None, 401, "no_token"),
    "not a token": (lambda: "Bearer nonsense", 401, "bad_token"),
    "another scheme": (lambda: "Basic YnVzOmJ1cw==", 401, "no_token"),
    "forged": (lambda: "Bearer " + signed("another secret that is long enough"), 401, "bad_token"),
    "unsigned": (lambda: "Bearer " + unsigned(), 401, "bad_token"),
    "another algorithm": (lambda: "Bearer " + signed(SECRET * 2, "HS512"), 401, "bad_token"),
    "expired": (lambda: "Bearer " + shifted(-7200), 401, "bad_token"),
    "without an end": (lambda: "Bearer " + signed(exp=None), 401, "bad_token"),
    "from the future": (lambda: "Bearer " + shifted(3600), 401, "bad_token"),
    "another issuer": (lambda: "Bearer " + signed(iss="https://accounts.example.com"), 401, "bad_token"),
    "wrong audience": (lambda: "Bearer " + signed(aud="webhooks"), 403, "wrong_audience"),
    "wrong account": (lambda: "Bearer " + signed(sub="gateway"), 403, "wrong_caller"),
}


@pytest.fixture
async def subscriber() -> AsyncIterator[Subscriber]:
    subscriber = Subscriber("logger", free_port())
    await subscriber.server.start()
    yield subscriber
    await subscriber.server.stop()


async def push(subscriber: Subscriber, authorization: str | None) -> tuple[int, dict[str, object]]:
    sent = error_event()
    body = encode_push(
        sent.to_json(), sent.attributes(), message_id="1", publish_time="2026-11-20T12:00:00Z", subscription="s"
    )
    headers = {} if authorization is None else {"Authorization": authorization}
    async with (
        aiohttp.ClientSession() as session,
        session.post(subscriber.server.url + "/push", json=body, headers=headers) as response,
    ):
        return response.status, await response.json() if response.status >= 400 else {}


@pytest.mark.parametrize("case", REFUSED)
async def test_is_refused_without_effect(subscriber: Subscriber, case: str) -> None:
    authorization, status, code = REFUSED[case]
    answered, problem = await push(subscriber, authorization())
    assert (answered, problem["code"]) == (status, code)
    assert subscriber.seen == []


async def test_the_control_the_bus_itself_is_believed(subscriber: Subscriber) -> None:
    token = await LocalTokenSource("bus", SECRET).token("logger")
    assert (await push(subscriber, f"Bearer {token}"))[0] == 204
    assert len(subscriber.handled) == 1
