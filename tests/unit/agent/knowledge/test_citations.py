"""A reply that rests on documents names them, or says that it does not know: whatever the model wrote."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from usher_agent.knowledge.citing import UNKNOWN, cite

PARKING = """---
title: Parking at Lakefront Arena
category: parking
valid_until: 2026-12-31
---
# Garage C

Garage C on Lakefront Drive costs $28 for an event. It opens three hours before the start.
"""
QUESTION = "where can I park at the arena?"


@pytest.fixture
async def agent(make_world: Any, library: Any) -> Any:
    library.write("parking.md", PARKING)
    library.write("bags.md", "# Bags\n\nBackpacks are not allowed in the building.\n")
    await library.build()
    world = await make_world()
    library.index._clock = world.clock
    world.knowledge = library.index
    await world.restart()
    return world


def _passages(request: Any) -> list[dict[str, Any]]:
    last = [m for m in request.messages if m["role"] == "tool"][-1]
    return list(json.loads(last["content"])["passages"])


def _searching(world: Any, query: str, *answers: str) -> None:
    """The model searches, then says these in turn; {0} is the first passage's id."""
    world.model.call("search_knowledge", query=query)
    for answer in answers:

        async def say(request: Any, answer: str = answer) -> Any:
            from usher_agent.models.ports import Completion

            tools = [m for m in request.messages if m["role"] == "tool"]
            ids = [passage["id"] for passage in json.loads(tools[-1]["content"])["passages"]]
            return Completion(answer.format(*ids), model="scripted", version="7")

        world.model.script.append(say)


async def test_a_marked_statement_is_cited_and_the_mark_taken_out(agent: Any) -> None:
    _searching(agent, "parking garage", "Garage C costs $28 [{0}]. [kn-0000000000]")
    body = await agent.customer.say(QUESTION)
    assert body["reply"] == "Garage C costs $28."
    (citation,) = body["citations"]
    assert citation["title"] == "Parking at Lakefront Arena"
    assert citation["source"] == "parking.md"
    assert citation["section"] == "Garage C"
    assert citation["quote"] == "Garage C on Lakefront Drive costs $28 for an event."
    assert citation["id"] == _passages(agent.model.requests[-1])[0]["id"]


async def test_the_stream_tells_citations_and_no_marks(agent: Any) -> None:
    _searching(agent, "parking garage", "Garage C costs $28 [{0}].")
    async with agent.customer.stream(QUESTION) as response:
        frames = [frame for _, frame in await agent.read_frames(response)]
    said = "".join(frame["delta"] for frame in frames if frame["type"] == "TEXT_MESSAGE_CONTENT")
    assert said == "Garage C costs $28."
    names = [frame["name"] for frame in frames if frame["type"] == "CUSTOM"]
    assert names[-2:] == ["citation", "turn"]
    turn = next(frame["value"] for frame in frames if frame["type"] == "CUSTOM" and frame["name"] == "turn")
    assert [citation["source"] for citation in turn["citations"]] == ["parking.md"]


async def test_what_plainly_repeats_a_passage_is_cited_without_a_mark(agent: Any) -> None:
    _searching(agent, "parking garage", "Garage C on Lakefront Drive opens three hours before the start.")
    body = await agent.customer.say(QUESTION)
    assert [citation["source"] for citation in body["citations"]] == ["parking.md"]
    assert agent.model.requests[-1] is agent.model.requests[1]


async def test_a_statement_without_a_source_is_told_to_the_model_once_and_then_withheld(agent: Any) -> None:
    _searching(agent, "parking garage", "Just leave it anywhere in town.", "Anywhere in town will do nicely.")
    body = await agent.customer.say(QUESTION)
    assert body["reply"] == UNKNOWN
    assert body["citations"] == []
    assert "names no source" in agent.model.requests[-1].messages[-1]["content"]


async def test_a_mark_behind_another_matter_is_not_believed(agent: Any) -> None:
    _searching(agent, "parking garage", *["Dogs and horses are welcome everywhere [{0}]."] * 2)
    body = await agent.customer.say(QUESTION)
    assert body["reply"] == UNKNOWN


async def test_a_second_try_with_a_source_is_taken(agent: Any) -> None:
    _searching(agent, "parking garage", "Leave it anywhere in town.", "Garage C costs $28 [{0}].")
    body = await agent.customer.say(QUESTION)
    assert body["reply"] == "Garage C costs $28."
    assert len(body["citations"]) == 1


async def test_nothing_found_is_said_and_a_guess_withheld(agent: Any) -> None:
    _searching(agent, "helicopter landing", "I'm sorry, I don't know that. Shall I ask a person?")
    told = await agent.customer.say("can I land my helicopter?")
    assert "don't know" in told["reply"]
    answer = json.loads([m for m in agent.model.requests[1].messages if m["role"] == "tool"][-1]["content"])
    assert answer["passages"] == []
    assert "do not know" in answer["detail"]
    _searching(agent, "helicopter landing", *["Helicopters land on the northern roof."] * 2)
    guessed = await agent.customer.say("and the helicopter?")
    assert guessed["reply"] == UNKNOWN


async def test_a_repeat_of_the_request_carries_the_citations(agent: Any) -> None:
    _searching(agent, "parking garage", "Garage C costs $28 [{0}].")
    key = {"Idempotency-Key": "again-1"}
    body = {"message": QUESTION, "conversation_id": "c9"}
    _, first = await agent.customer.request("POST", "/turns", body, **key)
    _, second = await agent.customer.request("POST", "/turns", body, **key)
    assert first["citations"]
    assert second["citations"] == first["citations"]


async def test_an_expired_document_is_neither_found_nor_cited_from_memory(agent: Any) -> None:
    _searching(agent, "parking garage", "Garage C costs $28 [{0}].")
    first = await agent.customer.say(QUESTION)
    known = first["citations"][0]["id"]
    agent.model.say(f"As I said, Garage C costs $28 [{known}].")
    again = await agent.customer.say("say it again?")
    assert [citation["id"] for citation in again["citations"]] == [known]
    assert "[" not in again["reply"]
    agent.clock.advance(timedelta(days=60))
    agent.model.say(f"As I said, Garage C costs $28 [{known}].")
    late = await agent.customer.say("and once more?")
    assert late["citations"] == []
    _searching(agent, "parking garage", "I do not know.")
    await agent.customer.say(QUESTION)
    assert _passages(agent.model.requests[-1]) == []


async def test_what_was_found_before_may_be_cited_beside_a_search_in_vain(agent: Any) -> None:
    _searching(agent, "parking garage", "Garage C costs $28 [{0}].")
    known = (await agent.customer.say(QUESTION))["citations"][0]["id"]
    _searching(agent, "helicopter landing", f"Garage C costs $28 [{known}].")
    again = await agent.customer.say("and for helicopters, or what was it for cars?")
    assert [citation["id"] for citation in again["citations"]] == [known]


async def test_a_reply_that_rests_on_the_box_office_needs_no_document(agent: Any) -> None:
    agent.model.calls(
        ("search_knowledge", {"query": "parking garage"}),
        ("get_event_info", {"event_id": agent.event_id}),
    )
    agent.model.say("The event is Hamlet.")
    body = await agent.customer.say("what is it called, and where do I park?")
    assert body["reply"] == "The event is Hamlet."


async def test_what_was_withheld_for_another_reason_cites_nothing(agent: Any) -> None:
    _searching(agent, "parking garage", *["Garage C costs $17.35 for an event [{0}]."] * 2)
    body = await agent.customer.say(QUESTION)
    assert "17.35" not in body["reply"]
    assert body["citations"] == []


def test_marks_of_several_passages_and_behind_the_full_stop() -> None:
    passages = {
        "kn-aaaaaaaaaa": {"id": "kn-aaaaaaaaaa", "title": "A", "source": "a.md", "text": "Lockers cost ten dollars."},
        "kn-bbbbbbbbbb": {"id": "kn-bbbbbbbbbb", "title": "B", "source": "b.md", "text": "Dogs stay at home."},
    }
    cited = cite(
        "Lockers cost ten dollars. [kn-aaaaaaaaaa] Dogs stay at home [kn-bbbbbbbbbb, kn-cccccccccc].", passages
    )
    assert cited.text == "Lockers cost ten dollars. Dogs stay at home."
    assert [citation["id"] for citation in cited.citations] == ["kn-aaaaaaaaaa", "kn-bbbbbbbbbb"]
    assert not cited.is_bare
