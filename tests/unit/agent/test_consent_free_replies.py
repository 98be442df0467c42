"""Free replies to one rich proposal: slang, slips, other languages, corrected facts, sarcasm, conditions.

The tuning files were looked at while the grammar was widened; the held-out ones were not. None of the withholding
replies may ever be a yes. Of the agreeing ones a share is asked again, which costs a question and no charge.
"""

from pathlib import Path

import pytest

from proposals import PROPOSAL, PROPOSAL_TEXT
from usher_agent.consent import Consent, classify_consent, says_yes

_REPLIES = Path(__file__).parent / "consent_replies"


def _lines(name: str) -> list[str]:
    return (_REPLIES / f"{name}.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("part", ["tuning", "held_out"])
def test_no_withholding_reply_is_a_yes(part: str) -> None:
    replies = _lines(f"withholding_{part}")
    assert len(replies) >= 85
    assert [reply for reply in replies if classify_consent(reply, PROPOSAL) is Consent.YES] == []
    assert [reply for reply in replies if says_yes(PROPOSAL_TEXT, reply)] == []
    assert [reply for reply in replies if classify_consent(reply) is Consent.YES] == []


@pytest.mark.parametrize(("part", "share"), [("tuning", 0.95), ("held_out", 0.8)])
def test_most_agreeing_replies_are_found(part: str, share: float) -> None:
    replies = _lines(f"agreeing_{part}")
    found = [reply for reply in replies if classify_consent(reply, PROPOSAL) is Consent.YES]
    assert len(found) >= share * len(replies)
