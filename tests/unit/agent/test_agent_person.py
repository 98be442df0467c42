"""A matter goes to a person: the ticket, what it holds, what the customer is told, who may read the conversation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from usher_shared.errors import Conflict, Unavailable, UpstreamFailed, UpstreamTimeout

CARD = "4111 1111 1111 1111"


def tickets(world: Any) -> list[dict[str, Any]]:
    return list(world.box.tickets.values())


async def ask_for_person(world: Any, message: str = "a person please", **more: Any) -> dict[str, Any]:
    world.model.call("open_support_ticket", {"subject": "A person", "details": "The customer asks for one.", **more})
    world.model.say("I have passed it on.")
    return await world.customer.say(message)


async def test_the_customer_learns_the_ticket_and_what_happens_next(world: Any) -> None:
    body = await ask_for_person(world)
    [ticket] = tickets(world)
    assert body["agent"] == "support"
    assert body["reply"].startswith("I have passed it on.")
    assert ticket["ticket_id"] in body["reply"]
    assert "A person reads this conversation" in body["reply"]
    assert body["tool_calls"][0]["arguments"] == {"subject": "A person", "details": "The customer asks for one."}
    _, view = await world.customer.request("GET", "/conversations/c1")
    assert [(t["ticket_id"], t["reason"]) for t in view["tickets"]] == [(ticket["ticket_id"], "asked")]


async def test_it_is_never_silent_in_the_stream(world: Any) -> None:
    world.model.call("open_support_ticket", subject="A person", details="asks")
    world.model.say("Of course.")
    async with world.customer.stream("a person please") as response:
        frames = [frame for _, frame in await world.read_frames(response)]
    [ticket] = tickets(world)
    [handoff] = [f["value"] for f in frames if f["type"] == "CUSTOM" and f["name"] == "handoff"]
    assert handoff == {"from": "support", "to": "person", "reason": "asked", "ticket_id": ticket["ticket_id"]}
    said = "".join(f["delta"] for f in frames if f["type"] == "TEXT_MESSAGE_CONTENT")
    assert ticket["ticket_id"] in said


async def test_the_ticket_tells_what_was_said_and_tried_without_personal_data(world: Any) -> None:
    await world.customer.say(f"two tickets for Hamlet, my mail is ann.miller@example.com, card {CARD}")
    world.model.call("list_orders")
    body = await ask_for_person(world, "that is all wrong, call me at +1 415 555 2671, I want a person")
    assert body["tool_calls"][0]["name"] == "list_orders"
    [ticket] = tickets(world)
    [details] = ticket["details"]
    assert details.startswith("The customer asks for one.")
    assert "Tried: list_orders (ok)" in details
    assert "Conversation c1, turn 2" in details
    assert "Customer: two tickets for Hamlet" in details
    assert "Usher: How can I help you?" in details
    assert details.index("two tickets for Hamlet") < details.index("that is all wrong")
    for private in ("ann.miller", "4111", "555 2671"):
        assert private not in details


async def test_a_long_conversation_fits_with_its_newest_part(world: Any) -> None:
    for number in range(12):
        await world.customer.say(f"message number {number} " + "and so on " * 60)
    await ask_for_person(world, details="x" * 4_000)
    [ticket] = tickets(world)
    [details] = ticket["details"]
    assert len(details) <= 4_000
    assert "message number 11" in details
    assert "message number 0 " not in details


async def test_what_is_held_and_done_is_told(world: Any) -> None:
    await world.offer()
    await world.customer.say("yes")
    await ask_for_person(world)
    [details] = tickets(world)[0]["details"]
    assert "Done before: create_order" in details
    assert next(iter(world.box.orders)) in details


async def test_asking_twice_is_one_hand_off(world: Any) -> None:
    first = await ask_for_person(world)
    again = await ask_for_person(world, "hello? I want a person")
    [ticket] = tickets(world)
    assert ticket["ticket_id"] in first["reply"]
    assert ticket["ticket_id"] in again["reply"]
    _, view = await world.customer.request("GET", "/conversations/c1")
    assert len(view["tickets"]) == 1


async def test_the_conversation_goes_on_meanwhile(world: Any) -> None:
    await ask_for_person(world)
    body = await world.customer.say("ok. two tickets for Hamlet then")
    assert body["agent"] == "purchase"
    assert "A person reads" not in body["reply"]


async def test_two_failed_turns_in_a_row_go_to_a_person(world: Any) -> None:
    world.model.fail(Unavailable("down"))
    first = await world.customer.say("two tickets for Hamlet")
    assert tickets(world) == []
    assert "staff" not in first["reply"]
    world.model.fail(Unavailable("down"))
    async with world.customer.stream("hello?") as response:
        frames = [frame for _, frame in await world.read_frames(response)]
    [ticket] = tickets(world)
    turn = next(f["value"] for f in frames if f["type"] == "CUSTOM" and f["name"] == "turn")
    assert ticket["ticket_id"] in turn["reply"]
    assert "went wrong twice" in turn["reply"]
    assert [f["value"]["reason"] for f in frames if f["type"] == "CUSTOM" and f["name"] == "handoff"] == ["failures"]
    assert "two tickets for Hamlet" in ticket["details"][0]
    world.model.fail(Unavailable("down"))
    third = await world.customer.say("still there?")
    assert ticket["ticket_id"] in third["reply"]
    assert len(tickets(world)) == 1


async def test_a_turn_that_went_well_breaks_the_row(world: Any) -> None:
    for _ in range(2):
        world.model.fail(Unavailable("down"))
        await world.customer.say("two tickets for Hamlet")
        await world.customer.say("and now?")
    assert tickets(world) == []


async def test_two_withheld_replies_go_to_a_person(world: Any) -> None:
    for _ in range(2):
        world.model.say("Hamlet: order ORD_9 costs $43.00.")
        world.model.say("Hamlet: order ORD_9 costs $44.00.")
        body = await world.customer.say("two tickets for Hamlet")
    [ticket] = tickets(world)
    assert ticket["ticket_id"] in body["reply"]
    assert "(reply_withheld, reply_withheld)" in ticket["details"][0]


async def test_an_unknown_outcome_is_no_failure_of_that_row(world: Any) -> None:
    """Its own recovery tells what became of it: a ticket would be about something that is settled."""
    await world.offer()
    world.box.break_next("create_order", UpstreamTimeout("slow"), times=2)
    assert "do not know yet" in (await world.customer.say("yes"))["reply"]
    for asked in range(2):
        assert tickets(world) == [], "one failure of ours so far" if asked else "none"
        world.model.fail(Unavailable("down"))
        await world.customer.say("is there parking?")
    errors = [turn.data.get("error_code") for turn in await world.events("chat_turn_completed")]
    assert errors == [None, "status_unknown", "model_unavailable", "model_unavailable"]
    assert len(tickets(world)) == 1


async def test_nothing_is_claimed_when_the_desk_cannot_be_reached(world: Any) -> None:
    world.box.break_next("open_support_ticket", Unavailable("down"), times=9)
    for _ in range(2):
        world.model.fail(Unavailable("down"))
        body = await world.customer.say("two tickets for Hamlet")
    assert "ticket is" not in body["reply"]
    assert "staff" not in body["reply"]
    _, view = await world.customer.request("GET", "/conversations/c1")
    assert view["tickets"] == []


@pytest.mark.parametrize(("status", "noted"), [("asked", 1), ("rejected", 0), ("approved", 0)])
async def test_an_exception_from_a_policy_is_with_a_person_while_it_is_asked_for(
    world: Any, status: str, noted: int
) -> None:
    extra = {"ticket_id": "SUP_9", "ticket_status": status}
    world.box.break_next("quote", Conflict("Too late. Ticket SUP_9.", code="outside_policy", extra=extra))
    world.model.call("refund_order", order_id="ORD_7")
    world.model.say("That is outside the policy.")
    body = await world.customer.say("please refund my order ORD_7")
    _, view = await world.customer.request("GET", "/conversations/c1")
    assert [t["reason"] for t in view["tickets"]] == ["outside_policy"] * noted
    assert ("SUP_9" in body["reply"]) == bool(noted)


async def test_an_outcome_that_nobody_knows_is_with_a_person(world: Any) -> None:
    offer = await world.offer()
    error = UpstreamFailed("unclear", code="outcome_unresolved", extra={"ticket_id": "SUP_5"})
    world.box.break_next("create_order", error)
    _, body = await world.customer.decide(offer["id"], "approve")
    assert "SUP_5" in body["reply"]
    _, view = await world.customer.request("GET", "/conversations/c1")
    assert [t["ticket_id"] for t in view["tickets"]] == ["SUP_5"]


async def test_an_operator_reads_the_conversation_of_a_ticket_and_no_other(world: Any) -> None:
    await world.customer.say("two tickets for Hamlet, I am ann.miller@example.com")
    await ask_for_person(world)
    await world.customer.say("something private", "c2")
    [ticket] = tickets(world)
    operator = world.other("cust-1", caller="cli")
    path = f"/conversations/c1/transcript?ticket_id={ticket['ticket_id']}"
    status, said = await operator.request("GET", path)
    assert status == 200
    assert [line["speaker"] for line in said["lines"]] == ["customer", "purchase", "customer", "tool", "support"]
    assert "ann.miller" not in json.dumps(said)
    for wrong in (
        "/conversations/c1/transcript?ticket_id=SUP_other",
        f"/conversations/c2/transcript?ticket_id={ticket['ticket_id']}",
        f"/conversations/c9/transcript?ticket_id={ticket['ticket_id']}",
    ):
        assert (await operator.request("GET", wrong))[0] == 404
    assert (await world.customer.request("GET", path))[0] == 403  # the gateway, for whatever customer
    assert (await world.customer.request("DELETE", "/conversations/c1"))[0] == 200
    assert (await operator.request("GET", path))[0] == 404
