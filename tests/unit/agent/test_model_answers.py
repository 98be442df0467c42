"""Answers that are kept: of impersonal first questions alone, and never shared where what led to them differs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from usher_agent.models.answers import KeptAnswers
from usher_agent.models.ports import Completion, CompletionRequest, RequestedCall
from usher_agent.turns.prompt import (
    assistant_calls,
    assistant_message,
    note,
    system_message,
    tool_message,
    user_message,
)
from usher_shared.clock import ManualClock
from usher_shared.errors import UpstreamFailed
from usher_shared.personal import Vault

TOOLS = [{"type": "function", "function": {"name": "search_events", "parameters": {}}}]
SEARCH = assistant_calls("", [("call_1_1", "search_events", '{"query": "jazz"}')])
FOUND = tool_message("call_1_1", "search_events", '{"events": ["E1"]}')


class Counting:
    """Answers with what is set, or with how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.next: list[Any] = []

    async def complete(self, request: CompletionRequest, on_text: Any = None) -> Completion:
        self.asked += 1
        step = self.next.pop(0) if self.next else Completion(f"answer {self.asked}", model="m", version="1")
        if isinstance(step, Exception):
            raise step
        return step

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 20, 18, 0, tzinfo=UTC))


@pytest.fixture
def inner() -> Counting:
    return Counting()


@pytest.fixture
def model(inner: Counting, clock: ManualClock) -> KeptAnswers:
    return KeptAnswers(inner, clock, 60.0)


@pytest.fixture
def ask(model: KeptAnswers, clock: ManualClock) -> Any:
    async def ask(*messages: dict[str, Any], customer: str = "ann", **more: Any) -> Completion:
        system = system_message(clock.now(), "Europe/Berlin", more.pop("specialist", "faq"))
        more.setdefault("tools", TOOLS)
        return await model.complete(
            CompletionRequest([system, *messages], conversation_id=f"conv-{customer}", customer_id=customer, **more)
        )

    return ask


QUESTION = user_message("Where can people park?")


async def test_the_same_question_is_asked_once(ask: Any, inner: Counting, clock: ManualClock) -> None:
    first = await ask(QUESTION)
    clock.advance(timedelta(seconds=20))
    second = await ask(QUESTION, customer="bob")
    assert (first.is_kept, second.is_kept) == (False, True)
    assert second.text == first.text
    assert (second.prompt_tokens, second.cost_nanos, second.charged_nanos) == (0, 0, 0)
    assert inner.asked == 1


async def test_a_listener_hears_a_kept_answer(model: KeptAnswers, ask: Any, clock: ManualClock) -> None:
    await ask(QUESTION)
    heard: list[str] = []
    system = system_message(clock.now(), "Europe/Berlin", "faq")
    await model.complete(CompletionRequest([system, QUESTION], TOOLS, "c"), heard.append)  # type: ignore[arg-type]
    assert heard == ["answer 1"]


async def test_what_tools_answered_is_part_of_the_question(ask: Any, inner: Counting) -> None:
    await ask(QUESTION, SEARCH, FOUND)
    assert (await ask(QUESTION, SEARCH, FOUND)).is_kept
    changed = tool_message("call_1_1", "search_events", '{"events": ["E1"], "knowledge_version": 2}')
    assert not (await ask(QUESTION, SEARCH, changed)).is_kept


async def test_an_answer_does_not_outlive_the_day(inner: Counting, clock: ManualClock) -> None:
    model = KeptAnswers(inner, clock, 7200.0)
    clock.advance(timedelta(hours=4, minutes=30))  # half an hour before midnight in Berlin, within one bucket
    for kept in (False, True):
        system = system_message(clock.now(), "Europe/Berlin", "faq")
        answer = await model.complete(CompletionRequest([system, QUESTION], TOOLS, "c"))  # type: ignore[arg-type]
        assert answer.is_kept is kept
    clock.advance(timedelta(minutes=45))
    system = system_message(clock.now(), "Europe/Berlin", "faq")
    assert not (await model.complete(CompletionRequest([system, QUESTION], TOOLS, "c"))).is_kept  # type: ignore[arg-type]


async def test_the_moment_passes(ask: Any, clock: ManualClock) -> None:
    await ask(QUESTION)
    clock.advance(timedelta(seconds=60))
    assert not (await ask(QUESTION)).is_kept


@pytest.mark.parametrize(
    "more",
    [
        {"specialist": "purchase"},
        {"tools": []},
        {"avoid": ["m"]},
        {"free_only": True},
        {"response_format": {"type": "json_schema"}},
    ],
)
async def test_another_prompt_or_other_rules_are_another_question(ask: Any, more: dict[str, Any]) -> None:
    await ask(QUESTION)
    assert not (await ask(QUESTION, **more)).is_kept


@pytest.mark.parametrize(
    "messages",
    [
        [QUESTION, assistant_message("There."), QUESTION],
        [user_message("Hi"), assistant_message("Hello."), QUESTION],
        [note("The customer likes aisles."), QUESTION],
        [QUESTION, note("The customer approved the proposal CONF_1.")],
        [
            QUESTION,
            assistant_calls("", [("c", "list_orders", "{}")]),
            tool_message("c", "list_orders", '{"orders": []}'),
        ],
        [QUESTION, assistant_calls("", [("c", "get_order", "{}")]), tool_message("c", "get_order", "{}")],
        [QUESTION, assistant_calls("", [("c", "hold_tickets", "{}")]), tool_message("c", "hold_tickets", "{}")],
        [QUESTION, SEARCH, FOUND, assistant_calls("", [("c", "quote", "{}")]), tool_message("c", "quote", "{}")],
        [user_message("my order ORD_7K2 please")],
        [user_message("call me on 0171 555 123")],
        [user_message("my card ends in 4 2 4 2 4")],
        [user_message("write to ann@example.com")],
        [user_message("my name is Ann Miller, what is on?")],
        [user_message("I'm Ann, what is on?")],
        [user_message("[PERSON_1] wants seats")],
        [user_message("what is on near my home, 12 Maple Street, Springfield?")],
        [user_message(Vault().hide("what is on? write to ann@example.com"))],
        [user_message("seats " * 60)],
    ],
)
async def test_what_may_be_personal_is_asked_each_time(ask: Any, inner: Counting, messages: list[Any]) -> None:
    await ask(*messages)
    assert not (await ask(*messages, customer="bob")).is_kept
    assert inner.asked == 2


@pytest.mark.parametrize("name", ["list_orders", "hold_tickets", "create_order", "hand_over", "quote"])
async def test_an_answer_that_calls_anything_else_is_not_kept(ask: Any, inner: Counting, name: str) -> None:
    inner.next = [Completion("", [RequestedCall("search_events", "{}"), RequestedCall(name, "{}")])]
    await ask(QUESTION)
    assert not (await ask(QUESTION)).is_kept


async def test_failures_and_nothing_and_second_choices_are_not_kept(ask: Any, inner: Counting) -> None:
    inner.next = [UpstreamFailed("x"), Completion(""), Completion("From the playbook.", passed_over=("m",))]
    with pytest.raises(UpstreamFailed):
        await ask(QUESTION)
    for _ in range(3):
        assert not (await ask(QUESTION)).is_kept
    assert (await ask(QUESTION)).is_kept


async def test_a_new_release_forgets_the_old_ones_answers(ask: Any, inner: Counting) -> None:
    await ask(QUESTION)
    inner.next = [Completion("Hello.", model="m", version="2")]
    await ask(user_message("Hello"))
    assert not (await ask(QUESTION)).is_kept


async def test_in_an_experiment_nothing_is_kept(ask: Any, inner: Counting, clock: ManualClock) -> None:
    await ask(QUESTION)
    inner.next = [Completion("Hello.", model="m", version="1", variant="b")]
    await ask(user_message("Hello"))
    for _ in range(2):
        assert not (await ask(QUESTION)).is_kept
    clock.advance(timedelta(hours=2))
    await ask(QUESTION)
    assert (await ask(QUESTION)).is_kept


async def test_two_customers_never_share_what_they_did_not_share(ask: Any, inner: Counting) -> None:
    """Whatever differs in what the model saw, the answers are apart: here the model repeats it all."""
    for words in ("Any jazz?", "any jazz?", "Any jazz? ", "Any rock?"):
        for result in ('{"events": []}', '{"events": ["E1"]}'):
            messages = [user_message(words), SEARCH, tool_message("call_1_1", "search_events", result)]
            inner.next = [Completion(json.dumps(messages), model="m", version="1")]
            answer = await ask(*messages)
            assert answer.text == json.dumps(messages)
            assert (await ask(*messages, customer="bob")).text == json.dumps(messages)


async def test_the_agent_keeps_nothing_unless_it_is_told_to(make_world: Any) -> None:
    world = await make_world()
    for conversation in ("c1", "c2"):
        await world.customer.say("Where can people park?", conversation)
    assert len(world.model.requests) == 2


async def test_a_kept_answer_is_told_and_counted(make_world: Any) -> None:
    world = await make_world(answer_cache_seconds=60)
    first = await world.customer.say("Where can people park?", "c1")
    second = await world.other().say("Where can people park?", "c2")
    assert second["reply"] == first["reply"]
    assert second["usage"]["cost_usd"] == 0.0
    assert len(world.model.requests) == 1
    _, event = await world.events("chat_turn_completed")
    assert event.data["remembered_calls"] == 1
