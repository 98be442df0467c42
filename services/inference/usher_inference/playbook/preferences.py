"""What the customer likes, for later conversations: shown, remembered and forgotten by the agent's own tool."""

import re
from typing import Any

from usher_inference.playbook import phrases
from usher_inference.playbook.acts import Act, Call, Say
from usher_inference.playbook.state import Dialogue
from usher_inference.playbook.transcript import Remembered
from usher_inference.understanding import Slots
from usher_shared.contracts.money import to_major
from usher_shared.contracts.preferences import PREFERENCES, Preferences

_SHOW = re.compile(
    r"\bwhat\b[\w' ]{0,20}\byou (?:\w+ )?(?:know|remember|stored?|saved?|kept|keep|got|have|hold|noted?)\b[\w ]{0,20}"
    r"\b(?:about|on|of) (?:me|us)\b|\b(?:what|which|show|see|list)\b[\w' ]{0,20}\b(?:my|our) preferences\b",
    re.IGNORECASE,
)
_FORGET = re.compile(
    r"\b(?:forget|delete|erase|remove|clear|wipe)\b[\w' ]{0,30}\b(?:preferences?|(?:about|on|of) (?:me|us)|"
    r"(?:my|our) (?:\w+ )?(?:data|details|information|profile|likes)|what you (?:know|remember|saved|kept))\b|"
    r"\bstop remembering\b|\b(?:forget|don'?t remember) (?:me|us)\b",
    re.IGNORECASE,
)
_REMEMBER = re.compile(
    r"\b(?:remember|note|keep in mind|bear in mind|make a note|save|store)\b(?: down)?(?: that)?[,: ]+"
    r"(?:for next time,? )?(?:i|we|my|our)\b(?! (?:orders?|tickets?|seats?|booking))|"
    r"\b(?:i|we) (?:always|usually|generally|normally) (?:like|prefer|want|sit|go|need|take|book|buy|come|are)\b|"
    r"\b(?:from now on|for next time|in (?:the )?future)\b.*\b(?:i|we|me|us|my|our)\b",
    re.IGNORECASE,
)
_KINDS = "a section, the aisle, accessible seats, a price limit, your city or how many you usually are"


def answer(d: Dialogue) -> Act | None:
    """The call, or what came of it; None for a message that speaks of no lasting likes."""
    arguments = _arguments(d)
    if arguments is None:
        return None
    back = phrases.resumed(d.turn.asked)
    if not d.can(PREFERENCES):
        return Say(f"I keep no preferences in this conversation. {back}".strip()) if "values" not in arguments else None
    step = next((step for step in d.turn.done if step.tool == PREFERENCES), None)
    if step is None and arguments.get("values") == {}:
        return Say(f"I can remember {_KINDS}: tell me which. {back}".strip())
    if step is None:
        return Call(PREFERENCES, arguments)
    if not isinstance(step.result, Remembered):
        return Say(f"I couldn't do that just now, sorry. {back}".strip())
    if "values" in arguments and d.wish.has_criteria():
        return None  # what is to be bought comes next
    return Say(f"{_tell(step.result)} {back}".strip())


def _arguments(d: Dialogue) -> dict[str, Any] | None:
    text = d.turn.text
    if _FORGET.search(text):
        return {"action": "forget"}
    if _SHOW.search(text):
        return {"action": "show"}
    if _REMEMBER.search(text) and d.turn.heard and (values := _values(d, d.turn.heard.slots)) is not None:
        return {"action": "remember", "values": values}
    return None


def _values(d: Dialogue, slots: Slots) -> dict[str, Any] | None:
    """What may be kept of the message; {} where it asks for that and names nothing that may."""
    limit = to_major(slots.max_price_each, d.currency) if slots.max_price_each is not None else None
    return Preferences(
        section=slots.section,
        aisle=slots.aisle,
        accessible=slots.accessible or None,
        max_price=limit,
        city=slots.city.name if slots.city else None,
        party_size=slots.quantity if slots.quantity and slots.quantity <= 50 else None,
    ).named()


def _tell(result: Remembered) -> str:
    if result.status == "forgotten":
        return "Done: I keep no preferences of yours any more. Your orders stay as they are."
    if result.status == "consent_required":
        return "I'd gladly keep that in mind for your next visits."
    kept = [_line(name, value) for name, value in result.remembered.named().items()]
    if not kept:
        return "I remember no preferences of yours, and I keep none without your consent."
    lead = "I'll remember" if result.status == "remembered" else "This is what I remember of you"
    return f"{lead}: {phrases.listing(kept)}."


def _line(name: str, value: object) -> str:
    plain = {"aisle": "seats on the aisle", "accessible": "wheelchair-accessible seats"}
    if name in plain:
        return plain[name] if value else f"no {plain[name]}"
    words = {"section": "section", "city": "events in", "max_price": "a price limit of", "party_size": "a party of"}
    return f"{words[name]} {value:g}" if isinstance(value, float) else f"{words[name]} {value}"
