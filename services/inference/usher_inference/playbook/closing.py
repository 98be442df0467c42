"""What is said once something has been done: bought, upgraded, refunded, released, handed over."""

from usher_inference.playbook import phrases
from usher_inference.playbook.exchanges import tell_exchanged
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.state import Dialogue
from usher_inference.playbook.transcript import Done, Proposed
from usher_inference.playbook.waiting import tell_joined, tell_left
from usher_shared.contracts.tools import (
    HoldReleased,
    OrderCreated,
    OrderCredited,
    OrderExchanged,
    OrderRefunded,
    SupportTicket,
    TicketsUpgraded,
    WaitListEntry,
)


def report(d: Dialogue, step: Done) -> str | None:
    """The words for a finished act; None when the conversation goes on from there."""
    match step.result:
        case OrderCreated() | TicketsUpgraded() | OrderExchanged() | OrderRefunded() | OrderCredited() as changed:
            return _tell_change(d, changed)
        case WaitListEntry() as entry:
            return tell_joined(d, entry) if step.tool == "join_wait_list" else tell_left(entry)
        case SupportTicket() as ticket:
            return f"I've passed this on to a person. Your support ticket is {ticket.ticket_id}."
        case Proposed() as proposal:
            return _ask(proposal)
        case HoldReleased():
            return _tell_released(d)
    return None


def _tell_change(
    d: Dialogue, done: OrderCreated | TicketsUpgraded | OrderExchanged | OrderRefunded | OrderCredited
) -> str:
    match done:
        case OrderCreated() as order:
            event = d.events.get(order.event_id)
            what = f"{event.name}, {event.local_start}, {event.venue}" if event else order.event_name
            return (
                f"You're all set! Order {order.order_id} is confirmed: {what}. "
                f"Your seats: {phrases.seats(order.seats)}. {_paid(order)} Enjoy the event!"
            )
        case TicketsUpgraded() as change:
            return (
                f"Done! Order {change.order_id} is upgraded: {phrases.seats(change.seats)}. "
                f"Price difference: {phrases.money(change.price_delta, change.currency)}; "
                f"new total: {phrases.money(change.total, change.currency)}."
            )
        case OrderExchanged() as exchanged:
            return tell_exchanged(d, exchanged)
        case OrderRefunded() as back:
            part = "partly refunded" if back.status == "partially_refunded" else "refunded"
            amount = phrases.money(back.refunded, back.currency)
            return f"Done. Order {back.order_id} is {part}: {amount} goes back to you{_as_credit(back)}."
        case OrderCredited() as given:
            part = "partly given back" if given.status == "partially_credited" else "given back"
            amount, balance = (phrases.money(sum, given.currency) for sum in (given.credited, given.balance))
            return (
                f"Done. Order {given.order_id} is {part}: you have {amount} more store credit, {balance} in all. "
                "It pays for your next purchase by itself."
            )


def _tell_released(d: Dialogue) -> str:
    if d.turn.declined_action == "exchange_order":
        return (
            "All right, nothing was exchanged: your tickets stay as they are, and the new seats are free again. "
            f"{Asked.KEEP_BUYING.value}"
        )
    if d.turn.declined:
        return f"All right: nothing was charged and the seats are free again. {Asked.KEEP_BUYING.value}"
    return "All right, I've let the seats go; nothing was charged. Is there anything else I can do for you?"


def _paid(order: OrderCreated) -> str:
    """The total, and what of it store credit paid."""
    total = f"Total charged: {phrases.money(order.total, order.currency)}."
    if not order.credit:
        return total
    used = phrases.money(order.credit, order.currency)
    return f"Total: {phrases.money(order.total, order.currency)}, {used} of it paid with store credit."


def _as_credit(back: OrderRefunded) -> str:
    return f", {phrases.money(back.credit, back.currency)} of it as store credit" if back.credit else ""


def _ask(proposal: Proposed) -> str:
    parts = [proposal.summary.strip()]
    if proposal.total is not None and proposal.currency:
        parts.append(f"Total: {phrases.money(proposal.total, proposal.currency)}.")
    parts += [proposal.policy.strip(), "Do you want me to go ahead? Please answer yes or no."]
    return " ".join(part for part in parts if part)
