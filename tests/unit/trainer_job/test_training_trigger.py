from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from usher_shared.clock import ManualClock
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_shared.events import Event
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier
from usher_shared.ids import SequentialIds
from usher_trainer_job.app import Deps, create_app
from usher_trainer_job.settings import Settings

SECRET = "s" * 48
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def completed(id: str, *, success: bool = True) -> Event:
    data = {
        "conversation_id": "CNV_1",
        "customer_id": "CUS_1",
        "started_at": "2026-11-20T11:00:00Z",
        "ended_at": "2026-11-20T11:02:00Z",
        "reason": "ended",
        "outcome": "answered",
        "success": success,
        "turns": 3,
    }
    return Event(id=id, type="usher.conversation_completed.v1", source="usher/agent", time=NOW, data=data)


def asked(id: str, reason: str) -> Event:
    data = {"reason": reason, "requested_by": "ops"}
    return Event(id=id, type="usher.retraining_requested.v1", source="usher/cli", time=NOW, data=data)


class Trigger:
    def __init__(self, client: httpx2.AsyncClient, bus: str, cli: str) -> None:
        self.client = client
        self._bus = {"Authorization": f"Bearer {bus}"}
        self._cli = {"Authorization": f"Bearer {cli}"}

    async def push(self, *bodies: Event | bytes) -> list[httpx2.Response]:
        async def one(body: Event | bytes) -> httpx2.Response:
            data = base64.b64encode(body.to_json() if isinstance(body, Event) else body).decode()
            envelope = {"message": {"data": data, "messageId": "1"}, "subscription": "trainer-job-x"}
            return await self.client.post("/push", json=envelope, headers=self._bus)

        return list(await asyncio.gather(*map(one, bodies)))

    async def status(self) -> dict[str, Any]:
        return (await self.client.get("/status", headers=self._cli)).json()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def open_trigger(tmp_path: Path, clock: ManualClock) -> Callable[..., Any]:
    ids = SequentialIds()

    @asynccontextmanager
    async def start(**settings: Any) -> AsyncIterator[Trigger]:
        store = SqliteDocumentStore(tmp_path / "trainer-job.db")
        app = create_app(Settings(**settings), Deps(store, clock, ids, LocalTokenVerifier(SECRET)))
        bus, cli = [await LocalTokenSource(name, SECRET).token("trainer-job") for name in ("bus", "cli")]
        async with app.router.lifespan_context(app):
            transport = httpx2.ASGITransport(app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://trainer-job") as client:
                yield Trigger(client, bus, cli)

    return start


async def test_each_event_counts_once(open_trigger) -> None:
    async with open_trigger(conversation_threshold=10) as trigger:
        events = [completed(f"E{n}", success=n % 2 == 0) for n in range(5)]
        answers = await trigger.push(*events, *events)
        assert {a.status_code for a in answers} == {204}
    async with open_trigger(conversation_threshold=10) as trigger:  # remembered over a restart
        await trigger.push(*events)
        status = await trigger.status()
    assert status["counts"]["conversations"] == 5
    assert status["counts"]["successes"] == 3
    assert status["requests"] == []


async def test_a_request_is_recorded_at_the_threshold_and_not_again_before_the_cool_down(open_trigger, clock) -> None:
    async with open_trigger(conversation_threshold=3, cool_down_hours=24) as trigger:
        for n in range(8):
            await trigger.push(completed(f"E{n}"))
        status = await trigger.status()
        (request,) = status["requests"]
        assert (request["state"], request["reason"], request["conversations"]) == ("requested", "threshold", 3)
        assert status["counts"]["conversations_since_request"] == 5
        assert status["cool_down_until"] == "2026-11-21T12:00:00Z"
        clock.advance(timedelta(hours=24))
        await trigger.push(completed("E8", success=False))
        status = await trigger.status()
    assert [(r["conversations"], r["successes"]) for r in status["requests"]] == [(6, 5), (3, 3)]
    assert status["counts"]["conversations_since_request"] == 0
    assert status["counts"]["conversations"] == 9


async def test_drift_waits_for_the_cool_down_and_an_operator_does_not(open_trigger, clock) -> None:
    async with open_trigger() as trigger:
        for number, reason in enumerate(("drift", "drift", "operator")):
            await trigger.push(asked(f"E{number}", reason))
            clock.advance(timedelta(minutes=1))
        requests = (await trigger.status())["requests"]
    assert [(r["reason"], r["state"], r["requested_by"]) for r in requests] == [
        ("operator", "requested", "ops"),
        ("drift", "skipped", "ops"),
        ("drift", "requested", "ops"),
    ]


@pytest.mark.parametrize(
    "body", [b"no json", b"{}", completed("X").model_copy(update={"data": {"conversation_id": "C"}})]
)
async def test_a_poison_message_is_refused_for_good_and_its_neighbours_count(open_trigger, body) -> None:
    async with open_trigger() as trigger:
        poison, neighbour = await trigger.push(body, completed("E1"))
        assert (poison.status_code, poison.json()["code"]) == (400, "invalid_event")
        assert neighbour.status_code == 204
        assert (await trigger.status())["counts"]["conversations"] == 1


async def test_callers_are_checked(open_trigger) -> None:
    async with open_trigger() as trigger:
        assert (await trigger.client.get("/status")).status_code == 401
        assert (await trigger.client.get("/status", headers=trigger._bus)).status_code == 403
        assert (await trigger.client.post("/push", json={}, headers=trigger._cli)).status_code == 403
        assert (await trigger.client.get("/ready")).json()["checks"] == {"store": "ok"}
