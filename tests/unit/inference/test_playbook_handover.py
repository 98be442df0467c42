"""The playbook as one specialist of several: what it has no tool for, it hands to the colleague who has it."""

from __future__ import annotations

import json

import pytest

from usher_inference.playbook import Call, Heard, HeardCall, Say, next_act
from usher_shared.contracts.handover import HAND_OVER, OWNERS, HandOver
from usher_shared.contracts.tools import TOOLS

SYSTEM = Heard("system", "You help.\nHome time zone: America/Los_Angeles\nCurrent time: 2026-11-20T10:00:00-08:00")
ORDER = {
    "order_id": "ORD_1",
    "status": "confirmed",
    "event_id": "EV",
    "event_name": "Hamlet",
    "starts_at": "2026-11-29T19:00:00-08:00",
    "seats": [{"id": "A-1-1", "section": "A", "row": "1", "number": "1", "price": 50.0}],
    "total": 50.0,
    "currency": "USD",
    "history": [],
    "created_at": "2026-11-01T10:00:00-08:00",
}


def offered(specialist: str, *more: str) -> frozenset[str]:
    return frozenset(name for name in TOOLS if OWNERS.get(name, specialist) == specialist) | {*more}


def answered(name: str, arguments: dict, answer: dict) -> list[Heard]:
    call = HeardCall(f"c-{name}", name, json.dumps(arguments))
    return [Heard("assistant", calls=(call,)), Heard("tool", json.dumps(answer), answers=call.id)]


def refund_wanted() -> list[Heard]:
    """A conversation in which the next thing to do is a refund."""
    heard = [SYSTEM, Heard("user", "refund my order ORD_1 please")]
    tools = offered("support")
    for _ in range(4):
        act = next_act(heard, tools)
        assert isinstance(act, Call), act
        if act.tool == "refund_order":
            return heard
        answer = ORDER if act.tool == "get_order" else {"orders": [ORDER], "next_cursor": None}
        heard += answered(act.tool, act.arguments, answer)
    raise AssertionError("no refund was asked for")


def test_it_hands_over_to_who_has_the_tool() -> None:
    act = next_act(refund_wanted(), offered("purchase", HAND_OVER))
    assert isinstance(act, Call)
    assert act.tool == HAND_OVER
    assert HandOver.model_validate(act.arguments).specialist == "support"


def test_the_colleague_goes_on_where_it_stood() -> None:
    heard = refund_wanted()
    handed = answered(HAND_OVER, {"specialist": "support"}, {"status": "handed_over", "specialist": "support"})
    act = next_act([*heard, *handed], offered("support", HAND_OVER))
    assert isinstance(act, Call)
    assert act.tool == "refund_order"
    assert act.arguments["order_id"] == "ORD_1"


@pytest.mark.parametrize("code", ["handed_back", "too_many_hand_overs", "already_yours"])
def test_a_refused_hand_over_is_not_tried_again(code: str) -> None:
    refused = answered(HAND_OVER, {"specialist": "support"}, {"error": code, "detail": "answer yourself"})
    act = next_act([*refund_wanted(), *refused], offered("purchase", HAND_OVER))
    assert isinstance(act, Say)
    assert "can't do that" in act.text


def test_without_colleagues_it_says_that_it_cannot() -> None:
    assert isinstance(next_act(refund_wanted(), offered("purchase")), Say)


def test_who_is_never_understood_is_offered_a_person_and_then_gets_one() -> None:
    heard = [SYSTEM]
    for text in ("it does that", "so it goes", "it is like that"):
        heard.append(Heard("user", text))
        act = next_act(heard, offered("faq"))
        if isinstance(act, Say):
            heard.append(Heard("assistant", act.text))
    assert "Shall I pass this on to a person?" in heard[-2].text
    assert isinstance(act, Call)
    assert act.tool == "open_support_ticket"
    assert "not understood" in act.arguments["details"]
