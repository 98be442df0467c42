"""Conversations too long to be sent whole: what was cut off is recollected, and the playbook goes on as before."""

from __future__ import annotations

from typing import Any

import pytest

from usher_agent.memory.recollecting import fold, shorten
from usher_inference.playbook.transcript import Heard
from usher_shared.contracts.recollection import Recollection, read_note

QUESTIONS = [
    "is there parking?",
    "what about bags?",
    "when do the doors open?",
    "what's on this weekend?",
    "is there food?",
    "tell me about Adele",
    "thanks",
]


def as_dict(heard: Heard) -> dict[str, Any]:
    message: dict[str, Any] = {"role": heard.role, "content": heard.text}
    if heard.calls:
        message["tool_calls"] = [
            {"id": c.id, "function": {"name": c.name, "arguments": c.arguments}} for c in heard.calls
        ]
    return message | ({"tool_call_id": heard.answers} if heard.answers else {})


def cut(chat: Any, keep: int, characters: int = 4_000) -> Recollection:
    """Leave the last `keep` messages of the customer and what followed them; the rest becomes a note."""
    starts = [at for at, heard in enumerate(chat.history) if heard.role == "user"]
    at = starts[-keep]
    dropped, kept = chat.history[:at], chat.history[at:]
    before = read_note(dropped[0].text) if dropped and dropped[0].role == "system" else None
    made = shorten(fold(before or Recollection(), [[as_dict(heard) for heard in dropped]]), characters)
    chat.history[:] = [Heard("system", made.to_note()), *kept]
    return made


def test_sixty_turns_later_the_right_seats_are_bought(chat: Any, office: Any) -> None:
    chat.say("I'd like 3 tickets for Hamlet, at most $160 each. What's the refund policy?")
    chat.say("which seats would there be?")
    for turn in range(56):
        chat.say(QUESTIONS[turn % 5])  # about this show
        if turn % 4 == 3:
            cut(chat, 2)
    assert len(chat.history) < 30
    chat.say("ok, buy those 3 for Hamlet then")
    if chat.proposal is None:
        chat.say("yes, please book them")
    chat.say("yes", consent="yes")
    [order] = office.orders.values()
    assert order["event_id"] == "EV_HAMLET"
    assert len(order["seats"]) == 3
    assert all(seat["price"] <= 160 for seat in order["seats"])


@pytest.mark.parametrize("wish", ["in section B", "under $100 each", "wheelchair accessible"])
def test_the_terms_outlive_the_cut(chat: Any, office: Any, wish: str) -> None:
    chat.say(f"I am looking for 2 tickets for Adele, {wish}")
    if chat.proposal is not None:
        chat.say("no, not yet", consent="no")
    for question in QUESTIONS[:3]:
        chat.say(question)
    known = cut(chat, 1)
    assert known.wishes["quantity"] == 2
    chat.say("ok, please book those 2 seats")
    if chat.proposal is None:
        chat.say("yes, book them")
    chat.say("yes", consent="yes")
    [order] = office.orders.values()
    (seats,) = {"in section B": [{"B"}], "under $100 each": [{"B", "C"}], "wheelchair accessible": [{"C"}]}[wish]
    assert {seat["section"] for seat in order["seats"]} <= seats


def test_an_open_proposal_outlives_the_cut(chat: Any, office: Any) -> None:
    chat.say("Two tickets for the Sharks tonight, please")
    proposed = chat.proposal
    chat.say("is there parking?")
    chat.say("and food?")
    known = cut(chat, 1)
    (waiting,) = [decision for decision in known.decisions if decision["outcome"] == "waiting"]
    assert waiting["total"] == 307.5
    assert proposed is not None
    chat.say("yes", consent="yes")
    [order] = office.orders.values()
    assert [seat["id"] for seat in order["seats"]] == ["A-1-1", "A-1-2"]


def test_an_order_of_the_part_that_was_cut_can_be_refunded(chat: Any, office: Any) -> None:
    chat.say("Two tickets for the Sharks tonight, please")
    chat.say("yes", consent="yes")
    for question in QUESTIONS:
        chat.say(question)
    known = cut(chat, 1)
    [order_id] = office.orders
    assert [(order["order_id"], order["total"]) for order in known.orders] == [(order_id, 307.5)]
    assert known.decisions[-1]["outcome"] == "done"
    chat.say("I want a refund for that order")
    if chat.proposal is None:
        chat.say("yes, refund it")
    assert chat.proposal is not None
    assert order_id in str(chat.proposal)
