"""Lasting likes go to the agent's own tool; a question about another event leaves the seats at hand as they are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from usher_inference.playbook import Call, Heard, HeardCall, Say, next_act
from usher_shared.contracts.preferences import PREFERENCES, PreferencesCall
from usher_shared.contracts.tools import TOOLS

_TOOLS = frozenset({*TOOLS, PREFERENCES})


def _call(words: str) -> tuple[Call, list[Heard]]:
    history = [Heard("user", words)]
    act = next_act(history, _TOOLS)
    assert isinstance(act, Call)
    assert act.tool == PREFERENCES
    PreferencesCall.model_validate(act.arguments)
    return act, history


@pytest.mark.parametrize(
    ("words", "action", "values"),
    [
        ("what have you stored about me?", "show", None),
        ("show me my preferences", "show", None),
        ("please delete what you know about me", "forget", None),
        ("wipe my preferences", "forget", None),
        ("remember that I like the aisle", "remember", {"aisle": True}),
        ("we usually sit in section 102", "remember", {"section": "102"}),
        ("note that I need wheelchair seats", "remember", {"accessible": True}),
    ],
)
def test_lasting_likes_go_to_the_tool(words: str, action: str, values: dict[str, Any] | None) -> None:
    act, _ = _call(words)
    assert act.arguments["action"] == action
    assert act.arguments.get("values") == values


@pytest.mark.parametrize(
    ("words", "answer", "told"),
    [
        ("what have you stored about me?", {"consent": True, "remembered": {"aisle": True}}, "on the aisle"),
        ("what do you remember about us", {"consent": False, "remembered": {}}, "no preferences"),
        ("wipe my preferences", {"status": "forgotten"}, "no preferences of yours any more"),
        ("I always sit on the aisle", {"status": "remembered", "remembered": {"aisle": True}}, "I'll remember"),
        ("I always sit on the aisle", {"status": "consent_required", "detail": "x"}, "next visits"),
        ("wipe my preferences", {"error": "unavailable", "detail": "x"}, "couldn't"),
    ],
)
def test_what_came_of_it_is_told(words: str, answer: dict[str, Any], told: str) -> None:
    act, history = _call(words)
    history.append(Heard("assistant", calls=(HeardCall("c1", act.tool, json.dumps(act.arguments)),)))
    history.append(Heard("tool", json.dumps(answer), answers="c1"))
    said = next_act(history, _TOOLS)
    assert isinstance(said, Say)
    assert told in said.text


def test_without_the_tool_nothing_is_searched_for(chat: Any) -> None:
    assert "no preferences" in chat.say("what do you know about me?")
    assert chat.turn_calls == []


@pytest.mark.parametrize("question", ["when does Adele begin?", "what's the parking like at the Adele concert?"])
def test_held_seats_outlive_a_question_about_another_event(chat: Any, office: Any, question: str) -> None:
    chat.say("hold 2 seats for Hamlet")
    reply = chat.say(question)
    assert ("20:00" in reply) or ("Lot C" in reply)
    assert "Hamlet stay held" in reply
    assert len(office.holds) == 1
    chat.say("yes")
    assert office.holds[chat.proposal[2]["hold_id"]]["event_id"] == "EV_HAMLET"


def test_offered_seats_outlive_a_question_about_another_event(chat: Any, office: Any) -> None:
    chat.say("2 for Hamlet")
    assert "20:00" in chat.say("what time does Adele start?")
    chat.say("yes")
    assert {hold["event_id"] for hold in office.holds.values()} == {"EV_HAMLET"}
