"""What a tool's answer changes: what is known, what is held, what waits for a yes."""

import re

from usher_inference.playbook.failures import DECLINED, EVENT_GONE, lost_hold
from usher_inference.playbook.listening import hear_orders
from usher_inference.playbook.naming import fit
from usher_inference.playbook.reading import read
from usher_inference.playbook.recalling import recall_last
from usher_inference.playbook.state import Dialogue, Task, Wish, call_key
from usher_inference.playbook.transcript import (
    Done,
    Failure,
    Proposed,
)
from usher_inference.playbook.waiting import hear_entry
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


def note_result(d: Dialogue, step: Done) -> None:
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
