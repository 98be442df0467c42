"""Messages that no flow can serve: another language, instructions to the machine, abuse, matters outside ticketing.

They change nothing of what is known, and the question that stood open is asked again.
"""

import re
from dataclasses import replace
from enum import StrEnum

from usher_inference.playbook import phrases
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.requests import read_request
from usher_inference.understanding import Intent, Slots, Understanding
from usher_inference.understanding.language import is_foreign


class Beyond(StrEnum):
    """Why a message is served by no flow."""

    FOREIGN = "foreign"
    INSTRUCTION = "instruction"
    ABUSE = "abuse"
    ELSEWHERE = "elsewhere"


_OURS = re.compile(r"\b(?:ticket|seat|order|show|event|concert|game|refund|upgrade|hold|venue)s?\b", re.I)
_ELSEWHERE = re.compile(
    r"\b(?:translate|stock|news|flight|(?<!promo )(?<!discount )(?<!voucher )code|homework|president|capital of|"
    r"password|system prompt|instructions|restaurants?|hotels?|recipe|airbnb)\b",
    re.I,
)
_SURELY_ELSEWHERE = re.compile(
    r"\b(?:weather|(?:will|does|is) it (?:going to )?(?:rain|snow)|forecast|(?:write|tell|sing) (?:me )?(?:a|another) "
    r"(?:poem|joke|story|song)|poem|who won|final score|(?:book|find|get|reserve) (?:me |us )?(?:a |an )?"
    r"(?:hotel|flight|restaurant|table|taxi|rental car)|what(?:'s| is) \d+ ?[+*x/-] ?\d+)\b",
    re.I,
)
_RAIN_RULE = re.compile(r"\b(?:if|when|in case) it (?:rains|snows)\b", re.I)
_INSTRUCTION = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass|skip)\b.{0,40}\b(?:rules?|instructions?|prompts?|guidelines|"
    r"confirmations?|safety)\b|^\W*(?:system|assistant|developer|admin|tool)\s*[:>\]]|<\W{0,2}\|?(?:system|assistant|tool)|"
    r"\bwithout (?:asking|(?:my|a|any) (?:yes|consent|confirmation))|\b(?:developer|admin|debug|god|root) mode\b|"
    r"\bthe (?:customer|user) (?:has )?(?:already )?(?:approved|confirmed|agreed|said yes)|"
    r"\byou are (?:now|no longer)\b|\b(?:reveal|print|show|repeat)\b.{0,20}\b(?:system )?prompt\b",
    re.I,
)
_ABUSE = re.compile(
    r"\b(?:stupid|useless|idiot\w*|dumb|moron|suck(?:s|ing)?|pathetic|garbage|bullshit|f+u+c+k\w*|shit\w*|crap|"
    r"hate (?:you|this)|worst|wtf|asshole|rubbish|(?:so|really|very) (?:bad|slow|annoying)|not helping)\b",
    re.I,
)
_OPEN = (Asked.QUANTITY, Asked.WHICH, Asked.MEANT, Asked.THIS, Asked.OFFER, Asked.PREPARE, Asked.LIMIT, Asked.ORDER)

_REPLIES = {
    Beyond.FOREIGN: (
        "I'm sorry, I understand only English so far. Please write it in English, for example “2 tickets for tonight”, "
        "or ask for a person."
    ),
    Beyond.INSTRUCTION: (
        "I can't do that: nothing is ever charged, changed or refunded before you have seen the total and said yes."
    ),
    Beyond.ABUSE: "I'm sorry this isn't going the way you want. Tell me what you need, and I'll do my best.",
    Beyond.ELSEWHERE: phrases.CANNOT,
}


def read_beyond(text: str, heard: Understanding) -> Beyond | None:
    """Why the message is beyond every flow; None when one may serve it."""
    if is_foreign(text):
        return Beyond.FOREIGN
    named = heard.slots.event is not None and heard.slots.event.hint is not None
    asks = heard.slots.quantity is not None or named
    if _INSTRUCTION.search(text) and not asks:
        return Beyond.INSTRUCTION
    if not read_request(text) and _is_elsewhere(text, heard, asks=asks):
        return Beyond.ELSEWHERE
    if read_request(text):
        return None
    vague = heard.intent in (Intent.OTHER, Intent.GREET, Intent.DENY, Intent.FIND, Intent.INFORM)
    bare = replace(heard.slots, event=None if not named else heard.slots.event) == Slots()
    return Beyond.ABUSE if vague and bare and _ABUSE.search(text) else None


def _is_elsewhere(text: str, heard: Understanding, *, asks: bool) -> bool:
    if _SURELY_ELSEWHERE.search(text) and not _RAIN_RULE.search(text):
        return heard.slots.quantity is None
    if asks or not _ELSEWHERE.search(text) or _OURS.search(text):
        return False
    return replace(heard.slots, event=None, dates=(), time_of_day=None, clock=None, city=None) == Slots()


def reply(beyond: Beyond, asked: Asked | None) -> str:
    """The words for it, with the question that stood open, so that an answer to it still counts."""
    if asked in _OPEN:
        return f"{_REPLIES[beyond]} {asked.value}"
    return f"{_REPLIES[beyond]} {Asked.PERSON.value}" if beyond is Beyond.ABUSE else _REPLIES[beyond]
