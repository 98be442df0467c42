"""Hostile and mistaken input: a clear 4xx that names the field, never a 5xx."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from yarl import URL


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "message"),
        ({"message": ""}, "message"),
        ({"message": "   "}, "message"),
        ({"message": "x" * 8001}, "message"),
        ({"message": 7}, "message"),
        ({"message": "hello", "conversation_id": "a/b"}, "conversation_id"),
        ({"message": "hello", "conversation_id": "a\nb"}, "conversation_id"),
        ({"message": "hello", "customer_id": "../x"}, "customer_id"),
        ({"message": "hello", "other": 1}, "other"),
        ({"message": "hello", "metadata": {"a": 1}}, "metadata.a"),
        ({"message": "hello", "attachments": [{"kind": "film"}]}, "attachments.0.kind"),
        ([], "body"),
        (None, "body"),
    ],
    ids=str,
)
async def test_a_body_that_is_not_valid_names_the_field(gateway: Any, body: Any, field: str) -> None:
    status, headers, answer = await gateway.call(
        "POST", "/chat", data=json.dumps(body), headers={**await gateway.key(), "Content-Type": "application/json"}
    )

    assert (status, answer["code"]) == (422, "validation_failed")
    assert field in [error["field"] for error in answer["errors"]]
    assert headers["Content-Type"] == "application/problem+json"
    assert gateway.agent.calls == []


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff\xfe", b'{"message": NaN}', b'{"message": "\\ud800"}', b"[" * 100_000, b"1" * 5000],
    ids=lambda data: repr(data[:12]),
)
async def test_bytes_that_are_no_json(gateway: Any, data: bytes) -> None:
    headers = {**await gateway.key(), "Content-Type": "application/json"}

    for path in ("/chat", "/feedback", "/confirmations/c1", "/webhooks/register"):
        status, _, _ = await gateway.call("POST", path, data=data, headers=headers)
        assert status in (400, 403, 422), path


async def test_a_body_over_a_mebibyte_is_too_large(gateway: Any) -> None:
    key = await gateway.key()
    blob = base64.b64encode(b"x" * 500_000).decode()
    attachments = [{"kind": "image", "content_type": "image/png", "data": blob}] * 2

    async def chunks() -> Any:
        for _ in range(20):
            yield b'{"message": "' + b"x" * 100_000

    declared = await gateway.call("POST", "/chat", json={"message": "hello", "attachments": attachments}, headers=key)
    streamed = await gateway.call("POST", "/chat", data=chunks(), headers={**key, "Content-Type": "application/json"})
    fits = await gateway.call("POST", "/chat", json={"message": "hello", "attachments": attachments[:1]}, headers=key)

    assert (declared[0], declared[2]["code"]) == (413, "payload_too_large")
    assert (streamed[0], streamed[2]["code"]) == (413, "payload_too_large")
    assert fits[0] == 200


async def test_ids_never_become_steps_of_a_path(gateway: Any) -> None:
    key = await gateway.key("chat", "orders", "webhooks")
    for hostile in (
        "..",
        ".",
        "...",
        "%2e%2e",
        "..%2fstats",
        "a%2fb",
        "a%00b",
        "a%20b",
        "%C3%B6",
        "x" * 129,
        "a%0d%0aX:1",
    ):
        for path in ("/conversations/{}", "/orders/{}", "/events/{}", "/webhooks/{}"):
            url = URL(gateway.url + path.format(hostile), encoded=True)
            async with gateway.session.get(url, headers=key) as response:
                assert response.status in (404, 422), url
    for service in (gateway.agent, gateway.tools, gateway.webhooks):
        assert service.calls == []
    status, _, _ = await gateway.call("POST", "/chat", json={"message": "x", "conversation_id": ".."}, headers=key)
    assert status == 422


async def test_unknown_things_are_404(gateway: Any) -> None:
    key = await gateway.key("chat", "orders", "webhooks", "analytics")
    gateway.agent.answers.clear()
    gateway.tools.answers.clear()
    for path in ("/conversations/c9", "/orders/ORD_9", "/events/EVT_9", "/webhooks/wh_9", "/nowhere"):
        status, _, body = await gateway.call("GET", path, headers=key)
        assert (status, body["code"]) == (404, "not_found"), path
    assert (await gateway.call("GET", "/analytics/rows/secrets", headers=key))[0] == 422
    assert (await gateway.call("PUT", "/chat", headers=key))[0] == 405


async def test_a_service_that_answers_nonsense_is_502(gateway: Any) -> None:
    key = await gateway.key()
    gateway.tools.on("GET", "/orders", {"orders": [{"order_id": 7}]})
    gateway.agent.on("GET", "/conversations/", ["nonsense"])
    rating = {"conversation_id": "c1", "message_id": "m1", "rating": 1}

    orders = await gateway.call("GET", "/orders", headers=key)
    feedback = await gateway.call("POST", "/feedback", json=rating, headers=key)

    assert (orders[0], orders[2]["code"]) == (502, "upstream_failed")
    assert (feedback[0], feedback[2]["code"]) == (502, "upstream_failed")
