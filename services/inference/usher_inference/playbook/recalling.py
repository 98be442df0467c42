"""As last time: what the customer's last order says fills in what the message leaves open."""

from usher_inference.playbook.acts import Act, Call
from usher_inference.playbook.events import learn_names
from usher_inference.playbook.naming import names_something
from usher_inference.playbook.state import Dialogue


def recall(d: Dialogue) -> Act | None:
    """The call for the customer's orders, where they are referred to; None when they are known or cannot be had."""
    if d.wish.repeats and d.orders and d.focus is None and not d.wish.has_criteria():
        unread = learn_names(d)
        if unread is None:
            d.wish.query = next(iter(d.orders.values())).event_name
        return unread
    if not d.wish.repeats or d.orders_listed or d.turn.failures("list_orders") or not d.can("list_orders"):
        return None
    return Call("list_orders")


def recall_last(d: Dialogue) -> None:
    """Number, section and event of the last order, for what was not said; certain seats are free or not by chance."""
    last = next(iter(d.orders.values()), None)  # they are listed newest first
    wish = d.wish
    if not wish.repeats or last is None:
        return
    bought = last.seats
    if bought:
        wish.quantity = wish.quantity or len(bought)
        sections = {seat.section for seat in bought}
        named = wish.section or wish.cheapest or wish.each or wish.total
        if len(sections) == 1 and not named:
            wish.section = bought[0].section
    elsewhere = wish.query or wish.city or wish.category or d.focus or names_something(d)
    if not elsewhere:
        wish.query = last.event_name
