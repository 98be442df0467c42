"""What a turn does with its models: another one after nonsense, notes at calls, the time there is, costs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from usher_agent.models.order import Candidate, ModelOrder
from usher_agent.models.ports import Completion, RequestedCall
from usher_agent.models.prices import FREE, Price
from usher_shared.documents import Filter, Query

SIGNED = {"google": {"thought_signature": "c2lnbmVk", "model": "gemini-3-flash-preview"}}


def in_order(*models: Any, price: Price = FREE) -> ModelOrder:
    return ModelOrder([Candidate(f"model-{number}", model, 5.0, price) for number, model in enumerate(models, 1)])


@pytest.fixture
def scripted(world: Any) -> Any:
    return type(world.model)


@pytest.mark.parametrize("nonsense", ["", "<tool_call>{}</tool_call>", [RequestedCall("get_event_info", "{{")]])
async def test_after_two_unusable_answers_another_model_is_asked(
    make_world: Any, scripted: Any, nonsense: str | list[RequestedCall]
) -> None:
    first, second = scripted(), scripted()
    unusable = Completion(nonsense) if isinstance(nonsense, str) else Completion("", nonsense)
    first.script += [unusable, unusable]
    second.say("Here I am.")
    world = await make_world(in_order(first, second))
    body = await world.customer.say("hello")
    assert body["reply"] == "Here I am."
    assert len(first.requests) == 2  # it was told once
    (event,) = await world.events("chat_turn_completed")
    assert event.data["models_passed_over"] == ["model-1"]
    assert (await world.customer.say("again"))["reply"] == first.otherwise  # the next turn asks it again


async def test_nonsense_of_the_last_model_ends_honestly(make_world: Any, scripted: Any) -> None:
    first, second = scripted(), scripted()
    for model in (first, second):
        model.script += [Completion(""), Completion("")]
    world = await make_world(in_order(first, second))
    body = await world.customer.say("hello")
    assert "sorry" in body["reply"]
    (event,) = await world.events("chat_turn_completed")
    assert event.data["error_code"] == "model_invalid"


async def test_a_note_at_a_call_goes_back_in_the_turn_and_no_further(world: Any) -> None:
    world.model.script.append(Completion("", [RequestedCall("search_events", '{"query": "x"}', SIGNED)]))
    world.model.say("Found it.")
    await world.customer.say("what is on?")
    call = next(m for m in world.model.requests[1].messages if m.get("tool_calls"))["tool_calls"][0]
    assert call["extra_content"] == SIGNED
    await world.customer.say("and tomorrow?")
    assert "thought_signature" not in json.dumps(world.model.requests[2].messages)
    page = await world.store.query(Query("agent_turns", (Filter("conversation_id", "==", "c1"),), order_by="number"))
    assert len(page.documents) == 2
    assert "thought_signature" not in json.dumps([document.data for document in page.documents])


async def test_each_answer_gets_the_time_that_is_left(make_world: Any) -> None:
    world = await make_world(wall_limit_seconds=30.0)
    world.model.call("search_events", query="x")
    world.model.say("Found it.")
    await world.customer.say("what is on?")
    first, second = (request.timeout_seconds for request in world.model.requests)
    assert 30.0 >= first > second > 0


async def test_the_costs_of_a_turn_are_those_of_its_calls(make_world: Any, scripted: Any) -> None:
    model = scripted()
    model.call("search_events", query="x")
    model.say("Found it.")
    world = await make_world(in_order(model, price=Price(prompt=2.0, completion=10.0)))
    body = await world.customer.say("what is on?")
    assert body["usage"] == {
        "prompt_tokens": 20,
        "completion_tokens": 10,
        "total_tokens": 30,
        "cached_tokens": 0,
        "cost_usd": 0.00014,
    }
    (event,) = await world.events("chat_turn_completed")
    assert event.data["cost_nanos"] == 140_000
    stored = await world.store.get("agent_conversations", "c1")
    assert stored["spent_nanos"] == 140_000


async def test_a_budget_of_nothing_leaves_what_costs_nothing(make_world: Any, scripted: Any) -> None:
    dear, free = scripted(), scripted()
    order = ModelOrder([Candidate("dear", dear, 5.0, Price(1.0, 1.0)), Candidate("free", free, 5.0, FREE)])
    world = await make_world(order, conversation_budget_usd=0.0)
    await world.customer.say("hello")
    assert (len(dear.requests), len(free.requests)) == (0, 1)


async def test_what_routing_costs_is_part_of_the_turn_and_of_the_budget(make_world: Any, scripted: Any) -> None:
    world = await make_world(conversation_budget_usd=0.001)
    router = scripted()
    decision = '{"specialist": "faq", "confidence": 0.9, "reason": "a question"}'
    answer = Completion(decision, prompt_tokens=7, completion_tokens=3, cost_nanos=900_000, charged_nanos=900_000)
    router.script += [answer, answer]
    world.router_model = router
    await world.restart()
    world.model.script.append(Completion("Yes.", prompt_tokens=20, cost_nanos=200_000, charged_nanos=200_000))
    usage = (await world.customer.say("may I bring a dog?"))["usage"]
    assert (usage["prompt_tokens"], usage["cost_usd"]) == (27, 0.0011)
    await world.customer.say("and a cat?")
    assert [request.free_only for request in (*router.requests, *world.model.requests)] == [False, True, False, True]
