"""Notifications of payment providers: let in without a key, counted by address, passed on as they came."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web

BODY = b'{"id": "evt_1",   "object":"event", "note": "sp\xc3\xa4t"}\n'


async def test_a_notification_is_passed_on_as_it_came(gateway: Any) -> None:
    seen: list[bytes] = []

    async def take(request: web.Request, _: Any) -> web.Response:
        seen.append(await request.read())
        return web.json_response({"received": True})

    gateway.tools.on("POST", "/notices/stripe", take)

    status, headers, answer = await gateway.call(
        "POST", "/webhooks/stripe", data=BODY, headers={"Stripe-Signature": "t=1,v1=ab"}
    )

    assert (status, answer) == (200, {"received": True})
    assert seen == [BODY]
    (call,) = gateway.tools.calls
    assert call.headers["Stripe-Signature"] == "t=1,v1=ab"
    assert "Usher-Customer" not in call.headers
    assert headers["RateLimit"]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ((400, {"detail": "no", "code": "bad_signature"}), 400),
        ((404, {"detail": "no", "code": "unknown_provider"}), 404),
        ((504, {"detail": "silence", "code": "payment_unknown"}), 504),
    ],
)
async def test_what_the_box_office_says_goes_back(gateway: Any, answer: Any, status: int) -> None:
    gateway.tools.on("POST", "/notices/", answer)
    assert (await gateway.call("POST", "/webhooks/stripe", data=b"{}"))[0] == status


async def _chunks() -> AsyncIterator[bytes]:
    for _ in range(3):
        yield b" " * (100 << 10)


@pytest.mark.parametrize("body", [lambda: b" " * (300 << 10), _chunks], ids=["declared", "chunked"])
async def test_too_large_a_notification_goes_nowhere(gateway: Any, body: Any) -> None:
    status, _, _ = await gateway.call("POST", "/webhooks/stripe", data=body())
    assert status == 413
    assert gateway.tools.calls == []


async def _send(gateway: Any, *header: str) -> tuple[int, str, dict[str, Any]]:
    """Status, headers and problem of a request whose body never comes; returns once the connection is closed."""
    url = urlsplit(gateway.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    lines = ("POST /webhooks/stripe HTTP/1.1", f"Host: {url.netloc}", *header, "", "")
    writer.write("\r\n".join(lines).encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = int(head.lower().partition("content-length: ")[2].split()[0])
    answer = json.loads(await reader.readexactly(length))
    if "connection: close" in head.lower():
        assert await reader.read() == b""
    writer.close()
    return int(head.split()[1]), head, answer


async def test_a_body_that_does_not_come_is_not_waited_for(start: Any) -> None:
    async with start(notice_seconds=0.05) as gateway:
        for header in ("Content-Length: 1000", "Transfer-Encoding: chunked"):
            status, head, problem = await _send(gateway, header)
            assert (status, problem["code"]) == (408, "request_timeout")
            assert "connection: close" in head.lower()
        assert gateway.tools.calls == []


async def test_what_is_announced_as_too_large_is_not_read(gateway: Any) -> None:
    status, _, problem = await _send(gateway, f"Content-Length: {257 << 10}")
    assert (status, problem["code"]) == (413, "payload_too_large")


async def test_notifications_are_counted_by_address(start: Any) -> None:
    async with start(notices_per_minute=2) as gateway:
        gateway.tools.on("POST", "/notices/stripe", {"received": True})
        found = [(await gateway.call("POST", "/webhooks/stripe", data=b"{}"))[0] for _ in range(3)]
        listed = await gateway.call("GET", "/events", headers=await gateway.key("chat"))
    assert found == [200, 200, 429]
    assert listed[0] == 200  # others are counted apart


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/webhooks/register"),
        ("POST", "/webhooks/stripe/rotate-secret"),
        ("POST", "/webhooks/stripe/"),
        ("GET", "/webhooks/stripe"),
        ("DELETE", "/webhooks/stripe"),
        ("POST", "/webhooks"),
        ("POST", "/webhooks/%72egister"),
    ],
)
async def test_nothing_else_is_let_in_without_a_key(gateway: Any, method: str, path: str) -> None:
    assert (await gateway.call(method, path, data=b"{}", allow_redirects=False))[0] == 401
