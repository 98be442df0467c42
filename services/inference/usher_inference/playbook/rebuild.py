"""Rebuilding the dialogue's state from its messages, step by step."""

import re
from collections.abc import Sequence

from usher_inference.playbook.beyond import read_beyond
from usher_inference.playbook.errands import split
from usher_inference.playbook.events import find_event
from usher_inference.playbook.exchanges import settle_exchange
from usher_inference.playbook.failures import DECLINED, EVENT_GONE, lost_hold
from usher_inference.playbook.listening import hear, hear_orders
from usher_inference.playbook.naming import fit
from usher_inference.playbook.phrases import (
    ELSEWHERE,
    NOTHING_CALLED,
    NOTHING_NAMED,
    ON_OTHER_DATES,
    Asked,
    question_in,
)
from usher_inference.playbook.reading import read
from usher_inference.playbook.recalling import recall_last
from usher_inference.playbook.recollected import restore
from usher_inference.playbook.seats import choose
from usher_inference.playbook.state import Dialogue, Task, Turn, Wish, call_key
from usher_inference.playbook.transcript import (
    AssistantTurn,
    Declined,
    Done,
    Failure,
    HandedOn,
    Heard,
    Lapsed,
    Proposed,
    Recalled,
    Step,
    UserTurn,
    read_moment,
    read_steps,
)
from usher_inference.playbook.waiting import hear_entry
from usher_inference.understanding import Intent
from usher_shared.contracts.confirmations import PROTECTED_ACTIONS
from usher_shared.contracts.tools import (
    EventInfo,
    EventList,
    Hold,
    HoldReleased,
    Inventory,
    OrderCreated,
    OrderCredited,
    OrderExchanged,
    OrderList,
    OrderRefunded,
    OrderView,
    Quote,
    StoreCredit,
    TicketsUpgraded,
    WaitList,
    WaitListEntry,
)

_OWN = r"\b(?:my|our|his|her|their|and|with|an?)\s+"  # "my daughter" is no musical
_OF_EVENT = ("check_inventory", "hold_tickets", "quote", "create_order", "join_wait_list")
_EVENT_QUESTIONS = (Asked.EVENT, Asked.WHICH, Asked.MEANT, Asked.THIS)
_ANSWERS = (Intent.INFORM, Intent.FIND, Intent.AFFIRM, Intent.OTHER)


def rebuild(messages: Sequence[Heard], offered_tools: frozenset[str]) -> Dialogue:
    """The state after the last message."""
    moment = read_moment(messages)
    d = Dialogue(moment.now, moment.zone, offered_tools)
    for step in read_steps(messages):
        _fold(d, step)
    if d.hold and d.hold.expires_at <= d.now:
        d.hold = None
    return d


def _fold(d: Dialogue, step: Step) -> None:
    match step:
        case UserTurn(text):
            _settle_focus(d)
            if d.task is Task.EXCHANGE:
                settle_exchange(d)
            _begin_turn(d, text)
        case AssistantTurn(text):
            d.turn.answered = True
            _note_text(d, text)
        case Declined():
            _note_declined(d)
        case Lapsed():
            d.proposal, d.proposal_action = None, ""
        case Recalled(known):
            restore(d, known)
        case HandedOn(refused=refused):
            d.turn.alone = refused
        case Done():
            d.turn.done.append(step)
            _note_result(d, step)
            if d.task is Task.EXCHANGE:
                settle_exchange(d)


def _settle_focus(d: Dialogue) -> None:
    """The event that the searches so far come down to, if it is one."""
    if d.focus is None and d.wish.has_criteria() and d.searches:
        listed = d.listed
        find_event(d)
        d.listed = listed


def _begin_turn(d: Dialogue, text: str) -> None:
    text = _take_errand(d, text)
    heard = read(d, text)
    lost = d.hold is not None and d.hold.expires_at <= d.now
    misheard = d.turn.misheard
    asked = question_in(d.last_text)
    beyond = read_beyond(text, heard)
    if beyond:
        d.turn = Turn(text=text, heard=heard, beyond=beyond, topic=d.turn.topic, asked=asked, lost_hold=lost)
        return
    says_which = heard.slots.event or heard.slots.ordinal or asked in (Asked.MEANT, Asked.THIS)
    asked_back = (
        asked in (Asked.EVENT, Asked.WHICH, Asked.MEANT, Asked.THIS) and heard.intent in _ANSWERS and says_which
    )
    topic = heard.topic if heard.intent is Intent.QUESTION else (d.turn.topic if asked_back else None)
    question = text if heard.intent is Intent.QUESTION or not topic else d.turn.question
    d.turn = Turn(text, heard, topic, question, asked=asked, lost_hold=lost, misheard=misheard)
    if not d.first_request:
        d.first_request = text
    hear(d, heard)


def _take_errand(d: Dialogue, text: str) -> str:
    """The request to serve now: the first of several, or the next of those kept once the customer says yes to it."""
    if question_in(d.last_text) is Asked.NEXT and d.later:
        intent = read(d, text).intent
        if intent is Intent.AFFIRM:
            kept, *rest = d.later
            d.later, d.last_text, d.reminded = tuple(rest), "", 0
            return kept
        if intent is Intent.DENY:
            d.later = ()
    first, *later = split(text)
    if later:
        d.later, d.reminded = tuple(later), 0
    return first


def _read_again(d: Dialogue) -> None:
    """With the names just learnt, the message may name one of them that could not be told from other words before."""
    heard = d.turn.heard
    if heard is None or heard.slots.event or d.wish.query or d.focus:
        return
    again = read(d, d.turn.text).slots
    # a short word is too little to tell a name by, unless it is the whole name
    telling = again.event is not None and (again.event.score >= 90 or len(again.event.surface) >= 5)
    owned = again.event and re.search(rf"{_OWN}{re.escape(again.event.surface)}", d.turn.text, re.IGNORECASE)
    if again.event and telling and (d.turn.exchanging or not owned):
        d.wish.query = again.event.name
    elif again.venue:
        d.wish.query = again.venue


def _read_section(d: Dialogue) -> None:
    """With the house's own names just learnt, the message may name a section that could not be told before."""
    heard = d.turn.heard
    if d.task is Task.UPGRADE and d.upgrade_section is None:
        d.upgrade_section = read(d, d.turn.text).slots.section
    if heard is None or heard.slots.section or d.wish.section or d.task is not Task.PURCHASE:
        return
    again = read(d, d.turn.text).slots
    terms = d.wish.seat_terms()
    d.wish.section, d.wish.avoid = again.section, again.section_refused or d.wish.avoid
    if terms != d.wish.seat_terms():
        d.checks.clear()
        d.wish.accepted, d.turn.seat_terms_changed = (), True
        d.hold_stale = d.hold is not None


def _note_text(d: Dialogue, text: str) -> None:
    d.last_text = text
    d.said = [*d.said[-2:], text]
    asked = question_in(text)
    if asked in (Asked.WHICH, Asked.MEANT, Asked.THIS):
        places = {text.find(f"{e.name}, {e.local_start}"): e.event_id for e in d.events.values()}
        d.listed = tuple(id for at, id in sorted(places.items()) if at >= 0) or d.listed
        _drop_vain_terms(d, text)
    elif asked is Asked.OFFER and d.checks:
        d.offer = choose(list(d.checks.values())[-1], d.wish).seats
    elif asked is Asked.EVENT and text.startswith(NOTHING_CALLED):
        d.wish.query = d.wish.city = None  # looked for everywhere: the name was no event
    spots = {text.find(id): id for id in d.orders}
    named = tuple(id for at, id in sorted(spots.items()) if at >= 0)
    if asked is Asked.PERSON:
        d.trouble = d.turn.text
    if asked is Asked.NEXT:
        d.reminded += 1
    if len(named) > 1 or (named and asked is Asked.THAT_ORDER):
        d.order_choices = named


def _drop_vain_terms(d: Dialogue, text: str) -> None:
    """What was owned up to as not found no longer narrows what is looked for."""
    if text.startswith(NOTHING_NAMED):
        d.wish.query = None
    if ON_OTHER_DATES in text:
        d.wish.date = None
    elif ELSEWHERE in text:
        d.wish.city = d.wish.venue = None


def _note_declined(d: Dialogue) -> None:
    if d.turn.answered:  # by the confirmation's own button, not by a message: as if the customer had said no now
        d.turn = Turn(text="no", heard=read(d, "no"))
    d.turn.declined, d.turn.declined_action = d.proposal, d.proposal_action
    d.turn.declined_arguments = d.proposal_arguments
    d.turn.refused = True
    d.proposal, d.proposal_action = None, ""
    if d.turn.declined_action == "upgrade_tickets" and not d.turn.order_terms_changed:
        d.upgrade_delta = d.upgrade_section = None


def _note_result(d: Dialogue, step: Done) -> None:
    if isinstance(step.result, Proposed):
        d.proposal, d.proposal_action, d.proposal_arguments = step.result, step.tool, step.arguments
    elif isinstance(step.result, Failure):
        _note_failure(d, step, step.result)
    elif step.tool in PROTECTED_ACTIONS or step.tool == "hold_tickets":
        _note_effect(d, step)
    else:
        _note_facts(d, step)


def _note_facts(d: Dialogue, step: Done) -> None:
    match step.result:
        case EventList(events=events):
            d.events |= {event.event_id: d.as_known(event) for event in events}
            d.searches[call_key(step.arguments)] = tuple(event.event_id for event in events)
            _read_again(d)
        case EventInfo() as info:
            d.events[info.event_id] = d.infos[info.event_id] = d.as_known(info)
            if d.focus is not None or d.wish.query is None or fit(d.wish.query, info):
                d.focus = info.event_id
            _read_section(d)
        case Inventory() as inventory:
            key = call_key(step.arguments)
            d.checks.pop(key, None)  # the newest check stands last
            d.checks[key] = inventory
            d.focus = inventory.event_id
            d.most_seats = inventory.most_seats or d.most_seats
        case Quote(action="create_order") as quote:
            d.quotes[str(quote.arguments.get("hold_id"))] = quote
        case HoldReleased() as released:
            if any(entry.hold_id == released.hold_id for entry in d.entries.values()):
                d.entries_listed, d.entry_focus = False, None
            d.hold, d.hold_stale = None, False
            d.checks.clear()
            _supersede_order(d)
        case OrderList(orders=orders):
            d.orders = {order.order_id: order for order in orders}
            d.orders_listed = True
            hear_orders(d)
            recall_last(d)
        case WaitListEntry():
            d.entries_listed = False
            d.task = Task.NONE if d.task is Task.JOIN else d.task
        case StoreCredit() as credits:
            d.credits = credits
        case WaitList(entries=entries):
            d.entries = {entry.entry_id: entry for entry in entries}
            d.entries_listed = True
            hear_entry(d)
        case OrderView() as order:
            d.orders[order.order_id] = order


def _note_effect(d: Dialogue, step: Done) -> None:
    d.orders_listed = d.orders_listed and isinstance(step.result, Hold)
    if not isinstance(step.result, Hold):
        d.declines, d.credits = 0, None
    match step.result:
        case Hold() as hold:
            d.hold, d.hold_stale, d.focus = hold, False, hold.event_id
            d.turn.lost_hold = False
            _supersede_order(d)
            return
        case OrderCreated():
            d.hold, d.wish, d.task = None, Wish(), Task.NONE
            d.checks.clear()
            d.searches.clear()
            d.order_focus = step.result.order_id
            d.entries_listed, d.entry_focus = False, None
        case OrderExchanged() as exchanged:
            d.hold, d.wish, d.task, d.exchanged = None, Wish(), Task.NONE, None
            d.checks.clear()
            d.searches.clear()
            d.orders.pop(exchanged.order_id, None)
            d.order_focus = exchanged.new_order_id
        case TicketsUpgraded() | OrderRefunded() | OrderCredited():
            d.task = Task.NONE
            d.orders.pop(step.result.order_id, None)
            if step.result.status in ("refunded", "credited"):
                d.order_focus = None
    d.part, d.order_pool, d.order_unknown = None, (), ""
    d.proposal, d.proposal_action = None, ""


def _supersede_order(d: Dialogue) -> None:
    """A proposed order is void once its seats are given back or others are held."""
    if d.proposal_action in ("create_order", "exchange_order"):
        d.proposal, d.proposal_action = None, ""


def _note_failure(d: Dialogue, step: Done, failure: Failure) -> None:
    if step.tool in PROTECTED_ACTIONS:
        d.turn.carried_out = d.proposal_action == step.tool and len(d.turn.done) == 1
        d.declines = d.declines + 1 if failure.code in DECLINED else 0
    if failure.code == "seats_available":
        d.put_on_sale(str(step.arguments.get("event_id")))
    if failure.code in EVENT_GONE and step.tool in _OF_EVENT:
        meant = step.arguments.get("event_id") or (d.hold.event_id if d.hold else d.focus)
        d.lose_event(str(meant), EVENT_GONE[failure.code])
    if step.tool == "hold_tickets":
        d.checks.clear()
        d.wish.accepted = ()
    if step.tool in PROTECTED_ACTIONS:
        d.proposal, d.proposal_action = None, ""
    if step.tool == "release_hold":
        d.hold, d.hold_stale = None, False
        d.checks.clear()
    if step.tool in ("create_order", "exchange_order") and lost_hold(failure):
        d.hold = None
        d.checks.clear()
