"""What a customer's message changes: the task, the wishes, and what was accepted or turned down."""

import re

from usher_inference.playbook.answers import hear_answer
from usher_inference.playbook.comparing import read_comparison
from usher_inference.playbook.elsewhere import step_aside
from usher_inference.playbook.exchanges import (
    begin_exchange,
    ends_exchange,
    hear_other_seats,
    names_target,
    speaks_of_held,
    split_exchange,
)
from usher_inference.playbook.naming import names_something
from usher_inference.playbook.options import chosen_way
from usher_inference.playbook.order_wishes import hear_order_details
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.reading import read, read_of_orders
from usher_inference.playbook.recalling import recall_last
from usher_inference.playbook.requests import Request, moves_on, read_request, spends_credit
from usher_inference.playbook.seat_wishes import hear_seats
from usher_inference.playbook.state import Dialogue, Task
from usher_inference.playbook.waiting import hear_entry
from usher_inference.playbook.wishes import hear_event
from usher_inference.understanding import Intent, Slots, Topic, Understanding

_TASKS = {
    Intent.UPGRADE: Task.UPGRADE,
    Intent.ORDERS: Task.ORDERS,
    Intent.REFUND: Task.REFUND,
    Intent.EXCHANGE: Task.EXCHANGE,
    Intent.RELEASE: Task.RELEASE,
    Intent.HUMAN: Task.HUMAN,
}
_REQUESTED = {
    Request.EXCHANGE: Task.EXCHANGE,
    Request.CREDIT: Task.CREDIT,
    Request.BALANCE: Task.BALANCE,
    Request.REFUND: Task.REFUND,
    Request.UPGRADE: Task.UPGRADE,
    Request.OWN: Task.ORDERS,
    Request.JOIN: Task.JOIN,
    Request.LEAVE: Task.LEAVE,
    Request.WAITING: Task.WAITING,
    Request.PAPERS: Task.PAPERS,
    Request.OPTIONS: Task.OPTIONS,
}
_ONE_SHOT = (Task.ORDERS, Task.RELEASE, Task.HUMAN, Task.BALANCE, Task.PAPERS)  # done once answered
_OF_ORDERS = (Task.UPGRADE, Task.REFUND, Task.CREDIT, Task.EXCHANGE, Task.ORDERS, Task.PAPERS, Task.OPTIONS)
_OF_ENTRIES = (Task.LEAVE, Task.WAITING, Task.TAKE)
_WHICH_ORDER = (Asked.ORDER, Asked.THAT_ORDER, Asked.SEATS_BACK, Asked.SEATS_PART)
_RULES = (Topic.REFUND_POLICY, Topic.EXCHANGE_POLICY, Topic.POLICY)
_VAGUE = (Intent.AFFIRM, Intent.DENY, Intent.OTHER)
_ALL_THE_SAME = re.compile(r"\b(?:anyway|all the same|(?:keep|take|buy|book) (?:them|these|those|it))\b", re.IGNORECASE)
_CANCEL = re.compile(r"\bcancel (?:it|them|that|this|everything)\b", re.IGNORECASE)
_MOVE = re.compile(
    r"\b(?:move|switch|change|moved|swap) (?:me |us |my seats? |our seats? |seats? )?(?:to|into)\b", re.IGNORECASE
)
_OF_MINE = re.compile(r"\b(?:my|our|just|only|one|two|three|four|some|both|all|\d+)\b", re.IGNORECASE)
_SUPPOSING = re.compile(r"\b(?:what (?:happens|if)|if i|if we|is it possible)\b", re.IGNORECASE)
_TAKE = re.compile(r"\b(?:get|grab) (?:me|us)\b|\bi'?ll take\b|\bwe'?ll take\b", re.IGNORECASE)


def hear(d: Dialogue, heard: Understanding) -> None:
    """Takes the message in. Seats held under other terms than the new ones become stale."""
    answering_order = d.task in (Task.UPGRADE, Task.REFUND, Task.CREDIT, Task.EXCHANGE) and d.turn.asked in (
        *_WHICH_ORDER,
        Asked.LIMIT,
        Asked.INSTEAD,
    )
    if step_aside(d, heard):
        return
    d.turn.order_words = d.turn.text
    d.turn.compared = read_comparison(d.turn.text)
    if d.task in _ONE_SHOT and d.turn.asked is not Asked.RETRY:
        d.task = Task.PURCHASE if d.hold else Task.NONE
    terms, focus, task, of_order = d.wish.seat_terms(), d.focus, d.task, d.order_terms()
    _set_task(d, heard, answering_order)
    if d.task is Task.EXCHANGE:
        heard = _hear_exchange(d, heard, begins=task is not Task.EXCHANGE or not answering_order)
    elif d.task in _OF_ORDERS:
        hear_order_details(d, read_of_orders(d, d.turn.text).slots)
        if d.turn.topic and not answering_order:
            hear_event(d, heard)  # a question in between may be about another event
    elif d.task in _OF_ENTRIES:
        hear_entry(d)
    elif d.turn.compared:
        d.focus, d.wish.query = (d.focus, d.wish.query) if d.hold else (None, None)
        if heard.slots.quantity and not d.hold:
            hear_seats(d, heard)  # "the cheapest 3 for Hamlet or Faust"
    elif d.task is not Task.HUMAN:
        if task not in (Task.PURCHASE, Task.JOIN) and spends_credit(d.turn.text) is None:
            d.wish.keeps_credit = False
        d.wish.keeps_credit = spends_credit(d.turn.text) is False or d.wish.keeps_credit
        hear_event(d, heard)
        hear_seats(d, heard)
    hear_answer(d, heard)
    if d.turn.asked is Asked.CHEAPER and (d.turn.refused or _ALL_THE_SAME.search(d.turn.text)):
        d.wish.over_is_fine = True
    d.turn.seat_terms_changed = terms != d.wish.seat_terms() or focus != d.focus
    d.turn.order_terms_changed = of_order != d.order_terms()
    if d.turn.seat_terms_changed:
        d.checks.clear()
        d.wish.accepted = ()
        d.hold_stale = d.hold is not None
    else:
        d.checks = dict(list(d.checks.items())[-1:])
    _count_misheard(d, heard)


def _hear_exchange(d: Dialogue, heard: Understanding, *, begins: bool) -> Understanding:
    """What is said of the tickets to give up and of what is wanted instead; returns what is heard of the latter."""
    d.turn.exchanging = True
    if not begins and d.turn.asked in _WHICH_ORDER:
        hear_order_details(d, read_of_orders(d, d.turn.text).slots)
        return heard
    old, new = split_exchange(d.turn.text) if begins else ("", d.turn.text)
    if begins:
        begin_exchange(d, keeps_hold=speaks_of_held(d, new))
    d.turn.order_words = old or " "
    if old:
        hear_order_details(d, read_of_orders(d, old).slots)
    if not new or speaks_of_held(d, new):
        return heard
    d.turn.text = new
    d.turn.heard = heard = read(d, new)
    hear_event(d, heard)
    hear_seats(d, heard)
    hear_other_seats(d, heard.slots)
    return heard


def hear_orders(d: Dialogue) -> None:
    """With the orders just learnt, the message may name one of them that could not be told before."""
    if d.task in _OF_ORDERS and d.turn.heard and not d.turn.order_chosen:
        hear_order_details(d, read_of_orders(d, d.turn.order_words).slots)


def _requested(d: Dialogue, heard: Understanding) -> Task | None:
    """The task that the words ask for beside the plain intents; None where a rule is asked about, or nothing."""
    asked = read_request(d.turn.text)
    idle = bool(d.order_focus or d.orders) and not (d.hold or d.exchanged or d.wish.has_criteria() or d.wish.quantity)
    if asked is None and idle and heard.slots.dates and moves_on(d.turn.text):
        return Task.EXCHANGE
    owned = asked is Request.REFUND and _OF_MINE.search(d.turn.text)
    acts = asked is Request.CREDIT or owned or (asked is Request.EXCHANGE and names_target(d.turn.text))
    if heard.intent is Intent.QUESTION and heard.topic in _RULES and not acts:
        return None
    if asked is Request.CREDIT and spends_credit(d.turn.text) is not None:
        return None
    if asked is Request.REPEAT:
        d.wish.repeats, d.wish.buying = True, True
        if d.orders_listed:
            recall_last(d)
        return Task.PURCHASE
    if asked is Request.REFUND and (not owned or _SUPPOSING.search(d.turn.text)) and heard.topic:
        return None
    if asked is Request.UPGRADE and (d.hold or d.offer or d.wish.quantity or heard.slots.quantity):
        return None
    if asked is Request.EXCHANGE and heard.intent in (Intent.UPGRADE, Intent.REFUND):
        return None
    return _REQUESTED.get(asked) if asked else None


def _take_request(d: Dialogue, heard: Understanding) -> bool:
    """Whether the message asks for something beside the plain intents, or answers what such a request waits for."""
    requested = chosen_way(d) or _requested(d, heard)
    if d.exchanged and (ends_exchange(d, heard.intent) or (requested and requested is not Task.PAPERS)):
        d.exchanged = None
    choosing = d.turn.asked in (Asked.TAKE, Asked.WAIT_WHICH, Asked.WAIT_COUNT)
    if requested is None or (requested is Task.WAITING and d.turn.asked is Asked.WAIT_WHICH):
        return choosing and d.task in (*_OF_ENTRIES, Task.JOIN)
    if requested is not d.task and requested in (Task.REFUND, Task.CREDIT, Task.EXCHANGE):
        d.part = None
    if requested in _OF_ORDERS:
        d.order_pool, d.order_unknown = (), ""
    d.entry_focus = None if requested in _OF_ENTRIES else d.entry_focus
    d.task, d.turn.requested = requested, True
    return True


def _set_task(d: Dialogue, heard: Understanding, answering_order: bool) -> None:
    intent = heard.intent
    if d.turn.asked is Asked.DETAILS and not d.turn.done:
        d.task = Task.NONE if intent is Intent.DENY and heard.slots == Slots() else Task.HUMAN
        return
    if _take_request(d, heard):
        return
    if _moves_seats(d, heard):
        intent = Intent.UPGRADE
    elif intent is Intent.DENY and _gives_back(d):
        intent, d.turn.gives_back = Intent.REFUND, True
    if intent in _TASKS and not (intent is Intent.ORDERS and answering_order):
        if intent is Intent.UPGRADE and d.task is not Task.UPGRADE:
            d.upgrade_delta, d.upgrade_section, d.upgrade_any = None, None, False
        if not (answering_order and _TASKS[intent] is d.task):
            d.part = None
            d.order_pool, d.order_unknown = (), ""
        d.task = _TASKS[intent]
    elif answering_order:
        return
    elif intent is Intent.GREET and "?" in d.turn.text and names_something(d):
        d.task, d.turn.requested = Task.PURCHASE, True  # "good evening. are dogs let in at kelfanto?"
    elif intent in (Intent.FIND, Intent.BUY, Intent.HOLD):
        d.task = Task.PURCHASE
        if intent is Intent.FIND and heard.slots.event is None:
            d.wish.browsing = True
        d.wish.buying = d.wish.buying or intent is Intent.BUY
        d.wish.holding = intent is Intent.HOLD or (d.wish.holding and intent is not Intent.BUY)
    elif d.task in (Task.UPGRADE, Task.REFUND, Task.CREDIT, Task.EXCHANGE, Task.JOIN):
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


def _count_misheard(d: Dialogue, heard: Understanding) -> None:
    unclear = heard.intent is Intent.OTHER and not d.turn.seat_terms_changed and not d.turn.requested
    d.turn.misheard = d.turn.misheard + 1 if unclear else 0
