from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from usher_shared.clock import ManualClock


async def test_the_official_library_accepts_a_delivery(service, endpoint, purchase) -> None:
    made = await service.register(endpoint.url)
    event = purchase()
    assert (await service.push(event)).status_code == 204
    got = await endpoint.next()
    assert Webhook(made["secret"]).verify(got.body, got.headers) == json.loads(event.to_json())
    assert got.headers["content-type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        Webhook(made["secret"]).verify(got.body.replace(b"24000", b"24001"), got.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(made["secret"]).verify(got.body, got.headers | {"webhook-id": "DLV_other"})
    (delivery,) = await service.settled(made["webhook_id"], "delivered")
    assert (delivery["delivery_id"], delivery["event_id"]) == (got.headers["webhook-id"], "EVT_1")
    assert [(a["status"], a["error"]) for a in delivery["attempts"]] == [(204, None)]
    assert delivery["next_attempt_at"] is None


async def test_both_secrets_sign_until_the_rotation_period_ends(open_service, endpoint, purchase) -> None:
    clock = ManualClock(datetime.now(UTC))
    async with open_service(clock=clock, rotation_hours=0.05) as service:
        made = await service.register(endpoint.url)
        rotated = (await service.call("POST", f"/webhooks/{made['webhook_id']}/rotate-secret")).json()
        assert rotated["secret"] != made["secret"]
        await service.push(purchase("EVT_1"))
        got = await endpoint.next()
        for secret in (made["secret"], rotated["secret"]):
            Webhook(secret).verify(got.body, got.headers)
        clock.advance(timedelta(minutes=3))
        await service.push(purchase("EVT_2"))
        got = await endpoint.next()
        Webhook(rotated["secret"]).verify(got.body, got.headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(made["secret"]).verify(got.body, got.headers)


async def test_a_redelivered_event_is_sent_once(service, endpoint, purchase) -> None:
    made = await service.register(endpoint.url)
    answers = await asyncio.gather(*[service.push(purchase()) for _ in range(8)])
    assert {a.status_code for a in answers} == {204}
    await service.settled(made["webhook_id"], "delivered")
    assert len(endpoint.received) == 1


async def test_only_wanted_events_are_sent_to_every_operator(service, endpoints, purchase) -> None:
    all_of_it, refunds = await endpoints(), await endpoints()
    first = await service.register(all_of_it.url, owner="venue", events=["*"])
    second = await service.register(refunds.url, owner="box office", events=["ticket_refunded"])
    await service.push(purchase(client_id="website"))
    await service.settled(first["webhook_id"], "delivered")
    assert refunds.received == []
    assert (await service.call("GET", f"/webhooks/{second['webhook_id']}/deliveries", owner="box office")).json() == {
        "deliveries": [],
        "next_cursor": None,
    }


@pytest.mark.parametrize("body", [b"{}", b"no json", b'{"specversion":"1.0"}'])
async def test_a_poison_message_is_refused_for_good(service, body) -> None:
    answer = await service.push(body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_event")


async def test_data_that_does_not_fit_its_type_is_refused_for_good(service, endpoint, purchase) -> None:
    made = await service.register(endpoint.url)
    answer = await service.push(purchase(total_minor="much"))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_event")
    assert await service.deliveries(made["webhook_id"]) == []


async def test_a_retry_keeps_the_id_and_signs_anew(service, endpoint, purchase) -> None:
    endpoint.answer(500, 302, 204, headers={"Location": "/elsewhere"})
    made = await service.register(endpoint.url)
    await service.push(purchase())
    (delivery,) = await service.settled(made["webhook_id"], "delivered")
    assert [a["status"] for a in delivery["attempts"]] == [500, 302, 204]
    assert {got.path for got in endpoint.received} == {"/hook"}
    assert {got.headers["webhook-id"] for got in endpoint.received} == {delivery["delivery_id"]}
    for got in endpoint.received:
        Webhook(made["secret"]).verify(got.body, got.headers)


async def test_after_the_last_retry_it_has_failed_and_a_replay_sends_it_again(service, endpoint, purchase) -> None:
    endpoint.answer(503)
    made = await service.register(endpoint.url)
    for n in range(3):
        await service.push(purchase(f"EVT_{n}"))
    failed = await service.settled(made["webhook_id"], "failed", "failed", "failed")
    assert {len(d["attempts"]) for d in failed} == {3}
    endpoint.answer(200)
    path = f"/webhooks/{made['webhook_id']}/replay"
    started = await service.call("POST", path, json={"since": failed[1]["created_at"]})
    assert (started.status_code, started.json()) == (202, {"deliveries": 2})
    await service.settled(made["webhook_id"], "delivered", "delivered", "failed")
    one = await service.call("POST", path, json={"delivery_id": failed[2]["delivery_id"]})
    assert one.json() == {"deliveries": 1}
    again = await service.settled(made["webhook_id"], "delivered", "delivered", "delivered")
    assert [a["status"] for a in again[2]["attempts"]] == [503, 503, 503, 200]


async def test_a_replay_is_refused_where_it_makes_no_sense(service, endpoint) -> None:
    made = await service.register(endpoint.url)
    path = f"/webhooks/{made['webhook_id']}"
    assert (await service.call("POST", f"{path}/replay", json={})).status_code == 422
    unknown = await service.call("POST", f"{path}/replay", json={"delivery_id": "DLV_x"})
    assert unknown.status_code == 404
    await service.call("PATCH", path, json={"status": "disabled"})
    disabled = await service.call("POST", f"{path}/replay", json={"since": "2026-01-01T00:00:00Z"})
    assert (disabled.status_code, disabled.json()["code"]) == (409, "webhook_disabled")


async def test_gone_disables_the_webhook_and_says_so(open_service, endpoint, purchase, silent_bus) -> None:
    endpoint.answer(410)
    async with open_service(bus=silent_bus) as service:
        made = await service.register(endpoint.url)
        await service.push(purchase())
        (delivery,) = await service.settled(made["webhook_id"], "failed")
        assert len(delivery["attempts"]) == 1
        assert (await service.call("GET", f"/webhooks/{made['webhook_id']}")).json()["status"] == "disabled"
        notice = await asyncio.wait_for(silent_bus.published.get(), 20)
        assert (notice.type, notice.data["code"]) == ("usher.error_occurred.v1", "webhook_disabled")
        assert made["webhook_id"] in notice.data["detail"]
        await service.push(purchase("EVT_2"))
        assert len(await service.deliveries(made["webhook_id"])) == 1


async def test_a_disabled_webhook_waits_and_continues(service, endpoint, purchase) -> None:
    endpoint.answer(500, 200)
    made = await service.register(endpoint.url)
    path = f"/webhooks/{made['webhook_id']}"
    hold = asyncio.Event()

    async def respond(_: web.Request) -> web.Response:
        await hold.wait()
        return web.Response(status=500)

    endpoint.respond = respond
    await service.push(purchase())
    await endpoint.next()
    await service.call("PATCH", path, json={"status": "disabled"})
    hold.set()
    await service.attempted(made["webhook_id"])
    endpoint.answer(200)
    assert len(endpoint.received) == 1
    await service.call("PATCH", path, json={"status": "active"})
    await service.settled(made["webhook_id"], "delivered")


async def test_the_log_is_paged(service, endpoint, purchase) -> None:
    made = await service.register(endpoint.url)
    for n in range(5):
        await service.push(purchase(f"EVT_{n}"))
    path = f"/webhooks/{made['webhook_id']}/deliveries"
    seen: list[str] = []
    cursor = None
    while True:
        page = (await service.call("GET", path, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [d["event_id"] for d in page["deliveries"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["EVT_4", "EVT_3", "EVT_2", "EVT_1", "EVT_0"]
    for bad in ("x", "e30=", "WzEsMl0="):
        assert (await service.call("GET", path, params={"cursor": bad})).status_code == 400


async def test_a_restart_sends_what_is_pending(open_service, endpoint, purchase) -> None:
    endpoint.answer(500)
    async with open_service(retry_seconds=(0.2, 0.2)) as service:
        made = await service.register(endpoint.url)
        await service.push(purchase())
        await endpoint.next()
        await service.attempted(made["webhook_id"])
    endpoint.answer(200)
    async with open_service() as service:
        (delivery,) = await service.settled(made["webhook_id"], "delivered")
    assert [a["status"] for a in delivery["attempts"]][-1] == 200
    assert {got.headers["webhook-id"] for got in endpoint.received} == {delivery["delivery_id"]}


async def test_a_slow_endpoint_does_not_delay_another(service, endpoints, purchase) -> None:
    slow, quick = await endpoints(), await endpoints()
    never = asyncio.Event()

    async def respond(_: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    slow.respond = respond
    held = await service.register(slow.url)
    free = await service.register(quick.url)
    for n in range(12):
        await service.push(purchase(f"EVT_{n}"))
    await service.settled(free["webhook_id"], *["delivered"] * 12)
    assert len(slow.received) == 4
    assert {d["status"] for d in await service.deliveries(held["webhook_id"])} == {"pending"}
    never.set()
