"""What every service answers: problem documents, health, ids, the bound on bodies; and the client that calls it."""

from __future__ import annotations

import re
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from served import free_port
from usher_shared.errors import (
    ConfirmationRequired,
    Conflict,
    Forbidden,
    Gone,
    InvalidRequest,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    Unauthenticated,
    Unavailable,
    Unprocessable,
    UpstreamFailed,
    UpstreamTimeout,
    UsherError,
    error_from_status,
)
from usher_shared.http.client import ServiceClient
from usher_shared.http.tokens import LocalTokenSource

SECRET = "a secret for tests that is long enough"
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
Headers = dict[str, str]


async def problem(response: aiohttp.ClientResponse) -> dict[str, Any]:
    assert response.content_type == "application/problem+json"
    body: dict[str, Any] = await response.json(content_type=None)
    assert {"type", "title", "status", "detail", "code", "request_id"} <= set(body)
    assert body["status"] == response.status
    assert body["type"] == f"urn:usher:problem:{body['code']}"
    assert body["request_id"] == response.headers["X-Request-Id"]
    return body


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/conflict", 409, "seats_taken"),
        ("/busy", 429, "rate_limited"),
        ("/bug", 500, "internal_error"),
        ("/teapot", 418, "http_error"),
        ("/nowhere", 404, "not_found"),
        ("/orders", 405, "method_not_allowed"),
    ],
)
async def test_every_error_is_a_problem_document(
    anyone: aiohttp.ClientSession, authorization: Headers, path: str, status: int, code: str
) -> None:
    async with anyone.get(path, headers=authorization) as response:
        assert (response.status, (await problem(response))["code"]) == (status, code)


async def test_a_bug_tells_nothing_of_itself(anyone: aiohttp.ClientSession, authorization: Headers) -> None:
    async with anyone.get("/bug", headers=authorization) as response:
        assert "swordfish" not in await response.text()


async def test_details_and_retry_times_are_told(anyone: aiohttp.ClientSession, authorization: Headers) -> None:
    async with anyone.get("/conflict", headers=authorization) as response:
        body = await problem(response)
        assert (body["detail"], body["seats"]) == ("row C was sold", ["112-C-7"])
    async with anyone.get("/busy", headers=authorization) as response:
        assert response.headers["Retry-After"] == "2"


async def test_an_invalid_body_names_its_fields(anyone: aiohttp.ClientSession, authorization: Headers) -> None:
    body = {"order_id": "", "quantity": 0}
    async with anyone.post("/orders", json=body, headers=authorization) as response:
        answer = await problem(response)
    assert (answer["status"], answer["code"]) == (422, "validation_failed")
    assert {e["field"] for e in answer["errors"]} == {"order_id", "quantity"}


async def test_without_a_token_only_health_is_told(anyone: aiohttp.ClientSession) -> None:
    for path in ("/health", "/live", "/ready"):
        async with anyone.get(path) as response:
            assert response.status == 200
    async with anyone.get("/whoami") as response:
        assert (await problem(response))["code"] == "no_token"
        assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_only_named_callers_get_through(anyone: aiohttp.ClientSession, authorization: Headers) -> None:
    operator = {"Authorization": f"Bearer {await LocalTokenSource('cli', SECRET).token('tools')}"}
    async with anyone.get("/conflict", headers=operator) as response:
        assert response.status == 409  # the router lets it in
    async with anyone.get("/whoami", headers=operator) as response:
        assert (response.status, (await problem(response))["code"]) == (403, "wrong_caller")


async def test_readiness_names_what_is_wrong(echo: Any, anyone: aiohttp.ClientSession) -> None:
    async with anyone.get("/ready") as response:
        assert await response.json() == {"status": "ready", "checks": {"store": "ok"}}
    echo.failing_check = "the disk is full"
    async with anyone.get("/ready") as response:
        assert response.status == 503
        assert "the disk is full" in (await response.json())["checks"]["store"]
    async with anyone.get("/health") as response:
        assert await response.json() == {"status": "ok", "service": "tools", "version": "1.2.3"}


async def test_a_declared_body_over_the_limit_is_refused(anyone: aiohttp.ClientSession, authorization: Headers) -> None:
    async with anyone.post("/orders", data=b"x" * 1001, headers=authorization) as response:
        assert (response.status, (await problem(response))["code"]) == (413, "payload_too_large")


async def test_an_undeclared_body_over_the_limit_is_refused(
    anyone: aiohttp.ClientSession, authorization: Headers
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b" " * 100

    headers = {**authorization, "Content-Type": "application/json"}
    async with anyone.post("/orders", data=chunks(), headers=headers) as response:
        assert (response.status, (await problem(response))["code"]) == (413, "payload_too_large")


async def test_a_body_at_the_limit_is_taken(anyone: aiohttp.ClientSession, authorization: Headers) -> None:
    body = b'{"order_id": "ORD_1", "quantity": 2}'.ljust(1000)
    headers = {**authorization, "Content-Type": "application/json"}
    async with anyone.post("/orders", data=body, headers=headers) as response:
        assert response.status == 200


async def test_well_formed_ids_are_kept(anyone: aiohttp.ClientSession, authorization: Headers) -> None:
    headers = {**authorization, "X-Request-Id": "req-1", "traceparent": TRACEPARENT}
    async with anyone.get("/whoami", headers=headers) as response:
        assert response.headers["X-Request-Id"] == "req-1"
        assert await response.json() == {"caller": "agent", "request_id": "req-1", "traceparent": TRACEPARENT}


@pytest.mark.parametrize("request_id", ["", "x" * 129, "a b", '"><script>', "é"])
@pytest.mark.parametrize("traceparent", ["", "nonsense", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", TRACEPARENT + "-x"])
async def test_malformed_ids_are_replaced(
    anyone: aiohttp.ClientSession, authorization: Headers, request_id: str, traceparent: str
) -> None:
    headers = {**authorization, "X-Request-Id": request_id, "traceparent": traceparent}
    async with anyone.get("/whoami", headers=headers) as response:
        body = await response.json()
    assert re.fullmatch(r"[0-9a-f]{24}", body["request_id"])
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", body["traceparent"])
    assert body["traceparent"] != traceparent


# the client


async def test_a_call_answers_with_the_decoded_json(agent: ServiceClient) -> None:
    order = {"order_id": "ORD_1", "quantity": 2}
    assert await agent.call("POST", "/orders", json=order) == order
    assert await agent.call("GET", "/nothing") is None
    raw = await agent.call_raw("POST", "/orders", content=b'{"order_id":"ORD_1","quantity":2}')
    assert (raw.status, raw.body) == (200, b'{"order_id":"ORD_1","quantity":2}')


async def test_a_problem_comes_back_as_its_error(agent: ServiceClient) -> None:
    with pytest.raises(Conflict) as conflict:
        await agent.call("GET", "/conflict")
    assert conflict.value.code == "seats_taken"
    assert conflict.value.detail == "row C was sold"
    assert conflict.value.extra == {"seats": ["112-C-7"]}
    with pytest.raises(RateLimited) as busy:
        await agent.call("GET", "/busy")
    assert busy.value.retry_after_seconds == 2
    with pytest.raises(Unprocessable) as invalid:
        await agent.call("POST", "/orders", json={})
    assert len(invalid.value.extra["errors"]) == 2  # type: ignore[arg-type]  # a list, as sent
    with pytest.raises(UpstreamFailed):
        await agent.call("GET", "/text")


async def test_a_service_that_is_down_is_unavailable() -> None:
    client = ServiceClient("tools", f"http://127.0.0.1:{free_port()}", LocalTokenSource("agent", SECRET))
    async with client:
        with pytest.raises(Unavailable):
            await client.call("GET", "/whoami")
        with pytest.raises(Unavailable):
            async with client.stream("GET", "/whoami"):
                pass


async def test_no_answer_in_time_leaves_the_effect_unknown(agent: ServiceClient) -> None:
    with pytest.raises(UpstreamTimeout):
        await agent.call("GET", "/slow", timeout_seconds=0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        async with ServiceClient("tools", url, LocalTokenSource("agent", SECRET), timeout_seconds=0.1) as client:
            with pytest.raises(UpstreamTimeout):
                await client.call("GET", "/whoami")


async def test_a_wrong_secret_and_a_wrong_service_are_refused(echo: Any) -> None:
    forger = LocalTokenSource("agent", "another secret, just as long as ours")
    async with ServiceClient("tools", echo.server.url, forger) as client:
        with pytest.raises(Unauthenticated):
            await client.call("GET", "/whoami")
    async with ServiceClient("logger", echo.server.url, LocalTokenSource("agent", SECRET)) as client:
        with pytest.raises(Forbidden):
            await client.call("GET", "/whoami")


@pytest.mark.parametrize(
    "cls",
    [
        InvalidRequest,
        Unauthenticated,
        Forbidden,
        NotFound,
        Conflict,
        Gone,
        PayloadTooLarge,
        Unprocessable,
        RateLimited,
        UpstreamFailed,
        Unavailable,
        UpstreamTimeout,
    ],
)
def test_each_error_survives_its_status(cls: type[UsherError]) -> None:
    found = error_from_status(cls.http_status, "why", code="own_code", retry_after=3)
    assert type(found) is cls
    assert (found.detail, found.code, found.retry_after_seconds) == ("why", "own_code", 3)


def test_a_missing_confirmation_is_told_from_other_refusals() -> None:
    assert type(error_from_status(403, "ask first", code="confirmation_required")) is ConfirmationRequired


@pytest.mark.parametrize("status", [402, 418, 500, 505])
def test_any_other_status_is_the_upstreams_failure(status: int) -> None:
    assert type(error_from_status(status, "what")) is UpstreamFailed


async def test_a_redirect_is_not_followed_with_our_token() -> None:
    met: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        met.append(request.path)
        raise web.HTTPFound("/other")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", elsewhere)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with ServiceClient("tools", url, LocalTokenSource("agent", SECRET)) as client:
            with pytest.raises(UpstreamFailed, match="redirects"):
                await client.call("GET", "/here")
    finally:
        await runner.cleanup()
    assert met == ["/here"]
