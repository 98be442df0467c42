"""An erased conversation leaves no recorded answer behind, and its keys no way back to it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web

from usher_shared.documents import Query

CONVERSATION = "CONV_01JD0Z5Y3K8M6Q4W2E7R9T1A0S"
REPLY_TO_ADA: dict[str, Any] = {
    "conversation_id": CONVERSATION,
    "message_id": "MSG_2",
    "reply": "I wrote to ada@example.com",
    "agent": "booking",
    "tool_calls": [],
    "confirmation": None,
    "citations": [],
    "model": {"name": "usher-base", "version": "1", "variant": "stable"},
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}
DELETED = f"/conversations/{CONVERSATION}"


async def _recorded(gateway: Any) -> str:
    return json.dumps([document.data for document in (await gateway.store.query(Query("idempotency"))).documents])


def _gone(gateway: Any) -> None:
    gone = (410, {"detail": "this conversation was erased", "code": "conversation_erased"})
    gateway.agent.on("POST", "/turns", gone)
    gateway.agent.on("POST", "/confirmations/", gone)


async def _streamed(_: web.Request, __: Any) -> web.Response:
    text = f"data: {json.dumps(REPLY_TO_ADA)}\n\n"
    return web.Response(text=text, content_type="text/event-stream")


ASKED = {"message": "hello", "conversation_id": CONVERSATION}
RUN = {"threadId": CONVERSATION, "runId": "r1", "messages": [{"id": "1", "role": "user", "content": "hello"}]}
RESUME = {
    **RUN,
    "messages": [],
    "resume": [{"interruptId": "CONF_1", "status": "resolved", "payload": {"decision": "approve"}}],
}


@pytest.mark.parametrize(
    ("path", "body", "accept"),
    [
        ("/chat", ASKED, "application/json"),
        ("/chat", ASKED, "text/event-stream"),
        ("/confirmations/CONF_1", {"decision": "approve"}, "application/json"),
        ("/agui", RUN, "text/event-stream"),
        ("/agui", RESUME, "text/event-stream"),
    ],
)
async def test_what_was_erased_is_replayed_no_more(gateway: Any, path: str, body: Any, accept: str) -> None:
    key = await gateway.key()
    headers = {**key, "Idempotency-Key": "k1", "Accept": accept}
    streams = accept == "text/event-stream"
    gateway.agent.on("POST", "/turns", _streamed if streams else REPLY_TO_ADA)
    gateway.agent.on("POST", "/confirmations/", REPLY_TO_ADA)
    first = await gateway.call("POST", path, json=body, headers=headers)
    assert (first[0], "ada@example.com" in str(first[2])) == (200, True)
    again = await gateway.call("POST", path, json=body, headers=headers)
    assert again[1]["Idempotent-Replayed"] == "true"
    assert "ada@example.com" in await _recorded(gateway)

    # another's refused wish to erase it changes nothing
    gateway.agent.on("DELETE", "/conversations/", (404, {"detail": "no such conversation", "code": "not_found"}))
    assert (await gateway.call("DELETE", DELETED, headers=await gateway.key(client_id="other")))[0] == 404
    assert "ada@example.com" in await _recorded(gateway)

    gateway.agent.on("DELETE", "/conversations/", {"conversation_id": CONVERSATION, "status": "erased"})
    assert (await gateway.call("DELETE", DELETED, headers=key))[0] == 200
    assert "ada@example.com" not in await _recorded(gateway)
    _gone(gateway)
    for _ in range(2):
        after = await gateway.call("POST", path, json=body, headers=headers)
        assert (after[0], "ada@example.com" in str(after[2])) == (410, False)


@pytest.mark.parametrize("streams", [False, True])
async def test_an_answer_that_ends_after_the_erasure_is_not_recorded(gateway: Any, streams: bool) -> None:
    key = await gateway.key()
    headers = {**key, "Idempotency-Key": "k1", **({"Accept": "text/event-stream"} if streams else {})}
    arrived, release = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request, call: Any) -> web.Response:
        arrived.set()
        await release.wait()
        return await _streamed(request, call) if streams else web.json_response(REPLY_TO_ADA)

    gateway.agent.on("POST", "/turns", slow)
    turn = asyncio.create_task(gateway.call("POST", "/chat", json=ASKED, headers=headers))
    await arrived.wait()
    assert (await gateway.call("DELETE", DELETED, headers=key))[0] == 200
    release.set()
    assert (await turn)[0] == 200
    assert "ada@example.com" not in await _recorded(gateway)
