"""Idempotency-Key at the front door."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

TURN = {"message": "hello"}


async def test_fifty_at_once_are_one_turn(gateway: Any) -> None:
    headers = {**await gateway.key(), "Idempotency-Key": "k1"}
    release = asyncio.Event()

    async def slow(_: web.Request, call: Any) -> web.Response:
        await release.wait()
        return web.json_response({"reply": "once"})

    gateway.agent.on("POST", "/turns", slow)
    requests = [asyncio.create_task(gateway.call("POST", "/chat", json=TURN, headers=headers)) for _ in range(50)]
    done: set[Any] = set()
    while len(done) < 49:  # all but the one that executes are told so at once
        finished, _ = await asyncio.wait(requests, return_when=asyncio.FIRST_COMPLETED)
        done |= finished
        requests = [r for r in requests if r not in finished]
    release.set()
    winner = await requests[0]
    again = await gateway.call("POST", "/chat", json=TURN, headers=headers)

    losers = [task.result() for task in done]
    assert {(status, body["code"]) for status, _, body in losers} == {(409, "idempotency_in_flight")}
    assert all(int(headers["Retry-After"]) >= 1 for _, headers, _ in losers)
    assert (winner[0], winner[2]) == (200, {"reply": "once"})
    assert "Idempotent-Replayed" not in winner[1]
    assert (again[0], again[2], again[1]["Idempotent-Replayed"]) == (200, {"reply": "once"}, "true")
    assert len(gateway.agent.calls) == 1


async def test_another_body_is_refused_and_another_caller_is_another_key(gateway: Any) -> None:
    mine = {**await gateway.key("chat", "act_as_customer"), "Idempotency-Key": "k1"}
    theirs = {**await gateway.key(client_id="other"), "Idempotency-Key": "k1"}

    first = await gateway.call("POST", "/chat", json=TURN, headers=mine)
    changed = await gateway.call("POST", "/chat", json={"message": "bye"}, headers=mine)
    customer = await gateway.call("POST", "/chat", json={**TURN, "customer_id": "ada"}, headers=mine)
    tenant = await gateway.call("POST", "/chat", json=TURN, headers=theirs)
    route = await gateway.call("POST", "/conversations/c1/end", headers=mine)

    assert (changed[0], changed[2]["code"]) == (422, "idempotency_key_reused")
    assert [answer[0] for answer in (first, customer, tenant, route)] == [200] * 4
    assert all("Idempotent-Replayed" not in answer[1] for answer in (first, customer, tenant, route))
    assert len(gateway.agent.calls) == 4


@pytest.mark.parametrize("failure", [(500, "boom"), (503, "unavailable"), (409, "busy"), (429, "rate_limited")])
async def test_what_failed_may_be_tried_again(gateway: Any, failure: tuple[int, str]) -> None:
    headers = {**await gateway.key(), "Idempotency-Key": "k1"}
    status, code = failure
    gateway.agent.on("POST", "/turns", (status, {"detail": "no", "code": code}))
    failed = await gateway.call("POST", "/chat", json=TURN, headers=headers)
    gateway.agent.on("POST", "/turns", {"reply": "now"})
    tried = await gateway.call("POST", "/chat", json=TURN, headers=headers)

    assert failed[0] in (status, 502)
    assert (tried[0], tried[2]) == (200, {"reply": "now"})


async def test_a_broken_connection_may_be_tried_again(gateway: Any) -> None:
    headers = {**await gateway.key(), "Idempotency-Key": "k1"}

    async def hang_up(request: web.Request, call: Any) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    gateway.agent.on("POST", "/turns", hang_up)
    failed = await gateway.call("POST", "/chat", json=TURN, headers=headers)
    gateway.agent.on("POST", "/turns", {"reply": "now"})
    tried = await gateway.call("POST", "/chat", json=TURN, headers=headers)

    assert (failed[0], failed[2]["code"]) == (504, "upstream_timeout")
    assert tried[0] == 200


async def test_a_refusal_is_the_answer_ever_after(gateway: Any) -> None:
    headers = {**await gateway.key(), "Idempotency-Key": "k1"}
    gateway.agent.on("POST", "/confirmations/", (404, {"detail": "no such confirmation", "code": "not_found"}))
    first = await gateway.call("POST", "/confirmations/c1", json={"decision": "approve"}, headers=headers)
    again = await gateway.call("POST", "/confirmations/c1", json={"decision": "approve"}, headers=headers)

    assert (first[0], again[0], first[2]) == (404, 404, again[2])
    assert again[1]["Content-Type"] == "application/problem+json"
    assert again[1]["Idempotent-Replayed"] == "true"
    assert len(gateway.agent.calls) == 1


async def test_a_key_lives_for_a_day(gateway: Any) -> None:
    headers = {**await gateway.key(), "Idempotency-Key": "k1"}
    await gateway.call("POST", "/chat", json=TURN, headers=headers)
    gateway.clock.advance(timedelta(hours=24, seconds=1))
    await gateway.call("POST", "/chat", json=TURN, headers=headers)

    assert len(gateway.agent.calls) == 2


async def test_invalid_requests_use_no_key_up(gateway: Any) -> None:
    headers = {**await gateway.key(), "Idempotency-Key": "k1"}
    invalid = await gateway.call("POST", "/chat", json={"message": ""}, headers=headers)
    valid = await gateway.call("POST", "/chat", json=TURN, headers=headers)
    too_long = await gateway.call("POST", "/chat", json=TURN, headers={**headers, "Idempotency-Key": "k" * 256})

    assert (invalid[0], valid[0]) == (422, 200)
    assert too_long[0] == 422


async def test_a_streamed_turn_is_replayed_as_it_was(gateway: Any) -> None:
    headers = {**await gateway.key(), "Idempotency-Key": "k1", "Accept": "text/event-stream"}
    frames = b'id: 1\ndata: {"type":"RUN_STARTED"}\n\nid: 2\ndata: {"type":"RUN_FINISHED"}\n\n'

    async def stream(request: web.Request, call: Any) -> web.StreamResponse:
        return web.Response(body=frames, content_type="text/event-stream")

    gateway.agent.on("POST", "/turns", stream)
    first = await gateway.call("POST", "/chat", json=TURN, headers=headers)
    again = await gateway.call("POST", "/chat", json=TURN, headers=headers)

    assert first[2] == again[2] == frames.decode()
    assert again[1]["Content-Type"] == "text/event-stream; charset=utf-8"
    assert again[1]["Idempotent-Replayed"] == "true"
    assert len(gateway.agent.calls) == 1


async def test_an_execution_that_never_came_back_is_taken_over_when_its_lease_ends(gateway: Any) -> None:
    headers = {**await gateway.key(), "Idempotency-Key": "k1"}
    arrived, release = asyncio.Event(), asyncio.Event()

    async def stuck(_: web.Request, call: Any) -> web.Response:
        arrived.set()
        await release.wait()
        return web.json_response({"reply": "late"})

    gateway.agent.on("POST", "/turns", stuck)
    first = asyncio.create_task(gateway.call("POST", "/chat", json=TURN, headers=headers))
    await arrived.wait()
    gateway.agent.on("POST", "/turns", {"reply": "second"})
    early = await gateway.call("POST", "/chat", json=TURN, headers=headers)
    gateway.clock.advance(timedelta(seconds=91))
    second = await gateway.call("POST", "/chat", json=TURN, headers=headers)
    release.set()
    late = await first
    replayed = await gateway.call("POST", "/chat", json=TURN, headers=headers)

    assert (early[0], second[0], second[2]) == (409, 200, {"reply": "second"})
    assert (late[0], late[2]["code"]) == (409, "idempotency_in_flight")
    assert replayed[2] == {"reply": "second"}
