"""A change of tickets refused by keeping them, or by its own name; the same words decide nothing about a purchase."""

from __future__ import annotations

import pytest

from usher_agent.consent import Action, Consent, ProposalContext, classify_consent

_CHANGES = (Action.REFUND, Action.EXCHANGE, Action.CREDIT, Action.UPGRADE)
_KEEPING = (
    "I'd rather keep them", "keep my seats please", "oh no, we'll hang on to the tickets", "let me keep my order",
    "on second thought keep them", "leave everything as is", "no, leave my booking alone", "let it be",
    "stick with what I have", "we still want to go", "sorry, we are going after all", "ok, keep those then",
    "Actually, I've changed my mind, I'll keep them.", "no no keep it!", "I can make it after all",
)  # fmt: skip
_IN_ANY_CASE = (
    "certainly not",
    "hell no",
    "changed my mind",
    "nvm",
    "not any more",
    "just leave it",
    "skip that please",
)
_NO_REFUSAL = (
    "keep one and refund the other", "keep it open for me", "keep 2", "keep them as credit", "yes keep it",
    "keep the seats in row B and refund row C", "hold on", "wait a moment", "can I keep them?",
    "keep them if the fee is high", "I can go on Friday instead", "leave it until tomorrow", "keep my money",
)  # fmt: skip


def _to(action: Action) -> ProposalContext:
    return ProposalContext(quantity=2, total="$240.00", event="Blue Heron Live", action=action)


@pytest.mark.parametrize("words", _KEEPING)
def test_keeping_the_tickets_refuses_their_change_and_says_nothing_of_a_purchase(words: str) -> None:
    assert {classify_consent(words, _to(action)) for action in _CHANGES} == {Consent.NO}
    if "mind" not in words and "no" not in words.lower().replace(",", " ").split():
        assert classify_consent(words, _to(Action.BUY)) is Consent.UNCLEAR


@pytest.mark.parametrize("words", _IN_ANY_CASE)
def test_a_refusal_in_other_words_refuses_whatever_is_proposed(words: str) -> None:
    assert {classify_consent(words, _to(action)) for action in Action} == {Consent.NO}


@pytest.mark.parametrize("words", _NO_REFUSAL)
def test_conditions_parts_and_hesitation_are_neither_yes_nor_no(words: str) -> None:
    assert {classify_consent(words, _to(action)) for action in _CHANGES} == {Consent.UNCLEAR}


@pytest.mark.parametrize(
    ("words", "action"),
    [
        ("scrap the refund please", Action.REFUND),
        ("don't refund them", Action.REFUND),
        ("stop the exchange", Action.EXCHANGE),
        ("forget about the upgrade", Action.UPGRADE),
        ("we don't want to swap them any more", Action.EXCHANGE),
        ("no upgrade then, keep what I have", Action.UPGRADE),
        ("drop the purchase", Action.BUY),
    ],
)
def test_what_is_proposed_is_called_off_by_its_name(words: str, action: Action) -> None:
    assert classify_consent(words, _to(action)) is Consent.NO
