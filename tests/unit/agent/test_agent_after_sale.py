"""Exchanges and credit in the conversation: proposed like every protected action, and put into true words."""

from __future__ import annotations

from typing import Any

import pytest

from usher_agent.confirmations.model import proposal_from_quote
from usher_agent.turns.wording import done, present
from usher_shared.clock import SystemClock


def _proposal(action: str, total_minor: int) -> Any:
    quote = {
        "quote_id": "QUO_1",
        "action": action,
        "arguments": {"order_id": "ORD_1"},
        "summary": "What it is",
        "total_minor": total_minor,
        "currency": "USD",
        "policy": "On these terms.",
        "expires_at": "2026-11-20T20:00:00Z",
    }
    return proposal_from_quote(
        "PROP_1", quote, conversation_id="CONV_1", customer_id="ann", client_id="web", now=SystemClock().now()
    )


@pytest.mark.parametrize(
    ("action", "total_minor", "line", "question"),
    [
        ("exchange_order", 6794, "Total: $67.94.", "Shall I make this exchange?"),
        ("exchange_order", -15700, "You get back: $157.00.", "Shall I make this exchange?"),
        ("exchange_order", 0, "Total: nothing to pay.", "Shall I make this exchange?"),
        (
            "credit_order",
            -13450,
            "You get as store credit: $134.50.",
            "Shall I give these tickets back for store credit?",
        ),
    ],
)
def test_what_the_customer_is_asked(action: str, total_minor: int, line: str, question: str) -> None:
    text = present(_proposal(action, total_minor))
    assert text == f"What it is.\n{line}\nOn these terms.\n{question} (yes / no)"


@pytest.mark.parametrize(
    ("action", "answer", "words"),
    [
        (
            "exchange_order",
            {"new_order_id": "ORD_2", "charged": 67.94, "refunded": 0.0},
            "Done: tickets of order ORD_1 are exchanged, order ORD_2 has the new ones. $67.94 was charged.",
        ),
        (
            "exchange_order",
            {"new_order_id": "ORD_2", "charged": 0.0, "refunded": 157.0},
            "Done: tickets of order ORD_1 are exchanged, order ORD_2 has the new ones. $157.00 was refunded.",
        ),
        (
            "exchange_order",
            {"new_order_id": "ORD_2", "charged": 0.0, "refunded": 157.0, "credited": 50.0},
            "Done: tickets of order ORD_1 are exchanged, order ORD_2 has the new ones. $157.00 was refunded, "
            "$50.00 of it as store credit.",
        ),
        ("refund_order", {"refunded": 30.0, "credit": 0.0}, "Done: $30.00 of order ORD_1 is refunded."),
        (
            "refund_order",
            {"refunded": 30.0, "credit": 10.0},
            "Done: $30.00 of order ORD_1 is refunded, $10.00 of it as store credit.",
        ),
        ("credit_order", {"credited": 134.5}, "Done: $134.50 of order ORD_1 is store credit now."),
        ("create_order", {"total": 50.0}, "Done: order ORD_1 is confirmed. $50.00 was charged."),
        (
            "create_order",
            {"total": 50.0, "credit": 20.0},
            "Done: order ORD_1 is confirmed. $30.00 was charged. $20.00 of store credit was used.",
        ),
        (
            "create_order",
            {"total": 50.0, "credit": 50.0},
            "Done: order ORD_1 is confirmed. $50.00 of store credit was used.",
        ),
    ],
)
def test_what_the_customer_is_told(action: str, answer: dict[str, Any], words: str) -> None:
    assert done(action, {"order_id": "ORD_1", "currency": "USD", **answer}) == words
