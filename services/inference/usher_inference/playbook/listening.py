"""What a customer's message changes: the task, the wishes, and what was accepted or turned down."""

import re

from usher_inference.playbook.order_wishes import hear_order_details
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.state import Dialogue, Task, Wish
from usher_inference.playbook.wishes import hear_event, hear_seats, reopen
from usher_inference.understanding import Comparative, Intent, Slots, Understanding
from usher_shared.contracts.money import to_minor
from usher_shared.contracts.tools import Hold

_TASKS = {
    Intent.UPGRADE: Task.UPGRADE,
    Intent.ORDERS: Task.ORDERS,
    Intent.REFUND: Task.REFUND,
    Intent.EXCHANGE: Task.EXCHANGE,
    Intent.RELEASE: Task.RELEASE,
    Intent.HUMAN: Task.HUMAN,
}
_ONE_SHOT = (Task.ORDERS, Task.EXCHANGE, Task.RELEASE, Task.HUMAN)  # done once answered
_VAGUE = (Intent.AFFIRM, Intent.DENY, Intent.OTHER)
_AGAIN = re.compile(r"\b(?:try|once|do (?:it|that)) (?:it )?(?:again|more)\b|\bretry\b|^\W*again\b", re.IGNORECASE)
_ALL_THE_SAME = re.compile(r"\b(?:anyway|all the same|(?:keep|take|buy|book) (?:them|these|those|it))\b", re.IGNORECASE)
_CANCEL = re.compile(r"\bcancel (?:it|them|that|this|everything)\b", re.IGNORECASE)
_MOVE = re.compile(
    r"\b(?:move|switch|change|moved|swap) (?:me |us |my seats? |our seats? |seats? )?(?:to|into)\b", re.IGNORECASE
)
_TAKE = re.compile(r"\b(?:get|grab) (?:me|us)\b|\bi'?ll take\b|\bwe'?ll take\b", re.IGNORECASE)


def hear(d: Dialogue, heard: Understanding) -> None:
    """Takes the message in. Seats held under other terms than the new ones become stale."""
    answering_order = d.task in (Task.UPGRADE, Task.REFUND) and d.turn.asked in (
        Asked.ORDER,
        Asked.LIMIT,
        Asked.SEATS_BACK,
    )
    if d.task in _ONE_SHOT and d.turn.asked is not Asked.RETRY:
        d.task = Task.PURCHASE if d.hold else Task.NONE
    terms, focus = d.wish.seat_terms(), d.focus
    _set_task(d, heard, answering_order)
    if d.task in (Task.UPGRADE, Task.REFUND, Task.ORDERS, Task.EXCHANGE):
        hear_order_details(d, heard.slots)
    elif d.task is not Task.HUMAN:
        hear_event(d, heard)
        hear_seats(d, heard)
    _hear_answer(d, heard)
    if d.turn.asked is Asked.CHEAPER and (d.turn.refused or _ALL_THE_SAME.search(d.turn.text)):
        d.wish.over_is_fine = True
    d.turn.seat_terms_changed = terms != d.wish.seat_terms() or focus != d.focus
    if d.turn.seat_terms_changed:
        d.checks.clear()
        d.wish.accepted = ()
        d.hold_stale = d.hold is not None
    else:
        d.checks = dict(list(d.checks.items())[-1:])
    _count_misheard(d, heard)


def _set_task(d: Dialogue, heard: Understanding, answering_order: bool) -> None:
    intent = heard.intent
    if _moves_seats(d, heard):
        intent = Intent.UPGRADE
    elif intent is Intent.DENY and _gives_back(d):
        intent, d.turn.gives_back = Intent.REFUND, True
    if intent in _TASKS and not (intent is Intent.ORDERS and answering_order):
        if intent is Intent.UPGRADE and d.task is not Task.UPGRADE:
            d.upgrade_delta, d.upgrade_section, d.upgrade_any = None, None, False
        if intent is Intent.REFUND:
            d.refund_numbers = ()
        d.task = _TASKS[intent]
    elif answering_order:
        return
    elif intent in (Intent.FIND, Intent.BUY, Intent.HOLD):
        d.task = Task.PURCHASE
        if intent is Intent.FIND and heard.slots.event is None:
            d.wish.browsing = True
        d.wish.buying = d.wish.buying or intent is Intent.BUY
        d.wish.holding = intent is Intent.HOLD or (d.wish.holding and intent is not Intent.BUY)
    elif d.task in (Task.UPGRADE, Task.REFUND):
        return
    elif intent is Intent.INFORM or (intent in _VAGUE and _names_seats(heard.slots)):
        d.task = Task.PURCHASE
    if _TAKE.search(d.turn.text) and d.task is Task.PURCHASE and not heard.negated:
        d.wish.buying = True


def _gives_back(d: Dialogue) -> bool:
    """ "Cancel it", said of an order when nothing else stands open."""
    idle = d.hold is None and d.proposal is None and d.turn.asked is None and d.wish.quantity is None
    return idle and d.order_focus is not None and _CANCEL.search(d.turn.text) is not None


def _moves_seats(d: Dialogue, heard: Understanding) -> bool:
    """ "I'd like to move to section 104", said of seats that were bought."""
    bought = d.order_focus is not None and d.hold is None and d.wish.quantity is None and not d.wish.query
    return bought and heard.slots.section is not None and _MOVE.search(d.turn.text) is not None


def _names_seats(slots: Slots) -> bool:
    return bool(slots.quantity or slots.section or slots.row or slots.superlative or slots.max_price_each)


def _hear_answer(d: Dialogue, heard: Understanding) -> None:
    thanking = heard.intent is Intent.THANKS and Intent.AFFIRM in heard.also
    elsewhere = d.turn.asked is Asked.OTHER_SEATS and Comparative.OTHER in heard.slots.comparatives
    retrying = d.turn.asked is Asked.RETRY and _AGAIN.search(d.turn.text) is not None
    agreeing = (
        heard.intent is Intent.AFFIRM
        or thanking
        or retrying
        or elsewhere
        or (heard.intent in (Intent.BUY, Intent.HOLD) and not heard.negated and d.turn.asked is Asked.OFFER)
    )
    if agreeing:
        d.turn.affirmed = True
        _hear_yes(d, heard.slots)
    elif heard.intent is Intent.DENY:
        d.turn.refused = True
        if d.turn.asked is Asked.MEANT and d.listed:
            d.wish.other_than = d.wish.other_than | {*d.listed}
        if d.turn.asked in (Asked.MEANT, Asked.THIS) and heard.slots.event is None:
            d.wish.query, d.wish.browsing = None, False


def _hear_yes(d: Dialogue, slots: Slots) -> None:
    asked, wish = d.turn.asked, d.wish
    if asked in (Asked.MEANT, Asked.THIS) and d.listed:
        d.focus = d.listed[0]
        wish.query = d.events[d.focus].name
        d.task = Task.PURCHASE
    elif asked is Asked.OFFER:
        wish.accepted = tuple(seat.id for seat in d.offer)
        wish.buying = wish.buying or not wish.holding
        d.task = Task.PURCHASE
    elif asked is Asked.LOOK:
        d.task = Task.PURCHASE
    elif asked is Asked.PREPARE:
        wish.buying = True
        d.task = Task.PURCHASE
    elif asked is Asked.OTHER_DATES:
        wish.date, wish.time_of_day, wish.clock = None, None, None
        wish.browsing = True
        reopen(d)
        d.task = Task.PURCHASE
    elif asked is Asked.CHEAPER and d.hold:
        _lower_limit(d, d.hold)
        d.task = Task.PURCHASE
    elif asked is Asked.OTHER_SEATS:
        _loosen(wish)
        d.task = Task.PURCHASE
    elif asked is Asked.PERSON and slots == Slots():  # "ok, what about 80?" is no yes to a person
        d.task = Task.HUMAN
    elif asked is Asked.RELEASE:
        d.task = Task.RELEASE


def _lower_limit(d: Dialogue, hold: Hold) -> None:
    """The most a seat may cost before fees, so that the total keeps to what was named, judged by the last quote."""
    quote = d.quotes.get(hold.hold_id)
    if quote and d.wish.total and quote.total_minor:
        share = d.wish.total * to_minor(quote.subtotal, quote.currency) // quote.total_minor
        d.wish.each, d.wish.relative = share // max(1, len(hold.seats)), True
        d.wish.section = d.wish.row = None


def _loosen(wish: Wish) -> None:
    """Drops the narrowest of the terms that nothing met: certain seats or a row, then the section, then the price."""
    if wish.row or wish.seat_ids or wish.seat_numbers:
        wish.row, wish.seat_ids, wish.seat_numbers = None, (), ()
    elif wish.section:
        wish.section = None
    else:
        wish.cheapest = wish.each is not None or wish.total is not None
        wish.each = wish.total = None
        wish.passed = frozenset()


def _count_misheard(d: Dialogue, heard: Understanding) -> None:
    unclear = heard.intent is Intent.OTHER and not d.turn.seat_terms_changed
    d.turn.misheard = d.turn.misheard + 1 if unclear else 0
