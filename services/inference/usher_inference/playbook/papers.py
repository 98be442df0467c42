"""What belongs to an order beside the seats: its tickets with QR codes, its receipt; and the store credit there is."""

import re

from usher_inference.playbook import phrases
from usher_inference.playbook.acts import Act, Call, Say
from usher_inference.playbook.orders import NO_ORDERS, known_orders
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.state import Dialogue
from usher_shared.contracts.tools import OrderView

_RECEIPT = re.compile(r"\b(?:receipts?|invoices?|proof of purchase)\b", re.IGNORECASE)
_MOST_SHOWN = 5


def show(d: Dialogue) -> Act:
    """Where the tickets or the receipt of an order are; neither can be shown in a chat."""
    receipt = _RECEIPT.search(d.turn.text) is not None
    buying = d.wish.has_criteria() or d.hold is not None
    if buying and not d.orders and not d.order_focus:
        thing = "receipt" if receipt else "tickets, each with a QR code for the door,"
        verb = "is" if receipt else "are"
        return Say(
            f"Your {thing} {verb} in your account as soon as the order is placed. {phrases.resumed(d.turn.asked)}"
        )
    step = known_orders(d)
    if step:
        return step
    named = [d.orders[id] for id in (d.order_focus, *d.order_pool) if id in d.orders]
    found = named or [order for order in d.orders.values() if order.seats or receipt]
    if not found:
        return Say(NO_ORDERS)
    told = [_receipt(order) if receipt else _tickets(order) for order in found[:_MOST_SHOWN]]
    where = (
        "I can't show a receipt in this chat; you find it in your account, with the order."
        if receipt
        else "I can't show QR codes or send tickets in this chat; you find them in your account, with the order. "
        "After a change only the newest ones count."
    )
    return Say(f"{where} {' '.join(told)} {phrases.resumed(d.turn.asked)}".strip())


def _tickets(order: OrderView) -> str:
    return f"Order {order.order_id}: {order.event_name}, {phrases.seats(order.seats)}."


def _receipt(order: OrderView) -> str:
    """What was paid and given back for the order, change by change."""
    changes = [f"{phrases.money(change.amount, order.currency)} ({change.change})" for change in order.history]
    listed = f": {'; '.join(changes)}" if len(changes) > 1 else ""
    total = phrases.money(order.total, order.currency)
    return f"Order {order.order_id} for {order.event_name} comes to {total}{listed}."


def balance(d: Dialogue) -> Act:
    """The customer's store credit."""
    if d.turn.failures("get_credit"):
        return Say(f"I couldn't look up your store credit just now, sorry. {Asked.RETRY.value}")
    if d.credits is None:
        return Call("get_credit")
    amounts = [phrases.money(one.balance, one.currency) for one in d.credits.credits if one.balance > 0]
    back = phrases.resumed(d.turn.asked)
    if not amounts:
        return Say(f"You have no store credit at the moment. {back}".strip())
    return Say(
        f"You have {phrases.listing(amounts)} of store credit. It pays for your next purchase by itself. {back}".strip()
    )
