"""Server-sent events pass through as they come."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

TURN = {"message": "hello"}


async def test_frames_and_heartbeats_arrive_before_the_turn_has_ended(gateway: Any) -> None:
    key = {**await gateway.key(), "Accept": "text/event-stream"}
    go_on = asyncio.Event()

    async def turn(request: web.Request, call: Any) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b'id: 1\ndata: {"type":"RUN_STARTED"}\n\n: heartbeat\n\n')
        await go_on.wait()
        await response.write(b'id: 2\ndata: {"type":"RUN_FINISHED"}\n\n')
        return response

    gateway.agent.on("POST", "/turns", turn)
    async with gateway.session.post(gateway.url + "/chat", json=TURN, headers=key) as response:
        first = await response.content.readuntil(b": heartbeat\n\n")
        go_on.set()
        rest = await response.content.read()

    assert response.status == 200
    assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert b'id: 1\ndata: {"type":"RUN_STARTED"}' in first
    assert rest == b'id: 2\ndata: {"type":"RUN_FINISHED"}\n\n'
    assert gateway.agent.calls[0].headers["Accept"] == "text/event-stream"


async def test_a_resume_names_the_last_event(gateway: Any) -> None:
    key = await gateway.key("chat", "act_as_customer")

    async def events(request: web.Request, call: Any) -> web.StreamResponse:
        return web.Response(body=b"id: 8\ndata: {}\n\n", content_type="text/event-stream")

    gateway.agent.on("GET", "/conversations/c1/events", events)
    status, _, body = await gateway.call(
        "GET", "/conversations/c1/events?customer_id=ada", headers={**key, "Last-Event-ID": "7"}
    )
    await gateway.call("GET", "/conversations/c1/events", headers=key)

    assert (status, body) == (200, "id: 8\ndata: {}\n\n")
    resumed, fresh = gateway.agent.calls
    assert (resumed.headers["Last-Event-ID"], resumed.headers["Usher-Customer"]) == ("7", "ada")
    assert "Last-Event-ID" not in fresh.headers


async def test_a_refusal_before_the_first_byte_is_a_problem(gateway: Any) -> None:
    key = {**await gateway.key(), "Accept": "text/event-stream", "Idempotency-Key": "k1"}
    gateway.agent.on("POST", "/turns", (409, {"detail": "a turn is running", "code": "busy"}))
    gateway.agent.on("GET", "/conversations/c1/events", (404, {"detail": "no such thing", "code": "not_found"}))

    busy = await gateway.call("POST", "/chat", json=TURN, headers=key)
    unknown = await gateway.call("GET", "/conversations/c1/events", headers=await gateway.key())

    assert (busy[0], busy[2]["code"]) == (409, "busy")
    assert (unknown[0], unknown[2]["code"]) == (404, "not_found")
    assert busy[1]["Content-Type"] == "application/problem+json"


async def test_a_stream_that_breaks_says_so_and_frees_its_key(gateway: Any) -> None:
    key = {**await gateway.key(), "Accept": "text/event-stream", "Idempotency-Key": "k1"}

    async def breaking(request: web.Request, call: Any) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"id: 1\ndata: {}\n\n")
        assert request.transport is not None
        request.transport.abort()
        return response

    gateway.agent.on("POST", "/turns", breaking)
    status, _, body = await gateway.call("POST", "/chat", json=TURN, headers=key)
    gateway.agent.on("POST", "/turns", {"reply": "now"})
    again = await gateway.call("POST", "/chat", json=TURN, headers={**key, "Accept": "application/json"})

    assert status == 200
    assert body.startswith("id: 1\ndata: {}\n\n")
    assert '"RUN_ERROR"' in body
    assert "id: 2" not in body
    assert (again[0], again[2]) == (200, {"reply": "now"})


async def test_a_caller_who_leaves_ends_the_call_behind(gateway: Any) -> None:
    key = {**await gateway.key(), "Accept": "text/event-stream"}
    gone = asyncio.Event()

    async def endless(request: web.Request, call: Any) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            while True:
                await response.write(b": heartbeat\n\n")
                await asyncio.sleep(0.01)
        except ConnectionError:
            gone.set()
            raise

    gateway.agent.on("POST", "/turns", endless)
    async with gateway.session.post(gateway.url + "/chat", json=TURN, headers=key) as response:
        await response.content.readany()
        response.close()

    await asyncio.wait_for(gone.wait(), 5)


async def test_with_a_key_the_turn_is_read_to_its_end_for_the_caller_who_comes_back(gateway: Any) -> None:
    key = {**await gateway.key(), "Accept": "text/event-stream", "Idempotency-Key": "k1"}
    left = asyncio.Event()

    async def turn(request: web.Request, call: Any) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"id: 1\ndata: {}\n\n")
        await left.wait()
        for number in range(2, 200):  # more than waits for a client
            await response.write(b"id: %d\ndata: {}\n\n" % number)
        return response

    gateway.agent.on("POST", "/turns", turn)
    async with gateway.session.post(gateway.url + "/chat", json=TURN, headers=key) as response:
        await response.content.readany()
        response.close()
    left.set()
    while True:  # in flight until the turn has ended
        status, headers, body = await gateway.call("POST", "/chat", json=TURN, headers=key)
        if status != 409:
            break

    assert (status, headers["Idempotent-Replayed"]) == (200, "true")
    assert body == "".join(f"id: {number}\ndata: {{}}\n\n" for number in range(1, 200))
    assert len(gateway.agent.calls) == 1


async def test_a_stream_too_long_to_keep_still_passes_whole(gateway: Any) -> None:
    key = {**await gateway.key(), "Accept": "text/event-stream", "Idempotency-Key": "k1"}
    frame = b"data: " + b"x" * 60_000 + b"\n\n"

    async def turn(request: web.Request, call: Any) -> web.StreamResponse:
        return web.Response(body=frame * 20, content_type="text/event-stream")

    gateway.agent.on("POST", "/turns", turn)
    first = await gateway.call("POST", "/chat", json=TURN, headers=key)
    again = await gateway.call("POST", "/chat", json=TURN, headers=key)

    assert first[2] == again[2] == (frame * 20).decode()
    assert len(gateway.agent.calls) == 2


async def test_the_agent_is_told_which_request_a_stream_belongs_to(gateway: Any) -> None:
    """So that a retry finds the turn, should this process die before its own record of it."""
    key = {**await gateway.key(), "Accept": "text/event-stream", "Idempotency-Key": "k1"}

    async def broken(request: web.Request, call: Any) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"id: 1\ndata: {}\n\n")
        request.transport.close()
        return response

    gateway.agent.on("POST", "/turns", broken)
    body = {"message": "hello"}
    for _ in range(2):  # nothing was recorded, so that the second one goes to the agent as well
        await gateway.call("POST", "/chat", json=body, headers=key)
    first, second = gateway.agent.calls
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert first.body["conversation_id"] == second.body["conversation_id"]
