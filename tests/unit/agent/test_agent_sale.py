"""From the first message to the charge, and every way in which a charge must not happen."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from usher_shared.contracts.chat import ChatResponse
from usher_shared.errors import Conflict, Unavailable, UpstreamTimeout


async def test_a_sale_is_charged_once_after_a_yes(world):
    confirmation = await world.offer()
    assert confirmation["total"] == 240.0
    assert not world.box.orders

    world.model.say("Enjoy the show!")
    body = await world.customer.say("Yes, please")

    ChatResponse.model_validate(body)
    assert body["confirmation"] is None
    (order_id,) = world.box.orders
    assert order_id in body["reply"]
    assert "$240.00" in body["reply"]
    assert world.box.charged_minor == 24_000
    (call,) = world.box.named("create_order")
    assert call.key == confirmation["id"] == call.confirmation.id
    assert call.confirmation.evidence == "message"
    assert call.arguments["customer_id"] == "cust-1"
    assert call.arguments["payment_method_token"] == "default"


async def test_the_proposal_states_seats_total_and_policy_and_asks(world):
    await world.offer()
    _, view = await world.customer.request("GET", "/conversations/c1")
    stated = view["messages"][-1]["text"]
    assert "section A, row 5" in stated
    assert "$240.00" in stated
    assert "No refund within 24 hours" in stated
    assert "?" in stated
    assert view["confirmation"]["total"] == 240.0


async def test_the_model_sees_the_history_with_calls_and_results(world):
    await world.offer()
    await world.customer.say("Yes")
    messages = world.model.requests[-1].messages
    assert messages[0]["role"] == "system"
    assert "Current time: 2026-11-20T13:00:00-05:00" in messages[0]["content"].splitlines()
    assert "Home time zone: America/New_York" in messages[0]["content"].splitlines()
    roles = [message["role"] for message in messages[1:]]
    assert roles == ["user", *["assistant", "tool"] * 3, "assistant", "user", "assistant", "tool"]
    calls = [call["id"] for message in messages for call in message.get("tool_calls", ())]
    assert calls == [message["tool_call_id"] for message in messages if message["role"] == "tool"]
    assert len(set(calls)) == len(calls)


async def test_identity_comes_from_the_session_whatever_the_model_writes(world):
    world.model.call("list_orders", customer_id="cust-2")
    await world.customer.say("my orders", metadata={"payment_method_token": "pm_gold"})
    assert world.box.named("list_orders")[0].arguments == {"customer_id": "cust-1"}

    await world.offer()
    await world.customer.say("yes")
    assert world.box.named("create_order")[0].arguments["payment_method_token"] == "pm_gold"


async def test_offered_tools_hide_identity(world):
    await world.customer.say("hello")
    for tool in world.model.requests[0].tools:
        parameters = tool["function"]["parameters"]
        assert not {"customer_id", "payment_method_token"} & set(parameters.get("properties", {}))
        assert not {"customer_id", "payment_method_token"} & set(parameters.get("required", ()))


async def test_a_model_that_calls_the_action_again_only_proposes_again(world):
    first = await world.offer()
    hold = next(iter(world.box.holds))
    world.model.call("create_order", hold_id=hold)
    body = await world.customer.say("what about row six?")
    assert body["confirmation"]["id"] != first["id"]
    assert not world.box.orders

    status, problem = await world.customer.decide(first["id"], "approve")
    assert (status, problem["code"]) == (409, "confirmation_superseded")
    assert not world.box.orders


async def test_yes_to_an_old_total_never_buys(world):
    await world.offer()
    world.model.call("hold_tickets", event_id=world.event_id, seat_ids=["A-5-20"])
    world.model.say("I now hold one more seat for you.")
    body = await world.customer.say("one more ticket please, what would that be?")
    assert body["confirmation"] is None

    await world.customer.say("yes")
    assert not world.box.orders


async def test_a_question_keeps_the_offer_and_states_it_again(world):
    first = await world.offer()
    world.model.say("Doors open at seven.")
    body = await world.customer.say("when do the doors open, and is there parking nearby?")
    assert body["confirmation"]["id"] == first["id"]
    assert "Doors open at seven." in body["reply"]
    assert "$240.00" in body["reply"]

    await world.customer.say("yes")
    assert world.box.charged_minor == 24_000


async def test_a_question_to_a_dead_model_keeps_the_offer_too(world):
    await world.offer()
    world.model.fail(Unavailable("down"))
    body = await world.customer.say("when do the doors open, and is there parking nearby?")
    assert "$240.00" in body["reply"]
    await world.customer.say("yes")
    assert world.box.charged_minor == 24_000


async def test_a_no_rejects(world):
    confirmation = await world.offer()
    hold = next(iter(world.box.holds))
    world.model.call("release_hold", hold_id=hold)
    world.model.say("I let the seats go.")
    body = await world.customer.say("no thanks")
    assert body["reply"] == "I let the seats go."
    noted = [m["content"] for m in world.model.requests[-1].messages if m["role"] == "system"][-1]
    assert noted == f"The customer declined the proposal {confirmation['id']}; nothing was charged."
    await world.customer.say("yes")
    assert not world.box.orders


async def test_a_correction_leads_to_a_new_total(world):
    await world.offer()
    hold = next(iter(world.box.holds))
    world.model.call("release_hold", hold_id=hold)
    world.model.call("hold_tickets", event_id=world.event_id, seat_ids=["A-5-1", "A-5-2", "A-5-3", "A-5-4"])
    world.model.call("create_order", hold_id="HOLD_3")
    body = await world.customer.say("no, four")
    assert body["confirmation"]["total"] == 480.0
    await world.customer.say("yes")
    assert world.box.charged_minor == 48_000
    assert len(world.box.orders) == 1


async def test_two_yeses_at_once_buy_once(world):
    await world.offer()
    world.box.gates["create_order"] = asyncio.Event()
    world.box.entered.clear()
    first = asyncio.create_task(world.customer.turn("yes"))
    await world.box.entered.wait()
    second = asyncio.create_task(world.customer.turn("yes"))

    async def is_waiting():
        return bool((await world.store.get("agent_conversations", "c1"))["line"])

    await world.until(is_waiting)
    world.box.gates["create_order"].set()
    assert (await first)[0] == 200
    assert (await second)[0] == 200
    assert world.box.charged_minor == 24_000


@pytest.mark.parametrize("code", ["price_changed", "hold_expired", "quote_expired", "payment_declined"])
async def test_a_refused_charge_is_told_and_asked_again(world, code):
    await world.offer()
    world.box.break_next("create_order", Conflict("no", code=code))
    hold = next(iter(world.box.holds))
    world.model.call("create_order", hold_id=hold)
    body = await world.customer.say("yes")
    assert "Nothing was charged" in body["reply"]
    assert body["confirmation"] is not None
    assert not world.box.orders
    await world.customer.say("yes")
    assert len(world.box.orders) == 1


async def test_an_event_cancelled_in_between_is_told_once(world):
    await world.offer()
    world.box.break_next("create_order", Conflict("Hamlet has been cancelled", code="event_cancelled"))
    world.model.say("It is off, so there is no order.")
    body = await world.customer.say("yes")
    assert body["reply"].count("cancelled") == 1
    assert "given back" in body["reply"]
    assert body["confirmation"] is None


async def test_a_price_that_changed_in_between_is_not_charged(world):
    await world.offer()
    world.box.price_minor = 15_000
    body = await world.customer.say("yes")
    assert "price has changed" in body["reply"]
    assert not world.box.orders


async def test_an_expired_offer_is_not_bought(world):
    confirmation = await world.offer()
    world.clock.advance(timedelta(minutes=11))
    status, problem = await world.customer.decide(confirmation["id"], "approve")
    assert (status, problem["code"]) == (410, "confirmation_expired")
    await world.customer.say("yes")
    noted = [m["content"] for m in world.model.requests[-1].messages if m["role"] == "system"][-1]
    assert "expired" in noted
    assert not world.box.named("create_order")


@pytest.mark.parametrize("after_effect", [False, True])
async def test_a_charge_that_times_out_is_sent_again_under_the_same_key(world, after_effect):
    confirmation = await world.offer()
    world.box.break_next("create_order", UpstreamTimeout("slow"), after_effect=after_effect)
    body = await world.customer.say("yes")
    assert [call.key for call in world.box.named("create_order")] == [confirmation["id"]] * 2
    assert world.box.charged_minor == 24_000
    assert next(iter(world.box.orders)) in body["reply"]


async def test_an_unknown_charge_is_told_and_settled_later(world):
    await world.offer()
    world.box.break_next("create_order", UpstreamTimeout("slow"), after_effect=True, times=2)
    asked = len(world.model.requests)
    body = await world.customer.say("yes")
    assert "do not know yet" in body["reply"]
    assert body["tool_calls"][-1]["status"] == "unknown"
    assert len(world.model.requests) == asked

    world.box.break_next("create_order", UpstreamTimeout("slow"), times=2)
    await world.app.state.sweep.run()  # still nothing: the customer is not told the same again
    _, view = await world.customer.request("GET", "/conversations/c1")
    assert len(view["messages"]) == 4

    await world.app.state.sweep.run()
    assert world.box.charged_minor == 24_000
    _, view = await world.customer.request("GET", "/conversations/c1")
    (order_id,) = world.box.orders
    assert order_id in view["messages"][-1]["text"]
    assert view["order_ids"] == [order_id]
    await world.app.state.sweep.run()
    assert len(world.box.orders) == 1


async def test_the_next_message_settles_an_unknown_charge_first(world):
    await world.offer()
    world.box.break_next("create_order", UpstreamTimeout("slow"), times=2)
    await world.customer.say("yes")
    body = await world.customer.say("did it work?")
    (order_id,) = world.box.orders
    assert order_id in body["reply"]
    assert len({call.key for call in world.box.named("create_order")}) == 1


async def test_a_dead_model_after_the_charge_does_not_hide_the_order(world):
    await world.offer()
    world.model.fail(Unavailable("down"))
    body = await world.customer.say("yes")
    (order_id,) = world.box.orders
    assert order_id in body["reply"]
    assert "Nothing was charged" not in body["reply"]


async def test_a_quote_for_someone_else_is_refused(world):
    world.box.extra["quote"] = {"arguments": {"hold_id": "HOLD_1", "customer_id": "cust-2"}}
    world.model.call("hold_tickets", event_id=world.event_id, seat_ids=["A-5-12"])
    world.model.call("create_order", hold_id="HOLD_1")
    body = await world.customer.say("one ticket")
    assert body["confirmation"] is None
    assert body["tool_calls"][-1]["status"] == "error"


async def test_a_refund_waits_for_a_yes(world):
    world.model.call("refund_order", order_id="ORD_9")
    body = await world.customer.say("refund ORD_9")
    assert body["confirmation"]["total"] == -50.0
    assert "You get back: $50.00" in body["reply"]
    assert not world.box.named("refund_order")
    body = await world.customer.say("yes")
    assert len(world.box.named("refund_order")) == 1
    assert "ORD_9" in body["reply"]
