"""Words about the charge itself: the card it goes to, and whether it went through."""

import re

from usher_inference.playbook import phrases
from usher_inference.playbook.acts import Act, Call, Say
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.state import Dialogue

_CARD = r"(?:(?:credit |debit |bank )?cards?|payment methods?|visa|mastercard|amex|paypal|apple pay|google pay)\b"
_OTHER_CARD = re.compile(
    rf"\b(?:another|other|different|new|second|change|switch|update|replace|swap)\b(?: (?:my|the|to|a))*"
    rf"(?: \w+)? {_CARD}|"
    rf"\b(?:use|try|charge|pay (?:with|by|using)) my (?:\w+ )?{_CARD}",
    re.IGNORECASE,
)
_WENT_THROUGH = re.compile(
    r"\b(?:did|has|have) (?:it|that|this|(?:my|the) (?:payment|order|purchase|card|charge)) "
    r"(?:go|gone?|went|work(?:ed)?) ?(?:through|out)?\b|"
    r"(?<!how much )(?<!what )\b(?:am|was|were|have|did) (?:i|we) (?:been |get |got )?charged\b"
    r"(?! (?:twice|again|double|too|the wrong|more|extra|for))|"
    r"\bis (?:it|that|this|everything|my (?:order|purchase|seat|ticket)s?) (?:all )?"
    r"(?:booked|bought|paid|confirmed|done|through)\b|"
    r"\bare (?:they|my (?:seats|tickets)) (?:booked|bought|confirmed)\b",
    re.IGNORECASE,
)
_KEPT = (Asked.QUANTITY, Asked.WHICH, Asked.EVENT, Asked.OFFER, Asked.PREPARE)  # still to be answered


def answer(d: Dialogue) -> Say | None:
    """The way to another card; None when the message asks for none."""
    if d.turn.done or d.turn.seat_terms_changed:
        return None
    return _change_card(d) if _OTHER_CARD.search(d.turn.text) else None


def tell_outcome(d: Dialogue) -> Act | None:
    """Whether the purchase went through, from the orders as they are now; None when the message asks for none."""
    if not _WENT_THROUGH.search(d.turn.text) or d.turn.seat_terms_changed:
        return None
    if d.proposal:
        return Say(f"Not yet: nothing is bought or charged so far. {phrases.NEED_YES}")
    if d.order_focus and not d.hold and not d.wish.has_criteria():
        arguments = {"order_id": d.order_focus}
        tool = "get_order"
    else:
        arguments, tool = {}, "list_orders"
    if d.turn.failures(tool):
        return Say(f"I couldn't look up your orders just now, sorry. {Asked.RETRY.value}")
    if not any(step.tool == tool for step in d.turn.done):
        return Call(tool, arguments) if d.can(tool) else None
    found = [d.orders[d.order_focus]] if arguments and d.order_focus in d.orders else [*d.orders.values()]
    orders = [order for order in found if arguments or d.event is None or order.event_id == d.event.event_id]
    if not orders:
        what = f" for {phrases.named_event(d.event)}" if d.event else ""
        settling = "A payment that is still being settled would show up in a few minutes."
        return Say(f"I see no order{what} as of now. {settling} {Asked.PERSON.value}")
    told = [
        f"Order {order.order_id} is {order.status.replace('partially_', 'partly ')}: {order.event_name}, "
        f"{phrases.seats(order.seats) if order.seats else 'no seats'}, "
        f"{phrases.money(order.total, order.currency)} in all."
        for order in orders[:3]
    ]
    return Say(" ".join(told))


def _change_card(d: Dialogue) -> Say:
    how = (
        "I can't switch cards in this chat: I charge the payment method on file in your account, and it is changed "
        "there, outside the chat."
    )
    if d.proposal:
        return Say(f"{how} {phrases.NEED_YES}")
    if d.turn.asked is Asked.RETRY or (d.hold and d.turn.asked not in _KEPT):
        held = f" Your seats stay held {phrases.remaining(d.now, d.hold.expires_at)}." if d.hold else ""
        return Say(f"{how}{held} Once that is done I can try again. {Asked.RETRY.value}")
    return Say(f"{how} {d.turn.asked.value if d.turn.asked in _KEPT and d.turn.asked else ''}".strip())
