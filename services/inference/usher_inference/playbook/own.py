"""Questions about the customer's own seats and money: those bought, those held, those just offered."""

import re
from collections.abc import Callable, Sequence

from rapidfuzz import fuzz

from usher_inference.playbook import phrases
from usher_inference.playbook.acts import Act, Call, Say
from usher_inference.playbook.order_wishes import likeness
from usher_inference.playbook.orders import NO_ORDERS, known_orders, show_orders
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.seats import Beside, choose
from usher_inference.playbook.state import Dialogue, Task
from usher_inference.playbook.wishes import asks_day
from usher_inference.understanding import Topic
from usher_shared.contracts.tools import OrderView, SeatOffer

_PAID = re.compile(
    r"\b(?:how much|what) (?:did|have|was|were) (?:i|we)(?: \w+)? (?:pay|paid|spend|spent|charged)\b|"
    r"\b(?:what|how much) (?:was|were|is|did) (?:i|we|my (?:card|total)|the (?:charge|final (?:total|price)))\b.*"
    r"\b(?:charged?|total|cost|pay)|\bhow much (?:was|did) (?:it|that|this|they|the (?:tickets|order|total))\b|"
    r"\b(?:total|amount) (?:i|we) paid\b|\bwhat was (?:my|the) total\b|\bdid you charge\b",
    re.IGNORECASE,
)
_IN_ALL = re.compile(r"\b(?:fees?|total|in all|altogether|all[- ]in)\b", re.IGNORECASE)
_WHERE = re.compile(
    r"\bhow many (?:tickets|seats) (?:do|did|have) (?:i|we) (?:have|buy|bought|get|got|order(?:ed)?)\b|"
    r"\b(?:which|what) (?:seats?|rows?|sections?|numbers?)(?: \w+)? (?:do|did|have|are|am|will|would|is) "
    r"(?:i|we|mine|ours|they|those|these|it)\b|\bwhat are (?:my|our|the|those|these) seats?\b|"
    r"\bwhere (?:do|will|would|are|am|is) (?:i|we|my|our|they|those|these|the seats?)\b(?!.*\b(?:park|venue|arena|"
    r"theat|enter|pick|car\b|cars\b|drop|meet|eat|stay|get in)).*?(?:sit|seats?|seated|sitting|they|those|these)?\W*$|"
    r"\bwhere (?:do|will|would|are) (?:i|we) (?:be )?(?:sit|sitting|seated)\b",
    re.IGNORECASE,
)
_BESIDE = re.compile(
    r"\b(?:are|is|will|would|do|am)\b.*\b(?:together|adjacent|next to (?:each other|one another)|side[- ]by[- ]side|"
    r"beside each other|split up|apart|same row|in one row|in a row)\b|\b(?:adjacent|together|side by side)\s*\?",
    re.IGNORECASE,
)


_REFUNDED = re.compile(
    r"\b(?:did|have|has|was|were) (?:i|we|it|that|they|my|the) .*\b(?:refund|money back|refunded)|"
    r"\bwhen (?:do|will) (?:i|we) (?:get|see|receive) (?:my|our|the) (?:money|refund)",
    re.IGNORECASE,
)


_WHY_OFF = re.compile(
    r"\b(?:why|was|is|has|been|got|did you|when)\b.*\bcancel+ed\b|"
    r"\b(?:do|will|when|did|have|where) .*\bmoney back\b|"
    r"\bwhat(?:'s| is| has)? happen(?:ed|ing) (?:to|with) (?:my|our|the)\b",
    re.IGNORECASE,
)

_MINE = re.compile(r"\b(?:my|our) (?:seats?|rows?|sections?|places?|tickets?)\b", re.IGNORECASE)
_SAME = 85.0
_SPEAK_FOR_THEMSELVES = (
    Task.UPGRADE,
    Task.REFUND,
    Task.CREDIT,
    Task.EXCHANGE,
    Task.ORDERS,
    Task.PAPERS,
    Task.WAITING,
    Task.LEAVE,
    Task.BALANCE,
)
_SUPPOSED = re.compile(r"\b(?:if|in case)\b", re.IGNORECASE)


def answer(d: Dialogue) -> Act | None:
    """The answer from the seats in question; None when the message asks nothing of the kind."""
    text, asked_now = d.turn.text, d.turn.seat_terms_changed
    pending = _pending(d)
    if _PAID.search(text) and not asked_now:
        if pending and d.hold:
            return None
        return _of_order(d, _tell_paid)
    if _REFUNDED.search(text) and not d.proposal:
        return _of_order(d, _tell_refund)
    if asked_now or d.task in _SPEAK_FOR_THEMSELVES:
        return None
    costs = d.turn.topic in (Topic.PRICE, Topic.FEES) and _IN_ALL.search(text) is not None
    if costs and pending is None and d.order_focus and not d.wish.has_criteria():
        return _of_order(d, _tell_paid)
    if pending and d.turn.topic in (Topic.PRICE, Topic.FEES) and not d.proposal:
        return _tell_cost(d, pending)
    where, beside = _WHERE.search(text), _BESIDE.search(text)
    if (not where and not beside) or (pending is None and not _MINE.search(text) and _names_another(d)):
        return None
    if pending:
        return _tell_pending(d, pending, where=where is not None)
    if d.wish.has_criteria() and d.order_focus is None and not _MINE.search(text):
        return None
    return _of_order(d, _tell_where if where else _tell_order_beside)


def tell_date(d: Dialogue) -> Act | None:
    """Whether the event in question is on the day that is asked about; None when nothing of the kind is asked."""
    slots = d.turn.heard.slots if d.turn.heard else None
    order = d.orders.get(d.order_focus or "")
    event = d.event or (d.events.get(order.event_id) if order else None)
    if slots is None or slots.date is None or event is None or slots.event or slots.quantity:
        return None
    if d.turn.done or not asks_day(d.turn.text):
        return None
    right = "Yes" if slots.date.covers(event.starts_at.date()) else "No"
    return Say(f"{right}, {event.name} is on {event.local_start}. {phrases.resumed(d.turn.asked)}".strip())


def _names_another(d: Dialogue) -> bool:
    """Whether the message names an event that no order is for: then the question is about that event."""
    named = d.turn.heard.slots.event if d.turn.heard else None
    return named is not None and not any(likeness(named.name, o.event_name) >= _SAME for o in d.orders.values())


def _pending(d: Dialogue) -> Sequence[SeatOffer] | None:
    """The seats held, or else the seats that the last text offered."""
    if d.hold:
        return d.hold.seats
    return d.offer if d.offer and d.turn.asked is Asked.OFFER else None


def tell_bought(d: Dialogue, name: str | None) -> Act | None:
    """Where the customer sits at the show of that name; None where that is not asked, or no order is for it."""
    if name is None or not _WHERE.search(d.turn.text) or not (d.order_focus or d.orders):
        return None
    fitting = [o for o in d.orders.values() if o.seats and likeness(name, o.event_name) >= _SAME]
    if not fitting and not d.orders_listed:
        return known_orders(d)
    return Say(" ".join(_tell_where(order) for order in fitting)) if fitting else None


def _tell_pending(d: Dialogue, pending: Sequence[SeatOffer], *, where: bool) -> Act:
    if where and d.hold and (bought := _bought_beside_hold(d)):
        return bought
    told = _tell_seats(d, pending) if where else _tell_beside(_lie(d, pending), pending)
    return Say(f"{told} {_open_question(d)}".strip())


def _bought_beside_hold(d: Dialogue) -> Act | None:
    """While seats are held, a question about one's tickets is about those bought before, if there are any."""
    bought = [order for order in d.orders.values() if order.seats]
    if d.proposal or not (d.order_focus or bought):
        return None
    step = known_orders(d)
    if step:
        return step
    told = " ".join(_tell_where(order) for order in bought[:3])
    if not told or d.hold is None or d.event is None:
        return None
    held = f"Those for {d.event.name} are only held, not bought: {phrases.seats(d.hold.seats)}."
    return Say(f"{told} {held} {_open_question(d)}".strip())


def _tell_cost(d: Dialogue, chosen: Sequence[SeatOffer]) -> Act | None:
    """What the seats in question come to; of held ones with the fees, which the box office is asked for."""
    arguments = {"action": "create_order", "arguments": {"hold_id": d.hold.hold_id if d.hold else ""}}
    if d.hold and d.can("quote") and not d.turn.failures("quote"):
        quote = d.quotes.get(d.hold.hold_id)
        if quote is None:
            return Call("quote", arguments)
        total, fees = phrases.money_minor(quote.total_minor, quote.currency), phrases.money(quote.fees, quote.currency)
        return Say(f"S{phrases.seats(chosen)[1:]}: {total} in all, {fees} of it fees. {_open_question(d)}".strip())
    cost = phrases.seats_with_prices(chosen, d.currency, _lie(d, chosen))
    return Say(f"{cost[0].upper()}{cost[1:]}. You see the full total before anything is charged. {_open_question(d)}")


def _open_question(d: Dialogue) -> str:
    open_one = d.turn.asked in (Asked.OFFER, Asked.PREPARE) and not d.proposal
    return d.turn.asked.value if open_one and d.turn.asked else ""


def _tell_seats(d: Dialogue, chosen: Sequence[SeatOffer]) -> str:
    held = "I hold" if d.hold else "That would be"
    return f"{held} {phrases.seats(chosen)}; nothing is bought yet."


def _lie(d: Dialogue, chosen: Sequence[SeatOffer]) -> Beside:
    """How the seats lie: as the listing that they came from says, else by their numbers."""
    ids = {seat.id for seat in chosen}
    for inventory in d.checks.values():
        pick = choose(inventory, d.wish)
        if {seat.id for seat in pick.seats} == ids:
            return pick.beside
    return _by_numbers(chosen)


def _by_numbers(chosen: Sequence[SeatOffer]) -> Beside:
    if len({(seat.section, seat.row) for seat in chosen}) > 1:
        return Beside.APART
    numbers = sorted(int(seat.number) for seat in chosen if seat.number.isdecimal())
    if len(numbers) == len(chosen) and numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        return Beside.TOGETHER
    return Beside.ROW


def _tell_beside(beside: Beside, chosen: Sequence[SeatOffer]) -> str:
    where = phrases.seats(chosen)
    if len(chosen) == 1:
        return f"It is a single seat: {where}."
    told = {
        Beside.TOGETHER: f"Yes, they are side by side: {where}.",
        Beside.ROW: f"They are in one row: {where}. Whether they touch I can't tell from the numbers.",
        Beside.APART: f"No, they are not all next to each other: {where}.",
    }
    return told[beside]


def _of_order(d: Dialogue, tell: Callable[[OrderView], str]) -> Act:
    order = _order(d)
    return Say(tell(order)) if isinstance(order, OrderView) else order


def _order(d: Dialogue) -> Act | OrderView:
    """The order last spoken of, else the only one, else the list of them."""
    if d.order_focus:
        known = d.orders.get(d.order_focus)
        arguments = {"order_id": d.order_focus}
        if known is None and d.can("get_order") and not d.turn.tried("get_order", arguments):
            return Call("get_order", arguments)
        if known is not None:
            return known
    step = known_orders(d)
    if step:
        return step
    if not d.orders:
        return Say(NO_ORDERS)
    named = d.turn.heard.slots.event if d.turn.heard else None
    fitting = [o for o in d.orders.values() if named is None or likeness(named.name, o.event_name) >= _SAME]
    return fitting[0] if len(fitting) == 1 else show_orders(d)


def tell_called_off(d: Dialogue) -> Act | None:
    """What became of the customer's orders for events that were cancelled; None where none was, or it is not asked."""
    asked = _WHY_OFF.search(d.turn.text) and not _SUPPOSED.search(d.turn.text)
    if d.proposal or d.hold or not asked:
        return None
    if not d.orders_listed and not d.turn.failures("list_orders") and d.can("list_orders"):
        return Call("list_orders")
    named = d.turn.heard.slots.event if d.turn.heard else None
    off = [order for order in d.orders.values() if phrases.called_off(order)]
    meant = [
        order for order in off if named and fuzz.token_set_ratio(named.name.lower(), order.event_name.lower()) > 85
    ]
    told = [f"Order {order.order_id} for {order.event_name}: {phrases.called_off(order)}." for order in meant or off]
    return Say(" ".join(told[:3])) if told and (meant or not named) else None


def _tell_paid(order: OrderView) -> str:
    total = phrases.money(order.total, order.currency)
    back = {"refunded": " It has been refunded.", "partially_refunded": " Part of it has been refunded."}
    what = f"{order.event_name}, {phrases.seats(order.seats)}" if order.seats else order.event_name
    return f"Order {order.order_id} comes to {total} in all, fees included: {what}.{back.get(order.status, '')}"


def _tell_refund(order: OrderView) -> str:
    state = {"refunded": "has been refunded", "partially_refunded": "has been refunded in part"}
    off = phrases.called_off(order)
    if off:
        return (
            f"Order {order.order_id} ({order.event_name}): {off}. How long it takes depends on your payment provider."
        )
    when = " How long it takes to reach you depends on your payment provider." if order.status in state else ""
    return f"Order {order.order_id} ({order.event_name}) {state.get(order.status, 'has not been refunded')}.{when}"


def _tell_where(order: OrderView) -> str:
    if not order.seats:
        why = phrases.called_off(order) or f"it was {order.status}"
        return f"Order {order.order_id} has no seats any more; {why}."
    return f"Your seats for {order.event_name}: {phrases.seats(order.seats)} (order {order.order_id})."


def _tell_order_beside(order: OrderView) -> str:
    return _tell_beside(_by_numbers(order.seats), order.seats) if order.seats else _tell_where(order)
