"""Talk that needs no tool: greetings, thanks, who is speaking, what was not understood."""

import re

from usher_inference.playbook import phrases
from usher_inference.playbook.acts import Act, Call, Say
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.state import Dialogue
from usher_inference.understanding import Intent, Slots

_HOW_ARE_YOU = re.compile(
    r"\bhow(?:'s| is| are) (?:you|it going|things|your day)\b|\bhow do you do\b|\bwhat'?s up\b", re.I
)
_WHO = re.compile(
    r"\b(?:who|what) are you\b|\byour name\b|\bare you (?:a |an )?(?:ro)?(?:bot|human|real|person|ai)\b", re.I
)
_TROUBLED = re.compile(
    r"\b(?:double[- ]charged|(?:over|mis)charged|charged (?:me )?(?:twice|again|double|too much|the wrong)|"
    r"wrong (?:amount|charge)|"
    r"(?:(?:has|have|did)(?:n'?t| not)|never) (?:arrived?|come|been delivered|shown? up)|"
    r"(?:change|correct|fix|update) the name|name on (?:my|the|our) (?:ticket|order)|(?:make|file) a complaint)\b",
    re.IGNORECASE,
)
_LOST = re.compile(
    r"\b(?:lost|stolen|can'?t find|never (?:got|received)|(?:didn'?t|haven'?t) (?:get|got|receive|received)) "
    r"(?:my|our|the) tickets?\b|"
    r"\b(?:my|our) (?:\w+ )?tickets? (?:got|were|was|is|are|have been|has been) (?:lost|stolen|missing|gone|deleted)\b",
    re.IGNORECASE,
)
_MATTERS = frozenset(("ticket", "complaint", "problem", "issue", "claim", "request"))
_ASKING_FOR_IT = frozenset(
    (
        *(
            "hi",
            "hello",
            "hey",
            "please",
            "can",
            "could",
            "would",
            "you",
            "i",
            "we",
            "want",
            "need",
            "like",
            "to",
            "have",
        ),
        *("got", "let", "me", "ok", "yes", "open", "file", "make", "raise", "create", "submit", "report", "a", "an"),
        *("the", "some", "support", "with", "there", "is", "d", "m", "ve", "wanna"),
    )
)
_SUBJECTS = (
    ("A charge to look into", re.compile(r"charged|charge|overcharged|paid|payment", re.IGNORECASE)),
    ("A refund to look into", re.compile(r"refund|money back", re.IGNORECASE)),
    ("An exchange to look into", re.compile(r"exchange|swap|move", re.IGNORECASE)),
    ("Tickets that are missing or lost", re.compile(r"lost|stolen|missing|arrive|receive", re.IGNORECASE)),
    ("Accessible seats", re.compile(r"wheelchair|accessib|disab", re.IGNORECASE)),
    ("A large group", re.compile(r"group|large party", re.IGNORECASE)),
)
_DISCOUNT = re.compile(r"\b(?:discount|promo|coupon|voucher|deal)s?\b", re.I)

_BARE_YES = re.compile(
    r"^\W*(?:(?:yes|yeah|yep|ok(?:ay)?|sure|please|do|go ahead and|now|then)\W+)*(?:buy|book|order|purchase|take|pay)"
    r"(?: (?:it|them|those|these|that|now|please|the tickets|the seats|for (?:it|them)))*\W*$",
    re.IGNORECASE,
)
_OFTEN = 2  # messages in a row that were not understood, after which a person is offered


def chat(d: Dialogue, meant: Intent | None = None) -> Act:
    """The answer to a message that asks for nothing to be done."""
    intent = meant or (d.turn.heard.intent if d.turn.heard else Intent.GREET)
    text = d.turn.text
    if _WHO.search(text):
        return Say(phrases.CAPABILITIES)
    if _HOW_ARE_YOU.search(text):
        return Say(phrases.SMALLTALK)
    simple = {Intent.GREET: phrases.GREETING, Intent.THANKS: phrases.THANKS, Intent.BYE: phrases.BYE}
    if intent in simple:
        return Say(simple[intent])
    if intent is Intent.AFFIRM:
        return Say(_what_now(d))
    if intent is Intent.DENY:
        return Say("All right. If you need anything else, just tell me.")
    if d.turn.misheard > _OFTEN and d.can("open_support_ticket"):
        return call_person(d)  # it was offered after the last one
    return Say(phrases.UNCLEAR_AGAIN if d.turn.misheard >= _OFTEN else phrases.UNCLEAR)


def _what_now(d: Dialogue) -> str:
    """The answer to a yes that answers no question of the playbook's."""
    if d.order_focus and d.last_text.startswith(phrases.FINISHED):
        return "That is done already, nothing more is needed. Is there anything else I can do for you?"
    return "Gladly. What would you like: find an event, book seats, or look after an order?"


def repeats_yes(d: Dialogue, intent: Intent) -> bool:
    """Whether a bare "yes, buy" comes right after the purchase that it was for."""
    finished = d.last_text.startswith(phrases.FINISHED) and d.order_focus is not None
    bare = d.turn.heard is not None and d.turn.heard.slots == Slots()
    return finished and bare and intent is Intent.BUY and _BARE_YES.match(d.turn.text) is not None


def aside(d: Dialogue) -> Say | None:
    """Matters that no tool covers but that deserve better than "I didn't follow": discounts, lost tickets."""
    slots = d.turn.heard.slots if d.turn.heard else Slots()
    if d.turn.requested:
        return None
    if _DISCOUNT.search(d.turn.text) and slots.quantity is None:
        return Say(phrases.NO_DISCOUNT)
    if says_no_more(d.turn.text):
        return Say(f"Gladly: I open a support ticket for a person to look into. {Asked.DETAILS.value}")
    if _TROUBLED.search(d.turn.text):
        return offer_person("I can't settle that myself, but our support desk can look into it.")
    if _LOST.search(d.turn.text):
        return offer_person("I can't reissue tickets myself, but our support desk can look into it.")
    return None


def call_person(d: Dialogue) -> Act:
    """Hands the matter to a person with a support ticket."""
    if not d.can("open_support_ticket") or d.turn.failures("open_support_ticket"):
        return Say("I couldn't reach our support desk just now, sorry. Please try again in a few minutes.")
    why = "was not understood several times" if d.turn.misheard > _OFTEN else "asks for a person"
    details = [f"The customer {why}. First request: {d.first_request[:1000]}"]
    details += [f"What it is about: {d.trouble[:1000]}"] if d.trouble and d.trouble != d.first_request else []
    if d.turn.text not in (d.first_request, d.trouble):
        details.append(f"Latest message: {d.turn.text[:1000]}")
    if d.event:
        details.append(f"Event: {d.event.event_id} {phrases.named_event(d.event)}")
    arguments = {"subject": _subject(d), "details": "\n".join(details)[:4000]}
    if d.order_focus:
        arguments["order_id"] = d.order_focus
    return Call("open_support_ticket", arguments)


def says_no_more(text: str) -> bool:
    """Whether a support ticket or a complaint is all that the message speaks of."""
    words = re.findall(r"[a-z]+", text.lower()[:120])
    told = {*words} & _MATTERS
    if not told or (told == {"ticket"} and "support" not in words):
        return False
    return {*words} <= _MATTERS | _ASKING_FOR_IT


def _subject(d: Dialogue) -> str:
    """What the matter is, in a few words for the staff."""
    about = d.trouble or d.turn.text
    kind = next((subject for subject, words in _SUBJECTS if words.search(about)), None)
    return kind or "Customer asks for a person"


def offer_person(text: str) -> Say:
    """The text, and the offer of a person."""
    return Say(f"{text} {Asked.PERSON.value}")
