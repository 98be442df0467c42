"""Exchanging tickets: which order, what instead; then the seats are chosen as in a purchase, and the tickets pay.

`d.exchanged` names the order while such a purchase runs. It ends with an exchange, or with the held seats given back.
"""

import re

from usher_inference.playbook import failures, phrases
from usher_inference.playbook.acts import Act, Call, Say
from usher_inference.playbook.events import learn_names
from usher_inference.playbook.naming import unknown_words
from usher_inference.playbook.order_wishes import likeness
from usher_inference.playbook.orders import choose_order, seats_meant
from usher_inference.playbook.parts import pick
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.smalltalk import offer_person
from usher_inference.playbook.state import Dialogue, Task, Wish
from usher_inference.understanding import Comparative, Intent, Slots
from usher_shared.contracts.tools import OrderExchanged, OrderView

_OWN_NAME = 85.0  # at least so alike, a word is part of the name of the event given up
_MONEY = re.compile(r"\b(?:refund|money|cash|credits?|vouchers?)\b", re.IGNORECASE)
_TICKETS = r"(?:tickets?|tix|seats?|orders?|bookings?|purchase|ones?|them|it)"
_OLD_FOR_NEW = re.compile(
    rf"^(?P<old>.*?\b(?:exchang|swap|trad|switch|mov|chang|rebook|reschedul|transfer)\w*\b.*?\b{_TICKETS}\b.*?)\s+"
    r"(?:to|for|into|with|on|instead of)\s+(?P<new>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_NAMED_OLD = re.compile(  # "... for Hamlet to Adele": what stands between is the old event
    r"^(?P<old>(?!\d|two|three|four|a |an |another|other|different|some|better|cheaper|section|seats?\b|tickets?\b)"
    r"[\w'&.,: -]{2,60}?)\s+(?:to|for|into|with)\s+(?P<new>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_NEW_INSTEAD_OF_OLD = re.compile(
    r"\b(?:go|come|get|have|see|be|attend)\b(?: to| on)? (?P<new>.+?) instead of (?:the |my |our )?(?P<old>[^.!?;]+)",
    re.IGNORECASE | re.DOTALL,
)
_WANTED_INSTEAD = re.compile(
    r"^(?P<old>.*?)[\s.;,!]+(?:and |but |so )?(?:i|we)(?:'d| would)? (?:want|like|need|prefer|rather have|take)"
    r"(?: to (?:have|get|see))? (?P<new>.+?) instead\b(?! of)",
    re.IGNORECASE | re.DOTALL,
)
_NEEDED_INSTEAD_OF = re.compile(
    r"\b(?:need|want|meant|like|prefer) (?P<new>[\w' .-]{2,60}?) (?:instead of|and not|not|rather than) "
    r"(?:the |my |our )?(?P<old>[\w' .-]{2,60})\W*$",
    re.IGNORECASE,
)
_TARGET_ONLY = re.compile(
    r"^\W*(?:(?:can|could) (?:i|we|you) )?"
    r"(?:swap|exchange|rebook|move|switch|change) (?:over )?(?:to|for) (?P<new>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_SAME_SECTION = re.compile(r"\bsame (?:section|seats|area|block|places?|spots?)\b", re.IGNORECASE)
_SAME = re.compile(r"\bsame (?:game|show|event|concert|match|gig|date|day|night|one)\b", re.IGNORECASE)
_RATHER_THAN = re.compile(
    r"\brather (?:go to|go and see|see|have|be at|attend|do|watch) (?P<new>.+?) than (?:to )?(?:the |my |our )?"
    r"(?P<old>[^.!?;]+)",
    re.IGNORECASE,
)
_OTHER_DATE = re.compile(
    r"\b(?:another|different|other|later|earlier|new) (?:date|day|night|time|show|performance|evening)s?\b",
    re.IGNORECASE,
)
_OTHER_EVENT = re.compile(r"\b(?:another|different|other) (?:event|concert|game|match|show|gig)\b", re.IGNORECASE)
_OTHER_SEATS = re.compile(
    r"\b(?:another|different|other|better|cheaper) (?:seats?|sections?|rows?|places?|spots?|ones)\b", re.IGNORECASE
)
_HELD = re.compile(r"^\W*(?:these|those|them|the (?:held|new) (?:ones|seats|tickets)|what you hold)\b", re.IGNORECASE)


def split_exchange(text: str) -> tuple[str, str]:
    """What is said of the tickets to give up, and of what is wanted instead ("" where nothing is)."""
    swapped = _RATHER_THAN.search(text) or _NEW_INSTEAD_OF_OLD.search(text)
    if swapped:
        more = _OLD_FOR_NEW.match(f"{text[: swapped.start()]} {text[swapped.end() :]}".strip())
        return swapped["old"], f"{swapped['new']}, {more['new']}" if more else swapped["new"]
    instead = _NEEDED_INSTEAD_OF.search(text)
    if instead:
        return f"{text[: instead.start()]} {instead['old']}", instead["new"]
    wanted = _WANTED_INSTEAD.match(text)
    if wanted:
        return wanted["old"], wanted["new"]
    bare = _TARGET_ONLY.match(text)
    if bare:
        return "", bare["new"]
    named = _OLD_FOR_NEW.match(text)
    if named is None:
        return text, ""
    old, new = named["old"], named["new"]
    inner = _NAMED_OLD.match(new)
    return (f"{old} for {inner['old']}", inner["new"]) if inner else (old, new)


def names_target(text: str) -> bool:
    """Whether the message says what is wanted instead, so that it asks for the exchange and not for its rules."""
    new = split_exchange(text)[1]
    return bool(new) and _MONEY.search(new) is None


def begin_exchange(d: Dialogue, *, keeps_hold: bool) -> None:
    """The wishes of an exchange take the place of those of a purchase; held seats stay where they are meant."""
    d.exchanged = None
    if keeps_hold and d.hold:
        d.wish.buying = True
        return
    d.hold_stale = d.hold is not None
    d.wish, d.focus, d.listed, d.offer = Wish(), None, (), ()
    d.checks.clear()


def speaks_of_held(d: Dialogue, new: str) -> bool:
    """ "... for these": the seats that are held already."""
    return d.hold is not None and _HELD.match(new) is not None


def settle_exchange(d: Dialogue) -> Act | None:
    """The step that is due before new seats are looked for; None when order and target are settled."""
    order = choose_order(d)
    if not isinstance(order, OrderView):
        return order
    if not order.seats:
        return Say(f"The order {order.order_id} has no tickets any more: it was {order.status}.")
    seats = seats_meant(d, order, Asked.SEATS_PART)
    if isinstance(seats, Say):
        return seats
    text, wish = d.turn.text, d.wish
    if _SAME.search(text) and d.hold is None:
        wish.category, wish.query, d.focus = None, None, order.event_id
    elif d.hold is None and not wish.query and d.focus is None and _may_name(d, order):
        unread = learn_names(d)
        if unread:
            return unread
    old = {seat.section for seat in seats}
    if len(old) == 1 and wish.section is None and _SAME_SECTION.search(f"{d.turn.order_words} {text}"):
        wish.section = seats[0].section
    elsewhere = bool(wish.query or wish.city or wish.category or (d.focus and d.focus != order.event_id))
    same_event = bool(wish.section or wish.row or wish.each or wish.cheapest or wish.seat_numbers or wish.seat_ids)
    if d.hold is None and not elsewhere:
        if wish.date or wish.time_of_day or (_OTHER_DATE.search(text) and not _OTHER_SEATS.search(text)):
            wish.query = order.event_name
            wish.section = wish.section or _like_old(d, [seat.section for seat in seats])
            if wish.date is None or not wish.date.covers(order.starts_at.date()):
                wish.other_than = wish.other_than | {order.event_id}
        elif same_event or _OTHER_SEATS.search(text):
            d.focus = order.event_id
        elif not wish.browsing or _OTHER_EVENT.search(text) or d.turn.asked is not Asked.INSTEAD:
            return Say(f"{_given_up(order, len(seats))} {Asked.INSTEAD.value}")
    wish.quantity = wish.quantity or len(seats)
    wish.buying = wish.buying or bool(elsewhere or same_event or wish.query)
    d.exchanged, d.task = order.order_id, Task.PURCHASE
    d.order_focus = order.order_id
    return None


def _like_old(d: Dialogue, sections: list[str]) -> str | None:
    """The section of the old seats, where nothing else was said of the new ones."""
    wish = d.wish
    other = wish.row or wish.each or wish.total or wish.cheapest or wish.avoid or wish.accessible or wish.seat_ids
    return sections[0] if len({*sections}) == 1 and not other and not _OTHER_SEATS.search(d.turn.text) else None


def _may_name(d: Dialogue, order: OrderView) -> bool:
    """Whether the words of what is wanted may hold an event's name that is not known yet."""
    return d.turn.exchanging and any(likeness(word, order.event_name) < _OWN_NAME for word in unknown_words(d))


def _given_up(order: OrderView, count: int) -> str:
    return f"Your {phrases.count(count, 'ticket')} for {order.event_name}: {phrases.seats(order.seats)}."


def hear_other_seats(d: Dialogue, slots: Slots) -> None:
    """ "Cheaper ones", said of the tickets of an order: measured by what those cost."""
    order = d.orders.get(d.order_focus or "")
    if order and Comparative.CHEAPER in slots.comparatives and d.wish.each is None:
        d.wish.cheapest = True


def exchange_call(d: Dialogue, hold_id: str) -> Call:
    """The exchange that the customer is asked to confirm."""
    arguments: dict[str, object] = {"order_id": d.exchanged, "hold_id": hold_id}
    order = d.orders.get(d.exchanged or "")
    seats = pick(d.part, order.seats) if order else None
    if order and seats and len(seats) < len(order.seats):
        arguments["seat_ids"] = [seat.id for seat in seats]
    if d.wish.keeps_credit:
        arguments["use_credit"] = False
    return Call("exchange_order", arguments)


def ends_exchange(d: Dialogue, intent: Intent) -> bool:
    """Whether the message asks for something else than the exchange under way."""
    plain = d.turn.asked in (None, Asked.KEEP_BUYING, Asked.NEXT, Asked.PERSON)
    return intent in (Intent.UPGRADE, Intent.REFUND, Intent.RELEASE) or (intent is Intent.BUY and plain)


def exchange_failed(d: Dialogue) -> Act | None:
    """What a refused exchange means; its held seats are given back where it cannot be had at all."""
    failed = d.turn.failures("exchange_order")
    if not failed:
        return None
    last = failed[-1]
    again = failures.DECLINED | failures.PRICE_MOVED | failures.UNKNOWN_OUTCOME
    if last.code in again or failures.lost_hold(last):
        return Say(failures.charge_failed(d, last)) if last.code in again else None
    released = any(step.tool == "release_hold" for step in d.turn.done)
    if d.hold and not released and d.can("release_hold"):
        return Call("release_hold", {"hold_id": d.hold.hold_id})
    refusal = failures.reason(last)
    kept = "Your tickets stay as they are, and the new seats are free again."
    if last.code == "other_currency":
        return Say(f"That isn't possible: {refusal} {kept}")
    if last.code == "outside_policy":
        ways = "If you like, I can look into store credit or a refund instead, where the event's policy allows that."
        return Say(f"That isn't possible by itself: {refusal} {kept} {ways}")
    return offer_person(f"That isn't possible: {refusal} {kept}")


def tell_exchanged(d: Dialogue, done: OrderExchanged) -> str:
    """The outcome: the new order, its seats, and what was paid or comes back."""
    event = d.events.get(done.event_id)
    what = f"{event.name}, {event.local_start}, {event.venue}" if event else done.event_name
    moved = []
    if done.charged > 0:
        moved.append(f"{phrases.money(done.charged, done.currency)} was charged.")
    if done.credit > 0:
        moved.append(f"{phrases.money(done.credit, done.currency)} was paid with store credit.")
    if done.refunded > 0:
        as_credit = f", {phrases.money(done.credited, done.currency)} of it as store credit" if done.credited else ""
        moved.append(f"{phrases.money(done.refunded, done.currency)} comes back to you{as_credit}.")
    rest = "" if done.status == "exchanged" else f" Order {done.order_id} keeps your other tickets."
    money = " ".join(moved) or "There was nothing to pay."
    return (
        f"Done! Your tickets are exchanged: new order {done.new_order_id}, {what}, {phrases.seats(done.seats)}. "
        f"{money}{rest}"
    )
