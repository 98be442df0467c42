"""POST /confirmations/{id}, and what survives a killed process."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from usher_shared.contracts.chat import ChatResponse
from usher_shared.errors import UpstreamTimeout


async def test_approve_charges_and_replays_the_same_answer(world):
    confirmation = await world.offer()
    status, first = await world.customer.decide(confirmation["id"], "approve")
    assert status == 200
    ChatResponse.model_validate(first)
    assert world.box.charged_minor == 24_000
    assert world.box.named("create_order")[0].confirmation.evidence == "endpoint"
    status, again = await world.customer.decide(confirmation["id"], "approve")
    assert (status, again) == (200, first)
    status, problem = await world.customer.decide(confirmation["id"], "reject")
    assert (status, problem["code"]) == (409, "confirmation_decided")
    assert len(world.box.named("create_order")) == 1


async def test_reject_is_final_and_replays(world):
    confirmation = await world.offer()
    world.model.say("All right, what else?")
    status, first = await world.customer.decide(confirmation["id"], "reject")
    assert (status, first["reply"]) == (200, "All right, what else?")
    assert await world.customer.decide(confirmation["id"], "reject") == (200, first)
    status, problem = await world.customer.decide(confirmation["id"], "approve")
    assert (status, problem["code"]) == (409, "confirmation_decided")
    await world.customer.say("yes")
    assert not world.box.orders


async def test_a_decision_by_message_is_replayed_by_the_endpoint(world):
    confirmation = await world.offer()
    said = await world.customer.say("yes")
    assert await world.customer.decide(confirmation["id"], "approve") == (200, said)
    assert len(world.box.named("create_order")) == 1


async def test_many_approvals_at_once_charge_once(world):
    confirmation = await world.offer()
    answers = await asyncio.gather(*[world.customer.decide(confirmation["id"], "approve") for _ in range(8)])
    assert len(world.box.orders) == 1
    assert len(world.box.named("create_order")) == 1
    assert {status for status, _ in answers} <= {200, 409}
    bodies = [body for status, body in answers if status == 200]
    assert bodies
    assert all(body == bodies[0] for body in bodies)


async def test_approve_and_yes_at_once_charge_once(world):
    confirmation = await world.offer()
    await asyncio.gather(
        world.customer.decide(confirmation["id"], "approve"), world.customer.turn("yes"), world.customer.turn("yes")
    )
    assert len(world.box.orders) == 1


async def test_approve_against_reject_has_one_winner(world):
    confirmation = await world.offer()
    (approved, _), (rejected, _) = await asyncio.gather(
        world.customer.decide(confirmation["id"], "approve"), world.customer.decide(confirmation["id"], "reject")
    )
    assert sorted([approved, rejected]) == [200, 409]
    assert bool(world.box.orders) == (approved == 200)


async def test_another_customers_confirmation_is_not_found(world):
    confirmation = await world.offer()
    for decision in ("approve", "reject"):
        status, _ = await world.other().decide(confirmation["id"], decision)
        assert status == 404
    assert not world.box.orders
    status, _ = await world.customer.decide("CONF_NONE", "approve")
    assert status == 404


async def test_killed_between_the_yes_and_the_charge_it_is_charged_once(world):
    await world.offer()
    world.box.gates["create_order"] = asyncio.Event()
    world.box.entered.clear()
    cut_off = asyncio.create_task(world.customer.turn("yes"))
    await world.box.entered.wait()
    await world.kill()
    await asyncio.gather(cut_off, return_exceptions=True)
    del world.box.gates["create_order"]
    assert not world.box.orders

    await world.start()
    await world.settle()
    assert world.box.charged_minor == 24_000
    assert len({call.key for call in world.box.named("create_order")}) == 1
    _, view = await world.customer.request("GET", "/conversations/c1")
    (order_id,) = world.box.orders
    assert view["order_ids"] == [order_id]
    assert [m["text"] for m in view["messages"] if m["role"] == "user"][-1] == "yes"
    assert order_id in view["messages"][-1]["text"]


async def test_killed_after_the_charge_it_is_not_charged_again(world):
    confirmation = await world.offer()
    world.box.break_next("create_order", asyncio.CancelledError(), after_effect=True)
    world.model.gate = asyncio.Event()
    cut_off = asyncio.create_task(world.customer.turn("yes"))
    await world.box.sold.wait()
    await world.kill()
    await asyncio.gather(cut_off, return_exceptions=True)
    world.model.gate = None

    await world.start()
    await world.settle()
    status, body = await world.customer.decide(confirmation["id"], "approve")
    assert status == 200
    assert next(iter(world.box.orders)) in body["reply"]
    assert world.box.charged_minor == 24_000
    assert len(world.box.orders) == 1


async def test_an_unknown_outcome_is_settled_by_approving_again(world):
    confirmation = await world.offer()
    world.box.break_next("create_order", UpstreamTimeout("slow"), times=2)
    status, body = await world.customer.decide(confirmation["id"], "approve")
    assert status == 200
    assert "do not know yet" in body["reply"]
    status, body = await world.customer.decide(confirmation["id"], "approve")
    assert next(iter(world.box.orders)) in body["reply"]
    assert len(world.box.orders) == 1


async def test_a_live_lease_of_another_process_is_respected(make_world):
    world = await make_world(single_process=False, queue_seconds=0.01)
    world.model.gate = asyncio.Event()
    cut_off = asyncio.create_task(world.customer.turn("hello"))
    await world.model.asked.wait()
    await world.kill()
    await asyncio.gather(cut_off, return_exceptions=True)
    world.model.gate = None
    await world.start()
    status, problem = await world.customer.turn("hello again")
    assert (status, problem["code"]) == (409, "conversation_busy")
    world.clock.advance(timedelta(minutes=5))
    body = await world.customer.say("hello once more")
    assert body["reply"] == world.model.otherwise
    _, view = await world.customer.request("GET", "/conversations/c1")
    assert [m["text"] for m in view["messages"] if m["role"] == "user"] == ["hello", "hello once more"]


async def test_a_yes_after_an_unanswered_question_is_asked_again(world):
    confirmation = await world.offer()
    world.model.gate = asyncio.Event()
    world.model.asked.clear()
    cut_off = asyncio.create_task(world.customer.turn("would three seats be cheaper?"))
    await world.model.asked.wait()
    await world.kill()
    await asyncio.gather(cut_off, return_exceptions=True)
    world.model.gate = None
    await world.start()
    body = await world.customer.say("yes")
    assert not world.box.orders
    assert body["confirmation"]["id"] == confirmation["id"]
    assert "$240.00" in body["reply"]
    await world.customer.say("yes")
    assert world.box.charged_minor == 24_000
