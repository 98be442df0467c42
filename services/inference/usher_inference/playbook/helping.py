"""Matters that concern no single event: help, discounts, tickets for somebody else. Documents first, then what can be
done."""

import re

from usher_inference.playbook import phrases
from usher_inference.playbook.acts import Act, Call, Say
from usher_inference.playbook.facts import fact_of
from usher_inference.playbook.knowledge import consult
from usher_inference.playbook.state import Dialogue
from usher_inference.understanding import Topic
from usher_inference.understanding.passage import Passage
from usher_inference.understanding.topics import is_question

_HELP = re.compile(
    r"^\W*(?:(?:please|hi|hello|hey|i|we|need|want|can|could|you|some|a little)\W+)*(?:help|assist(?:ance)?)"
    r"(?: (?:me|us|please|here|needed|with something))*\W*$",
    re.IGNORECASE,
)
_DISCOUNT = re.compile(
    r"\b(?:promo(?:tion)?s?(?: codes?)?|promotional|coupons?|discount(?:s|ed)?(?: codes?)?|voucher codes?)\b",
    re.IGNORECASE,
)
_TO_OTHERS = re.compile(
    r"\b(?:re-?sell|sell(?: on)?|transfer|hand on|pass on|gift|give)\b(?! (?:me|us|back)\b) (?:\w+ ){0,3}?"
    r"(?:(?:my|our|a|the|these|those) (?:\w+ )?(?:tickets?|seats?)|tickets|them)\b(?! back)",
    re.IGNORECASE,
)
_SURE = 0.75  # score of a document that answers for no certain venue


def answer(d: Dialogue) -> Act | None:
    """The honest answer, or the search for one in the documents; None where the message is of no such matter."""
    text, heard = d.turn.text, d.turn.heard
    if heard is None or d.turn.affirmed or d.turn.declined or heard.slots.quantity:
        return None
    if _HELP.match(text):
        return Say(f"{phrases.CAPABILITIES} {phrases.resumed(d.turn.asked)}".strip())
    if not is_question(Passage(text)):
        return None
    told = None
    if _DISCOUNT.search(text):
        told = phrases.NO_DISCOUNT
    elif _TO_OTHERS.search(text):
        info = d.infos.get(d.focus or "")
        if heard.slots.event or (info and fact_of(info, Topic.TRANSFER)):
            return None  # the event's own rule is told
        told = phrases.NO_TRANSFER
    if told is None:
        return None
    found = consult(d, d.infos.get(d.focus or ""), least=_SURE)
    if isinstance(found, Call):
        return found
    return Say(f"{found.text if isinstance(found, Say) else told} {phrases.resumed(d.turn.asked)}".strip())
