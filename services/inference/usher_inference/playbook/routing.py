"""For which specialist a message is, as the understanding reads it: the answer to a request for a `route`."""

import re
from collections.abc import Sequence
from typing import Final

from usher_inference.completions.model import JsonSchema
from usher_inference.playbook.transcript import Heard, read_moment
from usher_inference.understanding import Intent, Topic, Understanding, UnderstandingContext, understand
from usher_shared.contracts.handover import OWNERS, ROUTE, SPECIALISTS, Route, SpecialistName, Standing
from usher_shared.errors import InvalidRequest

_INTENTS: Final[dict[Intent, SpecialistName]] = {
    Intent.FIND: "purchase",
    Intent.BUY: "purchase",
    Intent.HOLD: "purchase",
    Intent.RELEASE: "purchase",
    Intent.UPGRADE: "upgrade",
    Intent.ORDERS: "support",
    Intent.REFUND: "support",
    Intent.EXCHANGE: "support",
    Intent.HUMAN: "support",
    Intent.QUESTION: "faq",
}
# questions that a purchase, or the change of an order, is made of
_SELLING = (Topic.PRICE, Topic.AVAILABILITY, Topic.SEATING, Topic.DATE, Topic.PROGRAMME)
_ACTS = (Intent.HOLD, Intent.UPGRADE)
_SURE, _LIKELY, _KEPT = 0.9, 0.75, 0.6

_BOUGHT = r"(?:tickets?|tix|seats?|orders?|bookings?|reservations?|purchases?)"
_OWNED: Final = re.compile(
    rf"\b(?:my|our) (?:\w+ ){{0,3}}?{_BOUGHT}|\b{_BOUGHT} (?:that )?(?:i|we)(?:'ve| have)? (?:already |just )?"
    rf"(?:bought|booked|ordered|paid|own|have|got)|\b(?:i|we)(?:'ve| have)? (?:already |just )?(?:bought|booked|"
    rf"ordered|paid|have (?:\w+ )?(?:tickets|seats)|got tickets)\b|\b(?:the|that|this) (?:order|booking|purchase)\b|"
    r"\b(?:than|instead of) (?:mine|ours|those|these|what (?:i|we) have)\b|\b(?:we|i)(?:'re| are|'m| am)? (?:already "
    r")?(?:sit(?:ting)? |)(?:in (?:row|section|block|the \w+ tier)|inside)\b|\b(?:ord|sup)_\w+",
    re.IGNORECASE,
)
_NICER: Final = re.compile(
    r"\b(?:better|nicer|closer|nearer|premium|vip|further (?:down|forward)|lower|a view|upgrad\w+|"
    r"(?:to|into|in) (?:section|row) \w+)\b",
    re.IGNORECASE,
)
_TROUBLE: Final = re.compile(
    r"\b(?:lost|stolen|charged|debited|complain\w*|receipts?|invoices?|credit|never (?:got|came|arrived)|sup_\w+|"
    r"wrong (?:name|seats?|amount)|is wrong|not (?:arrived|received)|nothing (?:came|has arrived)|got no ticket|"
    r"would(?:n't| not) scan)\b",
    re.IGNORECASE,
)
_HOW_IT_IS: Final = re.compile(
    r"\bhow (?:do |does )?(?:\w+ ){1,3}works?\b|\b(?:allowed|permitted|deadline|until when|how long (?:do|are|is))\b|"
    r"^\W*(?:(?:ok|and|also|so|hi|hello)[\s,]+)*(?:is|are) there (?:an?|any) (?!\w* ?(?:seat|ticket|show|earlier|later|"
    r"other|event|concert|game))|^\W*(?:any|does|do they|do i|must i|may i|where|which way|can i (?:take|bring|eat|"
    r"drink|smoke|leave|pay|check))\b(?!.*\b(?:tickets?|seats?) (?:left|free|available)\b)",
    re.IGNORECASE,
)
_ASKS: Final = re.compile(
    r"\?\W*$|^\W*(?:what|when|where|who|how|why|which|is|are|can|could|do|does|may|should|must)\b", re.IGNORECASE
)
_SEATS_LEFT: Final = re.compile(r"\bseats? (?:still )?(?:left|free|available)\b", re.IGNORECASE)
_CALLED_OFF: Final = re.compile(
    r"\b(?:forget|never mind|no|not|without) (?:about )?(?:the|an|a|my) (?:upgrade|refund|exchange)\b", re.IGNORECASE
)


def answer_json(messages: Sequence[Heard], wanted: JsonSchema) -> Route:
    """The object for a strict schema. Raises InvalidRequest for any but a route to the specialists that there are."""
    named = (wanted.definition.get("properties") or {}).get("specialist") or {}
    if wanted.name != ROUTE or not set(SPECIALISTS) <= set(named.get("enum") or ()):
        raise InvalidRequest(
            f"the playbook answers no JSON schema but `{ROUTE}`, for {', '.join(SPECIALISTS)}",
            extra={"param": "response_format"},
        )
    return route(messages)


def route(messages: Sequence[Heard]) -> Route:
    """The specialist for the newest message of the customer's."""
    told = "\n".join(m.text for m in messages if m.role in ("system", "developer"))
    standing = Standing.read(told)
    current = OWNERS.get(standing.proposal or "") or standing.specialist or "purchase"
    message = next((m.text for m in reversed(messages) if m.role == "user"), "")[:2_000]
    message = _CALLED_OFF.sub(",", message)
    last = next((m.text for m in reversed(messages) if m.role == "assistant"), "")
    heard = understand(message, UnderstandingContext(read_moment(messages).now, last))
    if standing.specialist == "faq" and standing.holds and heard.intent is Intent.AFFIRM:
        return Route(specialist="purchase", confidence=_KEPT, reason="a yes, with seats on hold")
    meant, confidence = _meant(heard, message, current)
    if standing.proposal is not None and confidence < _SURE:
        meant = None  # what is half said while an offer is open belongs to the offer
    if meant is None or meant == current:
        return Route(specialist=current, confidence=_KEPT, reason=f"goes on: {heard.intent.value}")
    return Route(specialist=meant, confidence=round(confidence, 3), reason=heard.intent.value)


def _meant(heard: Understanding, message: str, current: SpecialistName) -> tuple[SpecialistName | None, float]:
    """Whom the message itself asks for and how surely; None when it only goes on."""
    intent, topic = heard.intent, heard.topic
    asks = _ASKS.search(message) is not None
    owned = _OWNED.search(message) is not None
    shopping = intent in (Intent.FIND, Intent.BUY) and heard.confidence >= 0.8
    if asks and not owned and not shopping and _HOW_IT_IS.search(message):
        return "faq", _LIKELY if heard.slots.event else _SURE
    if owned and _NICER.search(message) and intent is not Intent.REFUND:
        return "upgrade", _SURE
    if (
        _TROUBLE.search(message)
        and intent not in (Intent.HOLD, Intent.UPGRADE)
        and (topic is None or owned or not asks)
    ):
        return "support", _SURE
    if topic is Topic.PRICE and re.search(r"\bcredit\b", message, re.IGNORECASE):
        return "support", _SURE
    if intent is Intent.QUESTION:
        if topic in _SELLING or (
            topic is Topic.ACCESSIBILITY and heard.slots.accessible and _SEATS_LEFT.search(message)
        ):
            seats = current == "faq" and re.search(r"\b(?:seats?|tickets?)\b", message, re.IGNORECASE)
            return ("purchase" if seats else None), _LIKELY
        about_offer = topic in (Topic.FEES, Topic.TIME)
        return "faq", _LIKELY if about_offer else heard.confidence
    if intent in (Intent.BUY, Intent.FIND, Intent.INFORM, Intent.OTHER) and owned:
        return ("support" if current != "upgrade" else None), _LIKELY
    if intent is Intent.FIND:
        named = heard.slots.event is not None or heard.slots.category is not None or heard.confidence >= _SURE
        return ("purchase" if named and heard.confidence > _KEPT else None), heard.confidence
    if intent in _INTENTS:
        return _INTENTS[intent], heard.confidence
    return ("faq" if asks and intent is Intent.OTHER and current == "purchase" else None), _LIKELY
