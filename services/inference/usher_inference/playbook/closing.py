"""What is said once something has been done: bought, upgraded, refunded, released, handed over."""

from usher_inference.playbook import phrases
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.state import Dialogue
from usher_inference.playbook.transcript import Done, Proposed
from usher_shared.contracts.tools import HoldReleased, OrderCreated, OrderRefunded, SupportTicket, TicketsUpgraded


def report(d: Dialogue, step: Done) -> str | None:
    """The words for a finished act; None when the conversation goes on from there."""
    match step.result:
        case OrderCreated() as order:
            event = d.events.get(order.event_id)
            what = f"{event.name}, {event.local_start}, {event.venue}" if event else order.event_name
            return (
                f"You're all set! Order {order.order_id} is confirmed: {what}. "
                f"Your seats: {phrases.seats(order.seats)}. "
                f"Total charged: {phrases.money(order.total, order.currency)}. {_next(d) or 'Enjoy the event!'}"
            )
        case TicketsUpgraded() as change:
            return (
                f"Done! Order {change.order_id} is upgraded: {phrases.seats(change.seats)}. "
                f"Price difference: {phrases.money(change.price_delta, change.currency)}; "
                f"new total: {phrases.money(change.total, change.currency)}."
            )
        case OrderRefunded() as back:
            part = "partly refunded" if back.status == "partially_refunded" else "refunded"
            return (
                f"Done. Order {back.order_id} is {part}: {phrases.money(back.refunded, back.currency)} "
                "goes back to you."
            )
        case SupportTicket() as ticket:
            return f"I've passed this on to a person. Your support ticket is {ticket.ticket_id}."
        case Proposed() as proposal:
            return _ask(proposal)
        case HoldReleased() if d.turn.declined:
            return f"All right: nothing was charged and the seats are free again. {_next(d) or Asked.KEEP_BUYING.value}"
        case HoldReleased():
            return "All right, I've let the seats go; nothing was charged. Is there anything else I can do for you?"
    return None


def _next(d: Dialogue) -> str:
    """The offer to take up what else the customer asked for."""
    return f"You also asked for {phrases.quoted(d.later)}. {Asked.NEXT.value}" if d.later else ""


def _ask(proposal: Proposed) -> str:
    parts = [proposal.summary.strip()]
    if proposal.total is not None and proposal.currency:
        parts.append(f"Total: {phrases.money(proposal.total, proposal.currency)}.")
    parts += [proposal.policy.strip(), "Do you want me to go ahead? Please answer yes or no."]
    return " ".join(part for part in parts if part)
