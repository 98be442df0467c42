"""Replies that agree and then ask where and when, and say why; echoes with a stray question mark; run-on sentences.

The tuning files were looked at while the grammar was widened. The held-out ones were scored, and their misses left.
No withholding reply may be a yes, whichever way the proposal is known.
"""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proposals import PROPOSAL, PROPOSAL_TEXT
from usher_agent.consent import Consent, classify_consent, says_yes

_REPLIES = Path(__file__).parent / "consent_replies"


def _lines(name: str) -> list[str]:
    return (_REPLIES / f"{name}.txt").read_text(encoding="utf-8").splitlines()


AGREEING = _lines("agreeing_asides_tuning")
WITHHOLDING = _lines("withholding_asides_tuning") + _lines("withholding_asides_held_out")
# Said after an agreement and a question, each may make the yes depend on the answer.
RESERVATIONS = st.sampled_from((
    "Let me see if I can make it", "Let me see if it is worth it", "Let me check my calendar", "Let me think",
    "I have to ask my wife", "I have a question", "I have another card", "I might be late", "I will let you know",
    "I don't want to drive that far", "I want to sit in front", "I want to be there for the other show",
    "so I can decide", "so I can check my schedule", "so I can compare", "will you tell me the price?",
    "can you help me with a refund?", "I have never been there, so no", "Let me see if I should go",
))  # fmt: skip


@pytest.mark.parametrize("message", AGREEING)
def test_an_agreement_with_a_harmless_aside_is_a_yes(message: str) -> None:
    assert classify_consent(message, PROPOSAL) is Consent.YES
    assert says_yes(PROPOSAL_TEXT, message)


def test_most_of_such_agreements_are_found_unseen() -> None:
    replies = _lines("agreeing_asides_held_out")
    found = [reply for reply in replies if classify_consent(reply, PROPOSAL) is Consent.YES]
    assert len(found) >= 0.85 * len(replies)


@pytest.mark.parametrize("message", WITHHOLDING)
def test_what_only_looks_like_it_is_no_yes(message: str) -> None:
    assert classify_consent(message, PROPOSAL) is not Consent.YES
    assert classify_consent(message) is not Consent.YES
    assert not says_yes(PROPOSAL_TEXT, message)


@given(
    st.sampled_from(("Yes, where is it?", "Sounds perfect, when does it start?", "Correct. The address?")), RESERVATIONS
)
def test_no_reservation_passes_for_an_aside(agreement: str, reservation: str) -> None:
    assert classify_consent(agreement, PROPOSAL) is Consent.YES
    assert classify_consent(f"{agreement} {reservation}", PROPOSAL) is not Consent.YES


@pytest.mark.parametrize("aside", ["I have a pen", "Let me see if I should rent a car", "I don't want to be late"])
def test_an_aside_counts_only_after_a_question(aside: str) -> None:
    assert classify_consent(f"Yes. Where is it? {aside}", PROPOSAL) is Consent.YES
    assert classify_consent(f"Yes. {aside}", PROPOSAL) is Consent.UNCLEAR
    assert classify_consent(f"Where is it? {aside}", PROPOSAL) is Consent.UNCLEAR


@pytest.mark.parametrize("doubt", ["??", "?!", "!?", " ? ?", "? Really?", "? How much is it?"])
def test_only_a_single_stray_question_mark_is_forgiven(doubt: str) -> None:
    assert classify_consent("Yes, that is correct?", PROPOSAL) is Consent.YES
    assert classify_consent(f"Yes, that is correct{doubt}", PROPOSAL) is Consent.UNCLEAR
