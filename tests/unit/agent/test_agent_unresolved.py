"""An action of which the box office cannot tell what became: an end, told as it is, without a claim about money."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from usher_shared.documents import Filter, Query
from usher_shared.errors import Conflict, UpstreamFailed, UpstreamTimeout


def _unresolved(ticket: str | None = "SUP_1") -> UpstreamFailed:
    extra: dict[str, object] | None = {"ticket_id": ticket} if ticket else None
    return UpstreamFailed("it did not say soundly what it did", code="outcome_unresolved", extra=extra)


async def _unfinished(world: Any) -> int:
    found = 0
    for state in ("approved", "executing"):
        query = Query("agent_proposals", (Filter("state", "==", state),), order_by="updated_at")
        found += len((await world.store.query(query)).documents)
    return found


def _is_honest(reply: str, ticket: str | None) -> bool:
    return "a person" in reply.lower() and (ticket is None or ticket in reply) and "othing was charged" not in reply


@pytest.mark.parametrize("ticket", ["SUP_1", None])
async def test_it_is_told_once_and_the_conversation_goes_on(world: Any, ticket: str | None) -> None:
    confirmation = await world.offer()
    world.box.break_next("create_order", _unresolved(ticket), times=9)
    asked = len(world.model.requests)
    body = await world.customer.say("yes")
    assert _is_honest(body["reply"], ticket)
    assert body["tool_calls"][-1]["status"] == "unknown"
    assert len(world.model.requests) == asked, "no model talks of what became of the money"
    assert len(world.box.named("create_order")) == 1
    assert await _unfinished(world) == 0
    await world.app.state.sweep.run()
    assert len(world.box.named("create_order")) == 1
    (problem,) = await world.events("error_occurred")
    assert problem.data["code"] == "outcome_unresolved"
    status, again = await world.customer.decide(confirmation["id"], "approve")
    assert (status, again["reply"]) == (200, body["reply"])
    assert (await world.customer.say("what else is on?"))["reply"] == world.model.otherwise


async def test_it_ends_an_outcome_that_was_unknown(world: Any) -> None:
    await world.offer()
    world.box.break_next("create_order", UpstreamTimeout("slow"), times=2)
    assert "do not know yet" in (await world.customer.say("yes"))["reply"]
    world.box.break_next("create_order", _unresolved(), times=9)
    await world.settle()
    _, view = await world.customer.request("GET", "/conversations/c1")
    assert _is_honest(view["messages"][-1]["text"], "SUP_1")
    assert (await world.customer.say("what else is on?"))["reply"] == world.model.otherwise
    assert len(world.box.named("create_order")) == 3


async def _ask(world: Any, arguments: dict[str, Any]) -> tuple[int, Any]:
    answer: tuple[int, Any] = await world.customer.request(
        "POST", "/proposals", {"action": "create_order", "arguments": arguments}
    )
    return answer


async def _approved(world: Any, error: Exception) -> dict[str, Any]:
    """The arguments of a program's request that the customer approved, and that came to this."""
    caller = SimpleNamespace(client_id="web", customer_id="cust-1", conversation_id="")
    wanted = {"event_id": world.event_id, "seat_ids": ["A-5-12"], "expires_in_seconds": 300}
    arguments = {"hold_id": (await world.box.run("hold_tickets", wanted, caller))["hold_id"]}
    _, asked = await _ask(world, arguments)
    world.box.break_next("create_order", error)
    await world.customer.decide(asked["confirmation"]["id"], "approve")
    return arguments


async def test_a_program_hears_it_for_as_long_as_it_asks(world: Any) -> None:
    """Were it told once, the next call would offer the same purchase again."""
    arguments = await _approved(world, _unresolved())
    for _ in range(3):
        status, problem = await _ask(world, arguments)
        assert (status, problem["code"], problem["ticket_id"]) == (409, "outcome_unresolved", "SUP_1")
        assert "nothing was charged" not in problem["detail"]
        assert "a person" in problem["detail"]
    assert len(world.box.named("create_order")) == 1


_GIVEN_BACK = "the seats were taken by others before the payment went through; the charge has been given back"


async def test_a_charge_that_was_given_back_was_made(world: Any) -> None:
    arguments = await _approved(world, Conflict(_GIVEN_BACK, code="seats_taken"))
    status, problem = await _ask(world, arguments)
    assert (status, problem["code"], problem["detail"]) == (409, "seats_taken", _GIVEN_BACK)


@pytest.mark.parametrize("code", ["seats_taken", "event_cancelled"])
async def test_what_may_have_been_charged_is_not_called_uncharged(world: Any, code: str) -> None:
    await world.offer()
    world.box.break_next("create_order", Conflict("it is gone", code=code))
    reply = (await world.customer.say("yes"))["reply"]
    assert "othing was charged" not in reply
    assert "If anything was charged, it has been given back." in reply
