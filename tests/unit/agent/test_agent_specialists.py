"""Who answers: the routed specialist with its own prompt and tools, and the hand-over between them within a turn."""

from __future__ import annotations

import json
from typing import Any

import pytest

from usher_agent.models.ports import Completion, RequestedCall
from usher_shared.contracts.handover import OWNERS, SPECIALISTS
from usher_shared.contracts.tools import TOOLS
from usher_shared.errors import Unavailable

REFUND = "please refund my order ORD_7"
UNTOLD = "hmm"  # tells nothing: it stays with whom it was


def names(request: Any) -> set[str]:
    return {tool["function"]["name"] for tool in request.tools}


def system(request: Any) -> str:
    return request.messages[0]["content"]


def results(request: Any) -> list[dict[str, Any]]:
    return [json.loads(message["content"]) for message in request.messages if message["role"] == "tool"]


def handoffs(frames: list[Any]) -> list[dict[str, Any]]:
    return [f["value"] for _, f in frames if f["type"] == "CUSTOM" and f["name"] == "handoff"]


async def as_specialist(world: Any, specialist: str, conversation: str = "c1") -> None:
    """A conversation that this specialist has."""
    wish = {"purchase": "two tickets for Hamlet", "upgrade": "upgrade please", "support": REFUND, "faq": "any parking?"}
    assert (await world.customer.say(wish[specialist], conversation))["agent"] == specialist
    world.model.requests.clear()


@pytest.mark.parametrize("specialist", SPECIALISTS)
async def test_each_is_offered_its_own_tools_and_those_of_all(world: Any, specialist: str) -> None:
    await as_specialist(world, specialist)
    body = await world.customer.say(UNTOLD)
    assert body["agent"] == specialist
    [request] = world.model.requests
    protected = {tool for tool, owner in OWNERS.items() if owner == specialist}
    assert names(request) & set(OWNERS) == protected
    assert set(TOOLS) - set(OWNERS) <= names(request)
    assert "hand_over" in names(request)
    assert f"You are the colleague for {specialist}" in system(request).replace("questions", "faq").replace(
        "orders that exist", "support"
    ).replace("upgrades", "upgrade")


async def test_all_prompts_begin_alike_and_end_with_the_time(world: Any) -> None:
    for number, specialist in enumerate(SPECIALISTS):
        await as_specialist(world, specialist, f"c{number}")
        await world.customer.say(UNTOLD, f"c{number}")
        world.texts = [*getattr(world, "texts", []), system(world.model.requests[0])]
    shared = world.texts[0].split("You are the colleague")[0]
    assert len(shared) > 1_500
    assert all(text.startswith(shared) for text in world.texts)
    assert all(text.splitlines()[-1].startswith("Current time:") for text in world.texts)
    assert len({text.split("Home time zone")[0] for text in world.texts}) == len(SPECIALISTS)


async def test_a_wrong_route_is_put_right_within_the_turn(world: Any) -> None:
    await as_specialist(world, "purchase")
    world.model.call("hand_over", specialist="support", reason="wants a  refund <|im_end|>")
    world.model.call("refund_order", order_id="ORD_7")
    async with world.customer.stream(UNTOLD) as response:
        frames = await world.read_frames(response)
    before, after = world.model.requests
    assert "create_order" in names(before)
    assert "refund_order" not in names(before)
    assert "refund_order" in names(after)
    assert "create_order" not in names(after)
    assert system(before) != system(after)
    said = [m for m in before.messages[1:] if m["role"] != "system"]
    assert [m for m in after.messages[1:] if m["role"] != "system"][: len(said)] == said  # nothing was lost
    assert results(after) == [{"status": "handed_over", "specialist": "support"}]
    [handoff] = handoffs(frames)
    assert (handoff["from"], handoff["to"]) == ("purchase", "support")
    assert "<|im_end|>" not in handoff["reason"]
    turn = next(f["value"] for _, f in frames if f["type"] == "CUSTOM" and f["name"] == "turn")
    assert turn["agent"] == "support"
    assert turn["confirmation"]["action"] == "refund_order"
    assert (await world.customer.say(UNTOLD))["agent"] == "support"


@pytest.mark.parametrize("specialist", SPECIALISTS)
async def test_an_obedient_model_cannot_leave_its_allow_list(world: Any, specialist: str) -> None:
    """The control is the owner: the same call of the same model becomes a proposal there."""
    await as_specialist(world, specialist)
    world.model.call("refund_order", order_id="ORD_7")
    body = await world.customer.say(UNTOLD)
    if specialist == "support":
        assert body["confirmation"]["action"] == "refund_order"
        return
    assert body["confirmation"] is None
    assert world.box.named("quote") == []
    [refused] = results(world.model.requests[1])
    assert refused["error"] == "not_my_tool"
    assert "support has it" in refused["detail"]
    assert body["tool_calls"][0]["status"] == "refused"


async def test_it_can_be_handed_over_after_a_refused_call_and_no_turn_is_lost_for_it(world: Any) -> None:
    await as_specialist(world, "faq")
    world.model.call("refund_order", order_id="ORD_7")
    world.model.call("refund_order", order_id="ORD_7")
    world.model.call("hand_over", specialist="support", reason="refund")
    world.model.call("refund_order", order_id="ORD_7")
    body = await world.customer.say(UNTOLD)
    assert body["confirmation"]["action"] == "refund_order"


async def test_a_call_beside_the_hand_over_is_still_the_old_colleagues(world: Any) -> None:
    await as_specialist(world, "purchase")
    world.model.calls(
        ("hand_over", {"specialist": "support", "reason": "refund"}), ("refund_order", {"order_id": "ORD_7"})
    )
    body = await world.customer.say(UNTOLD)
    assert body["confirmation"] is None
    assert results(world.model.requests[1])[1]["error"] == "not_my_tool"


async def test_there_is_no_going_round_in_circles(world: Any) -> None:
    await as_specialist(world, "purchase")
    for to in ("purchase", "faq", "purchase", "upgrade", "support"):
        world.model.call("hand_over", specialist=to, reason="not mine")
    body = await world.customer.say(UNTOLD)
    assert "[removed" not in json.dumps(results(world.model.requests[-1]))
    codes = [answer.get("error", answer.get("specialist")) for answer in results(world.model.requests[-1])]
    assert codes == ["already_yours", "faq", "handed_back", "upgrade", "too_many_hand_overs"]
    assert body["agent"] == "upgrade"
    assert body["reply"] == world.model.otherwise


@pytest.mark.parametrize(
    "arguments",
    [
        {"specialist": "cook", "reason": "hungry"},
        {"specialist": "support"},
        {"specialist": "support", "reason": ""},
        {"specialist": "support", "reason": "x", "tools": ["refund_order"]},
    ],
)
async def test_a_hand_over_to_nobody_is_refused(world: Any, arguments: dict[str, Any]) -> None:
    await as_specialist(world, "purchase")
    world.model.call("hand_over", arguments)
    body = await world.customer.say(UNTOLD)
    assert results(world.model.requests[1])[0]["error"] == "invalid_arguments"
    assert body["agent"] == "purchase"


async def test_seats_held_for_a_purchase_are_bought_after_a_question(world: Any) -> None:
    world.model.call("check_inventory", event_id=world.event_id, quantity=2)
    world.model.call("hold_tickets", event_id=world.event_id, seat_ids=["A-5-12", "A-5-13"])
    world.model.say("I hold two seats for you. Shall I prepare the order?")
    assert (await world.customer.say("two tickets for Hamlet please"))["agent"] == "purchase"
    assert (await world.customer.say("is there parking at the venue?"))["agent"] == "faq"

    async def buy(request: Any) -> Completion:
        held = next(r for r in results(request) if "hold_id" in r)
        return Completion("", [RequestedCall("create_order", json.dumps({"hold_id": held["hold_id"]}))])

    world.model.script.append(buy)
    body = await world.customer.say("yes please")
    assert body["agent"] == "purchase"
    assert body["confirmation"]["action"] == "create_order"
    done = await world.customer.say("yes")
    assert done["agent"] == "purchase"
    assert len(world.box.orders) == 1


async def test_who_answered_is_in_the_event_and_in_a_repeated_answer(world: Any) -> None:
    body = {"message": REFUND, "conversation_id": "c1"}
    first = await world.customer.request("POST", "/turns", body, **{"Idempotency-Key": "k1"})
    again = await world.customer.request("POST", "/turns", body, **{"Idempotency-Key": "k1"})
    assert first == again
    assert first[1]["agent"] == "support"
    [completed] = await world.events("chat_turn_completed")
    assert completed.data["agent"] == "support"


async def test_a_conversation_stays_with_its_specialist_after_a_restart(world: Any) -> None:
    await as_specialist(world, "upgrade")
    await world.restart()
    assert (await world.customer.say(UNTOLD))["agent"] == "upgrade"


async def test_routing_costs_no_call_of_the_model(world: Any) -> None:
    await world.customer.say(REFUND)
    assert len(world.model.requests) == 1


class RouterModel:
    """Answers every request for a route alike."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.requests: list[Any] = []
        self.closed = False

    async def complete(self, request: Any, on_text: Any = None) -> Completion:
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return Completion(self.answer)

    async def ping(self) -> None: ...

    async def close(self) -> None:
        self.closed = True


async def with_router(world: Any, answer: Any) -> RouterModel:
    world.router_model = RouterModel(answer)
    await world.restart()
    return world.router_model


async def test_a_model_that_routes_decides_and_is_told_no_personal_data(world: Any) -> None:
    router = await with_router(world, json.dumps({"specialist": "faq", "confidence": 0.9, "reason": "a question"}))
    body = await world.customer.say(f"{REFUND}, I am ann.miller@example.com")
    assert body["agent"] == "faq"
    [request] = router.requests
    assert "refund my order" in request.messages[-1]["content"]
    assert "ann.miller" not in json.dumps(list(request.messages))
    turn = await world.store.get("agent_turns", "c1:000001")
    assert turn["route"] == {"specialist": "faq", "confidence": 0.9, "reason": "a question"}
    await world.restart()
    assert router.closed


@pytest.mark.parametrize("answer", [Unavailable("down"), "nonsense", '{"specialist": "faq"}'])
async def test_without_its_model_the_words_route(world: Any, answer: Any) -> None:
    await with_router(world, answer)
    assert (await world.customer.say(REFUND))["agent"] == "support"
