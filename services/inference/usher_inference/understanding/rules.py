"""Questions about the rules of giving tickets back or changing them, asked before there is anything to give back."""

import re

from usher_inference.understanding.model import Topic
from usher_inference.understanding.passage import Passage
from usher_inference.understanding.topics import is_question

_SUPPOSED = re.compile(  # "if I buy ...", "say we get seats and ...", "before I book: ..."
    r"\b(?:if|say|suppos(?:e|ing)|in case|imagine|assuming|once|after|before|when|should)\b[^.?!]{0,40}?"
    r"\b(?:buy|buying|bought|book|booking|booked|get|getting|got|purchas\w+|order(?:ed|ing)?|take|taken)\b",
    re.IGNORECASE,
)
_AT_ALL = re.compile(  # "can tickets for X be refunded?", "how late can one return seats?"
    r"\b(?:can|could|are|is|may|will) (?:the |your |these )?(?:tickets?|seats?|orders?|purchases?)\b"
    r"(?:[\w'&. -]{0,60}\b(?:be|get))?[\w ]{0,12}\b(?:refund|exchang|cancel|return|swap|chang)|"
    r"\b(?:how late|until when|till when|how long|up to when|is it possible to|would it be possible to|am i able to)\b"
    r"[\w ]{0,30}\b(?:refund|exchang|cancel|return|swap|get (?:a |the )?(?:refund|money))\w*",
    re.IGNORECASE,
)
_BACK = re.compile(
    r"\b(?:money back|refund\w*|reimburs\w*|get (?:it|(?:my|our|the) (?:money|cash)) back|cancel\w*|return(?:ed|able)?|"
    r"returns|(?:give|hand|send) (?:them|it|back))\b",
    re.IGNORECASE,
)
_SWAP = re.compile(
    r"\b(?:exchang\w*|swap\w*|switch\w*|rebook\w*|reschedul\w*|change (?:the|them|it|to|for|dates?)|"
    r"another (?:date|night|day))\b",
    re.IGNORECASE,
)
_OWN = re.compile(
    r"\b(?:my|our) (?:[\w'&.-]+ ){0,3}?(?:tickets?|seats?|orders?|bookings?)\b|\bORD_|\balready\b", re.IGNORECASE
)


def asked_rule(text: str) -> Topic | None:
    """REFUND_POLICY or EXCHANGE_POLICY where tickets not yet bought are spoken of, or tickets at all; None else."""
    back, swap = _BACK.search(text), _SWAP.search(text)
    if not (back or swap) or _OWN.search(text):
        return None
    supposed = _SUPPOSED.search(text) is not None and is_question(Passage(text))
    if not supposed and not _AT_ALL.search(text):
        return None
    return Topic.REFUND_POLICY if back else Topic.EXCHANGE_POLICY
