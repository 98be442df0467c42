"""The embedded bus's parts: what counts as an attempt, what is kept, how long to wait."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from fastapi import FastAPI, Response

from contracts.bus.subscriber import SECRET, Subscriber
from contracts.bus.suite import TOPOLOGY, error_event
from served import Served, free_port
from usher_local.bus.dispatcher import backoff_seconds
from usher_local.bus.model import Message
from usher_local.bus.push import Outcome, PushClient, Verdict
from usher_local.bus.store import (
    BusStore,
    bury,
    delete_delivery,
    delete_old,
    forget_subscriptions_except,
    insert_messages,
)
from usher_shared.http.tokens import LocalTokenSource


async def push_once(port: int, deadline_seconds: float) -> Outcome:
    client = PushClient(lambda _: f"http://127.0.0.1:{port}", LocalTokenSource("bus", SECRET))
    subscription = TOPOLOGY.subscriptions[0].model_copy(update={"ack_deadline_seconds": deadline_seconds})
    sent = error_event()
    try:
        message = Message(1, sent.topic, sent.to_json(), sent.attributes(), "", "2026-11-20T12:00:00.000000Z")
        return await client.push(subscription, message, 1)
    finally:
        await client.close()


async def test_a_socket_that_nobody_serves_is_not_a_failed_attempt() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:  # as a supervisor holds it while a service restarts
        outcome = await push_once(held.getsockname()[1], 0.1)
    assert outcome.verdict is Verdict.UNREACHABLE


async def test_a_subscriber_slower_than_the_deadline_has_failed() -> None:
    subscriber = Subscriber("logger", free_port())
    subscriber.barrier = 2  # never reached: the handler waits
    await subscriber.server.start()
    outcome = await push_once(subscriber.server.port, 0.5)
    subscriber.let_go()
    await subscriber.server.stop()
    assert outcome.verdict is Verdict.FAILED
    assert "0.5 s" in outcome.reason


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        *((status, Verdict.ACKNOWLEDGED) for status in (200, 201, 202, 204)),
        *((status, Verdict.FAILED) for status in (203, 301, 307, 400, 401, 404, 409, 429, 500, 503)),
    ],
)
async def test_which_answers_acknowledge(status: int, verdict: Verdict) -> None:
    app = FastAPI()

    @app.post("/push")
    async def push() -> Response:
        return Response(status_code=status, headers={"Location": "/elsewhere"})

    server = Served(lambda: app, free_port())
    await server.start()
    outcome = await push_once(server.port, 5)
    await server.stop()
    assert outcome.verdict is verdict


async def test_old_messages_go_when_nothing_needs_them(tmp_path: Path) -> None:
    store = BusStore(tmp_path / "bus.db")
    day = "2026-11-20T12:00:00.000000Z"
    for n in range(3):
        await store.write(insert_messages("error_occurred", [(b"{}", {}, "")], ["logger-error_occurred"], day))
        assert store.last_seq() == n + 1
    first, second, third = store.due("logger-error_occurred", 0, 10)
    await store.write(delete_delivery(first.id))  # acknowledged
    await store.write(bury(second, "error_occurred_dead_letter", "why", day))
    assert await store.write(delete_old("2026-11-21T12:00:00.000000Z", "2026-11-14T12:00:00.000000Z")) == 1
    assert [m.seq for m in store.messages_after(0, 10)] == [second.seq, third.seq]
    assert await store.write(delete_old("2026-11-28T12:00:00.000000Z", "2026-11-21T12:00:00.000000Z")) == 1
    assert [m.seq for m in store.messages_after(0, 10)] == [third.seq]
    await store.close()


async def test_deliveries_to_a_subscription_that_is_no_more_are_dropped(tmp_path: Path) -> None:
    store = BusStore(tmp_path / "bus.db")
    await store.write(insert_messages("t", [(b"{}", {}, "")], ["old", "new"], "2026-11-20T12:00:00.000000Z"))
    assert await store.write(forget_subscriptions_except(["new"])) == 1
    assert store.pending() == {"new": (1, "2026-11-20T12:00:00.000000Z")}
    await store.close()


@pytest.mark.parametrize("attempts", [1, 2, 5, 10, 1000])
def test_backoff_grows_within_its_bounds(attempts: int) -> None:
    pauses = [backoff_seconds(attempts, 1.0, 60.0) for _ in range(200)]
    assert 1.0 <= min(pauses) <= max(pauses) <= min(60.0, 2.0**attempts)
    assert len(set(pauses)) > 100
