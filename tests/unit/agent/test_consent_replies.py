"""Many ways to agree to one proposal, and many replies that sound like it and withhold consent."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher_agent.consent import Consent, ProposalContext, classify_consent, says_yes

PROPOSAL_TEXT = (
    "Please confirm: 2 tickets for Coldwater Kings at Mile High Hall in Denver on Saturday June 14th. Shall I buy them?"
)
PROPOSAL = ProposalContext(
    quantity=2, event="Coldwater Kings", venue="Mile High Hall", city="Denver", date="2031-06-14"
)
_REPLIES = Path(__file__).parent / "consent_replies"
AGREEING = (_REPLIES / "agreeing.txt").read_text(encoding="utf-8").splitlines()
WITHHOLDING = (_REPLIES / "withholding.txt").read_text(encoding="utf-8").splitlines()
TAKES_BACK = st.sampled_from((
    "but not today", "but make it 3", "except the date", "instead of Sunday", "actually no", "however it is pricey",
    "unless it rains", "if my wife agrees", "when I get paid", "after I check", "later", "tomorrow", "on Sunday",
    "on June 15th", "in Boulder", "for three people", "for $10", "at 9pm", "at Red Rocks", "with parking",
    "and two more", "plus one", "is it refundable?", "how much is it?", "which seats", "row B", "in the balcony", "VIP",
    "the cheaper ones", "the matinee", "the other one", "maybe", "not sure", "wait", "let me check", "cancel",
    "never mind", "change the date", "three tickets", "one ticket", "just one", "on hold", "kidding", "hopefully",
    "my wife needs one too", "my kids are coming too", "I prefer Sunday", "until Friday", "for my family of four",
))  # fmt: skip


@pytest.mark.parametrize("message", AGREEING)
def test_agreement_in_many_words_is_a_yes(message: str) -> None:
    assert says_yes(PROPOSAL_TEXT, message)
    assert classify_consent(message, PROPOSAL) is Consent.YES


@pytest.mark.parametrize("message", WITHHOLDING)
def test_what_withholds_consent_is_no_yes(message: str) -> None:
    assert not says_yes(PROPOSAL_TEXT, message)
    assert classify_consent(message, PROPOSAL) is not Consent.YES


@given(st.sampled_from(AGREEING), st.sampled_from((", ", " ", ". ", " - ")), TAKES_BACK)
def test_no_agreement_in_many_words_survives_what_takes_it_back(agreement: str, joint: str, taking_back: str) -> None:
    assert not says_yes(PROPOSAL_TEXT, agreement.rstrip(".!?") + joint + taking_back)
    assert not says_yes(PROPOSAL_TEXT, taking_back + joint + agreement)


@pytest.mark.parametrize(
    "term", ["date", "day", "time", "city", "venue", "show", "event", "seats", "row", "price", "total"]
)
def test_approving_of_one_term_leaves_the_others_open(term: str) -> None:
    for remark in (
        f"that is the {term}",
        f"that's the right {term}",
        f"the {term} is right",
        f"the {term} works great",
    ):
        assert classify_consent(remark, PROPOSAL) is Consent.UNCLEAR


@pytest.mark.parametrize("message", ["for me and my husband", "for the two of us", "for my wife and me"])
def test_companions_are_counted_against_the_tickets(message: str) -> None:
    assert classify_consent(f"Yes, {message}", PROPOSAL) is Consent.YES
    three = ProposalContext(quantity=3, event="Coldwater Kings")
    assert classify_consent(f"Yes, {message}", three) is Consent.UNCLEAR
    assert classify_consent(f"Yes, {message}") is Consent.UNCLEAR


@pytest.mark.parametrize(
    "message",
    [
        "My daughter will love it",
        "We love Coldwater Kings",
        "Ok, my son loves them",
        "It's our anniversary",
        "so excited",
    ],
)
def test_a_remark_agrees_to_nothing_by_itself(message: str) -> None:
    assert classify_consent(message, PROPOSAL) is Consent.UNCLEAR


def test_a_remark_may_name_only_what_the_proposal_names() -> None:
    assert classify_consent("Yes, we love Coldwater Kings", PROPOSAL) is Consent.YES
    assert classify_consent("Yes, we love the Warmwater Queens", PROPOSAL) is Consent.UNCLEAR


@pytest.mark.parametrize("message", ["pefect", "yes plaese", "absolutley", "soudns great", "corect", "go haead"])
def test_slips_of_the_keyboard_are_read_as_the_word_meant(message: str) -> None:
    assert classify_consent(message, PROPOSAL) is Consent.YES


def test_not_wanting_to_miss_it_is_no_rejection() -> None:
    assert classify_consent("I don't want to miss it", PROPOSAL) is Consent.UNCLEAR
    assert classify_consent("Yes, I don't want to miss it", PROPOSAL) is Consent.YES
