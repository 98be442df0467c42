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
_SELLING = (Topic.PRICE, Topic.AVAILABILITY, Topic.SEATING, Topic.DATE, Topic.TIME, Topic.PROGRAMME)
_TROUBLE: Final = re.compile(
    r"\b(?:lost|stolen|charged|debited|complain\w*|receipts?|invoices?|credit|never (?:got|came|arrived)|"
    r"wrong (?:name|seats?|amount)|not (?:arrived|received)|nothing (?:came|has arrived))\b",
    re.IGNORECASE,
)
_KEPT = 0.6  # how sure it is that a message which tells nothing goes on with what was talked about
_UNCLEAR = (Intent.GREET, Intent.THANKS, Intent.BYE, Intent.AFFIRM, Intent.DENY, Intent.INFORM, Intent.OTHER)


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
    message = next((m.text for m in reversed(messages) if m.role == "user"), "")
    last = next((m.text for m in reversed(messages) if m.role == "assistant"), "")
    heard = understand(message, UnderstandingContext(read_moment(messages).now, last))
    if standing.specialist == "faq" and standing.holds and heard.intent is Intent.AFFIRM:
        return Route(specialist="purchase", confidence=_KEPT, reason="a yes, with seats on hold")
    meant = _meant(heard, message, current)
    if meant is None or meant == current:
        return Route(specialist=current, confidence=_KEPT, reason=f"goes on: {heard.intent.value}")
    return Route(specialist=meant, confidence=round(heard.confidence, 3), reason=heard.intent.value)


def _meant(heard: Understanding, message: str, current: SpecialistName) -> SpecialistName | None:
    """Whom the message itself asks for; None when it only goes on."""
    intent = heard.intent
    if _TROUBLE.search(message) and intent not in (Intent.BUY, Intent.HOLD, Intent.QUESTION):
        return "support"
    if intent is Intent.QUESTION and heard.topic in _SELLING:
        return None if current in ("upgrade", "support") else "purchase"
    if intent is Intent.FIND and current in ("upgrade", "support") and heard.slots.event is None:
        return None
    return None if intent in _UNCLEAR else _INTENTS.get(intent)
