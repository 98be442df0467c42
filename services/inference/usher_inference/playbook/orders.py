"""Orders that exist: looking them up, upgrading, refunding."""

import re
from typing import Any

from usher_inference.playbook import failures, phrases
from usher_inference.playbook.acts import Act, Call, Say
from usher_inference.playbook.order_wishes import CHEAPEST_UPGRADE
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.smalltalk import offer_person
from usher_inference.playbook.state import Dialogue, Task, call_key
from usher_shared.contracts.money import to_major
from usher_shared.contracts.tools import OrderView

_PART = re.compile(
    r"\b(?:one|two|three|four|some|\d+) of\b|\b(?:just|only) (?:one|two|\d+)\b|\bone (?:ticket|seat)\b", re.I
)


_TICKET = re.compile(r"\bticket [A-Z]+_\w+")  # a person has the matter already

NO_ORDERS = (
    "I see no orders of yours here. If you bought under another account, a person can look into it; just ask. "
    "Is there an event you would like tickets for?"
)
_NO_COMING = (
    "I see no order of yours for a coming event. If you bought under another account, a person can look into it; "
    "just ask. Is there an event you would like tickets for?"
)


def show_orders(d: Dialogue) -> Act:
    """One order or all of them."""
    step = known_orders(d)
    if step:
        return step
    asked = d.turn.heard.slots.order_id if d.turn.heard else None
    if asked:
        return Say(_line(d, d.orders[asked]) + ".")
    if not d.orders:
        return Say(NO_ORDERS)
    lead = "Here is your order:" if len(d.orders) == 1 else "Here are your orders:"
    return Say(f"{lead}\n{phrases.numbered([_line(d, order) for order in list(d.orders.values())[:10]])}")


def _line(d: Dialogue, order: OrderView) -> str:
    event = d.events.get(order.event_id)
    # the order's start has the venue's offset: its own hour is what the venue's clocks show
    starts = event.local_start if event else order.starts_at.strftime("%a %-d %b %Y, %H:%M")
    return phrases.order_line(order, starts)


def known_orders(d: Dialogue) -> Act | None:
    """The call or the words that are due before the customer's orders are known; None when they are."""
    wanted = d.turn.heard.slots.order_id if d.turn.heard else None
    tool, arguments = ("get_order", {"order_id": wanted}) if wanted else ("list_orders", {})
    if (wanted in d.orders) if wanted else d.orders_listed:
        return None
    failed = d.turn.failures(tool)
    if failed and failed[-1].code.endswith("not_found"):
        return Say(f"I can't find the order {wanted} among yours. Ask me for your orders to see them all.")
    if failed:
        return Say(f"I couldn't look up your orders just now, sorry. {Asked.RETRY.value}")
    if not d.can(tool):
        return Say(phrases.NO_TOOL)
    return Call(tool, arguments)


def _choose_order(d: Dialogue) -> Act | OrderView:
    """The order to change, or the step that finds out which."""
    known = d.orders.get(d.order_focus or "")
    if known is None:
        step = known_orders(d)
        if step:
            return step
        known = d.orders.get(d.order_focus or "")
    if known is not None:
        return known
    open_orders = [o for o in d.orders.values() if o.seats and o.starts_at > d.now]
    if not open_orders:
        return Say(_NO_COMING)
    if len(open_orders) == 1:
        d.order_focus = open_orders[0].order_id
        return open_orders[0]
    listed = phrases.numbered([_line(d, order) for order in open_orders[:10]])
    return Say(f"You have these orders:\n{listed}\n{Asked.ORDER.value}")


def upgrade(d: Dialogue) -> Act:
    """Towards an upgrade that the customer is asked to confirm."""
    failed = d.turn.failures("upgrade_tickets")
    if failed:
        return _change_failed(d, failed[-1].code, failures.charge_failed(d, failed[-1]), failures.reason(failed[-1]))
    order = _choose_order(d)
    if not isinstance(order, OrderView):
        return order
    if d.upgrade_delta is None and d.upgrade_section is None and not (d.upgrade_any or d.turn.affirmed):
        return Say(f"{_line(d, order)}. {Asked.LIMIT.value}")
    arguments: dict[str, Any] = {"order_id": order.order_id}
    if d.upgrade_section:
        arguments["target_section"] = d.upgrade_section
    if d.upgrade_delta is not None:
        arguments["max_price_delta"] = to_major(d.upgrade_delta, order.currency)
    return _propose(d, "upgrade_tickets", arguments)


def refund(d: Dialogue) -> Act:
    """Towards a refund that the customer is asked to confirm."""
    failed = d.turn.failures("refund_order")
    if failed:
        return _change_failed(d, failed[-1].code, failures.charge_failed(d, failed[-1]), failures.reason(failed[-1]))
    order = _choose_order(d)
    if not isinstance(order, OrderView):
        return order
    if not order.seats:
        return Say(f"The order {order.order_id} is already {order.status}.")
    back = [seat for seat in order.seats if seat.number in d.refund_numbers]
    if not back and len(order.seats) > 1 and _PART.search(d.turn.text) and d.turn.asked is not Asked.SEATS_BACK:
        return Say(f"{_line(d, order)}. {Asked.SEATS_BACK.value}")
    arguments: dict[str, Any] = {"order_id": order.order_id}
    if back and len(back) < len(order.seats):
        arguments["seat_ids"] = [seat.id for seat in back]
    return _propose(d, "refund_order", arguments)


def _propose(d: Dialogue, action: str, arguments: dict[str, Any]) -> Act:
    """The call, unless exactly this waits for the customer's yes already."""
    if d.proposal and d.proposal_action == action and call_key(d.proposal_arguments) == call_key(arguments):
        return Say(phrases.NEED_YES)
    return Call(action, arguments)


def exchange(d: Dialogue) -> Act:
    """No flow of this engine: says so and names the ways there are."""
    return offer_person(
        "I can't exchange tickets myself in this chat; the box office exchanges them where the event's policy allows. "
        "I can upgrade your seats for the same event, or refund an order where its policy allows and book another."
    )


def _change_failed(d: Dialogue, code: str, charge: str, refusal: str) -> Act:
    d.task = Task.NONE
    if code in failures.DECLINED | failures.UNKNOWN_OUTCOME | failures.PRICE_MOVED:
        return Say(charge)
    if code == "event_cancelled":
        return Say(f"{refusal} The box office refunds the orders for it; ask me for your orders to see yours.")
    if _TICKET.search(refusal):
        return Say(f"That isn't possible by itself: {refusal} Your order stays as it is.")
    if code == "no_better_seats":
        return Say(_no_better(d, refusal))
    return offer_person(f"That isn't possible: {refusal} Your order stays as it is.")


def _no_better(d: Dialogue, refusal: str) -> str:
    """That the seats are the best there are, or what stands in the way of better ones."""
    kept = "Your order stays as it is."
    if d.upgrade_section:
        return f"{refusal} {kept} {Asked.LIMIT.value}"
    if CHEAPEST_UPGRADE.search(refusal):
        return f"{refusal} {kept} {Asked.LIMIT.value}"
    if d.upgrade_delta is not None and re.search(r"\bwithin\b", refusal):
        return f"{refusal} {kept} {Asked.PERSON.value}"
    return f"Your seats are already the best that are free, so there is nothing to upgrade to. {kept}"
