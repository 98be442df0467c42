"""POST /proposals: another program asks, the customer decides, the outcome is told."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from usher_shared.contracts.proposals import ProposalAnswer
from usher_shared.documents import Filter, Query
from usher_shared.errors import UpstreamTimeout


async def _hold(world: Any, customer: str = "cust-1", seats: tuple[str, ...] = ("A-5-12", "A-5-13")) -> str:
    caller = SimpleNamespace(client_id="web", customer_id=customer, conversation_id="")
    wanted = {"event_id": world.event_id, "seat_ids": list(seats), "expires_in_seconds": 300}
    hold_id: str = (await world.box.run("hold_tickets", wanted, caller))["hold_id"]
    return hold_id


async def _ask(client: Any, action: str, arguments: dict[str, Any], **more: Any) -> tuple[int, Any]:
    status, body = await client.request("POST", "/proposals", {"action": action, "arguments": arguments, **more})
    if status == 200:
        ProposalAnswer.model_validate(body)
    return status, body


async def _asked(client: Any, action: str, arguments: dict[str, Any], **more: Any) -> Any:
    """The confirmation that is waited for."""
    status, body = await _ask(client, action, arguments, **more)
    assert (status, body.get("status")) == (200, "confirmation_required"), body
    return body["confirmation"]


async def _conversations(world: Any) -> list[Any]:
    page = await world.store.query(
        Query("agent_conversations", (Filter("status", "==", "open"),), order_by="updated_at")
    )
    return [document.data for document in page.documents]


async def test_a_purchase_waits_for_the_customer_and_is_told_when_done(world: Any) -> None:
    arguments = {"hold_id": await _hold(world)}
    confirmation = await _asked(world.customer, "create_order", arguments)
    assert (confirmation["action"], confirmation["total"], confirmation["currency"]) == ("create_order", 240.0, "USD")
    assert await _asked(world.customer, "create_order", arguments) == confirmation
    assert not world.box.orders

    status, reply = await world.customer.decide(confirmation["id"], "approve")
    assert status == 200, reply
    assert "Done: order" in reply["reply"]
    for _ in range(2):
        status, body = await _ask(world.customer, "create_order", arguments)
        assert (status, body["status"], body["answer"]["total"]) == (200, "done", 240.0)
        assert body["answer"]["order_id"] in world.box.orders
    assert len(world.box.named("create_order")) == 1
    assert world.box.charged_minor == 24_000
    assert world.model.requests == [], "nobody talked, so there was nothing for the model"


async def test_many_at_once_are_one_proposal(world: Any) -> None:
    arguments = {"hold_id": await _hold(world)}
    confirmations = await asyncio.gather(*(_asked(world.customer, "create_order", arguments) for _ in range(20)))
    assert len({confirmation["id"] for confirmation in confirmations}) == 1
    assert len(await _conversations(world)) == 1
    assert len(await world.events("chat_turn_completed")) == 1


async def test_declined_is_told_once(world: Any) -> None:
    arguments = {"hold_id": await _hold(world)}
    first = await _asked(world.customer, "create_order", arguments)
    await world.customer.decide(first["id"], "reject")
    status, problem = await _ask(world.customer, "create_order", arguments)
    assert (status, problem["code"]) == (409, "confirmation_rejected")
    again = await _asked(world.customer, "create_order", arguments)
    assert again["id"] != first["id"]
    assert not world.box.orders


async def test_a_changed_price_is_told_once_and_asked_anew(world: Any) -> None:
    arguments = {"hold_id": await _hold(world)}
    first = await _asked(world.customer, "create_order", arguments)
    world.box.price_minor = 15_000
    await world.customer.decide(first["id"], "approve")
    status, problem = await _ask(world.customer, "create_order", arguments)
    assert (status, problem["code"]) == (409, "price_changed")
    again = await _asked(world.customer, "create_order", arguments)
    assert again["total"] == 300.0
    assert not world.box.orders


async def test_an_expired_offer_is_made_anew(world: Any) -> None:
    arguments = {"order_id": "ORD_1"}
    first = await _asked(world.customer, "refund_order", arguments)
    world.clock.advance(timedelta(minutes=11))
    again = await _asked(world.customer, "refund_order", arguments)
    assert again["id"] != first["id"]
    status, problem = await world.customer.decide(first["id"], "approve")
    assert (status, problem["code"]) == (410, "confirmation_expired")


async def test_another_key_is_another_request(world: Any) -> None:
    arguments = {"order_id": "ORD_1"}
    first = await _asked(world.customer, "refund_order", arguments, idempotency_key="a")
    assert await _asked(world.customer, "refund_order", arguments, idempotency_key="a") == first
    other = await _asked(world.customer, "refund_order", arguments, idempotency_key="b")
    assert other["id"] != first["id"]


async def test_customers_are_apart(world: Any) -> None:
    mine = await _asked(world.customer, "refund_order", {"order_id": "ORD_1"})
    other = await _asked(world.other(), "refund_order", {"order_id": "ORD_1"})
    assert mine["id"] != other["id"]
    status, problem = await world.other().decide(mine["id"], "approve")
    assert (status, problem["code"]) == (404, "confirmation_not_found")


async def test_who_the_customer_is_comes_from_the_caller(world: Any) -> None:
    forged = {"hold_id": await _hold(world), "customer_id": "cust-2", "payment_method_token": "tok_stolen"}
    confirmation = await _asked(world.customer, "create_order", forged)
    await world.customer.decide(confirmation["id"], "approve")
    (order,) = world.box.orders.values()
    assert (order["customer"], order["customer_id"], order["payment_method_token"]) == ("cust-1", "cust-1", "default")


async def test_what_cannot_be_quoted_leaves_nothing_behind(world: Any) -> None:
    status, problem = await _ask(world.customer, "create_order", {"hold_id": "HOLD_404"})
    assert (status, problem["code"]) == (404, "hold_not_found")
    assert await _conversations(world) == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"action": "create_order", "arguments": {}}, "validation_failed"),
        ({"action": "create_order", "arguments": {"hold_id": "HOLD_1", "total": 1}}, "validation_failed"),
        ({"action": "get_order", "arguments": {"order_id": "ORD_1"}}, "validation_failed"),
        ({"action": "refund_order", "arguments": {"order_id": "ORD_1"}, "idempotency_key": ""}, "validation_failed"),
    ],
)
async def test_what_fits_no_action_is_refused(world: Any, body: dict[str, Any], code: str) -> None:
    status, problem = await world.customer.request("POST", "/proposals", body)
    assert (status, problem["code"]) == (422, code)


async def test_only_the_gateway_may_ask(world: Any) -> None:
    status, problem = await _ask(world.other("cust-1", "tools"), "refund_order", {"order_id": "ORD_1"})
    assert (status, problem["code"]) == (403, "wrong_caller")


async def test_a_yes_in_words_counts_too(world: Any) -> None:
    arguments = {"hold_id": await _hold(world)}
    await _asked(world.customer, "create_order", arguments)
    (conversation,) = await _conversations(world)
    await world.customer.say("yes", conversation["id"])
    _, body = await _ask(world.customer, "create_order", arguments)
    assert body["status"] == "done"
    assert len(world.box.orders) == 1


async def test_while_it_is_carried_out_the_asker_waits(world: Any) -> None:
    arguments = {"hold_id": await _hold(world)}
    confirmation = await _asked(world.customer, "create_order", arguments)
    world.box.gates["create_order"] = asyncio.Event()
    world.box.entered.clear()
    deciding = asyncio.create_task(world.customer.decide(confirmation["id"], "approve"))
    await world.box.entered.wait()
    asking = asyncio.create_task(_ask(world.customer, "create_order", arguments))
    world.box.gates["create_order"].set()
    _, body = await asking
    assert body["status"] == "done"
    await deciding
    assert len(world.box.named("create_order")) == 1


async def test_an_unknown_outcome_is_said_to_be_unknown(world: Any) -> None:
    arguments = {"hold_id": await _hold(world)}
    confirmation = await _asked(world.customer, "create_order", arguments)
    world.box.break_next("create_order", UpstreamTimeout("no answer"), after_effect=True, times=2)
    await world.customer.decide(confirmation["id"], "approve")
    status, problem = await _ask(world.customer, "create_order", arguments)
    assert (status, problem["code"]) == (409, "confirmation_unsettled")
    await world.settle()
    _, body = await _ask(world.customer, "create_order", arguments)
    assert body["status"] == "done"
    assert world.box.charged_minor == 24_000


async def test_killed_while_asking_and_while_carrying_out(world: Any) -> None:
    arguments = {"hold_id": await _hold(world)}
    first = await _asked(world.customer, "create_order", arguments)
    await world.restart()
    assert await _asked(world.customer, "create_order", arguments) == first
    world.box.gates["create_order"] = asyncio.Event()
    world.box.entered.clear()
    deciding = asyncio.create_task(world.customer.decide(first["id"], "approve"))
    await world.box.entered.wait()
    await world.kill()
    await asyncio.gather(deciding, return_exceptions=True)
    world.box.gates["create_order"].set()
    await world.start()
    await world.settle()
    _, body = await _ask(world.customer, "create_order", arguments)
    assert body["status"] == "done"
    assert len(world.box.orders) == 1


async def test_the_conversation_ends_as_a_sale(world: Any) -> None:
    confirmation = await _asked(world.customer, "create_order", {"hold_id": await _hold(world)})
    await world.customer.decide(confirmation["id"], "approve")
    (conversation,) = await _conversations(world)
    status, view = await world.customer.request("GET", f"/conversations/{conversation['id']}")
    assert status == 200
    assert [message["role"] for message in view["messages"]] == ["assistant", "assistant"]
    await world.customer.request("POST", f"/conversations/{conversation['id']}/end")
    (completed,) = await world.events("conversation_completed")
    assert completed.data["outcome"] == "purchased"
