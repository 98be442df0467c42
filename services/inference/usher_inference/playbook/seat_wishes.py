"""What a message changes about the seats wished for."""

import re

from usher_inference.playbook.choosing import chooses_by_number
from usher_inference.playbook.limits import sets_no_limit
from usher_inference.playbook.state import Dialogue, Wish
from usher_inference.understanding import Comparative, Slots, Understanding
from usher_inference.understanding.numbers import parse_count
from usher_shared.contracts.money import to_minor

_OF_THEM = re.compile(r"\b(\w+) of (?:them|those|these|us|the (?:cheap|best|good)\w*)\b", re.IGNORECASE)
_AMENDED = re.compile(r"^\W*(?:(?:no|wait|sorry|actually|oops|hmm+|uh|i mean)[\s,.!]+)+(\w+)\W*$", re.IGNORECASE)
FRONT = re.compile(r"\bfront rows?\b", re.IGNORECASE)


def hear_seats(d: Dialogue, heard: Understanding) -> None:
    """How many seats, where, for how much, and how they should differ from those shown."""
    slots, wish = heard.slots, d.wish
    if chooses_by_number(d):
        return
    _hear_quantity(d, slots)
    if slots.section:
        wish.section, wish.row, wish.cheapest = slots.section, None, False
        wish.seat_ids = wish.seat_numbers = ()
    if slots.section_refused:
        wish.avoid = slots.section_refused
        if wish.section and wish.section.lower() == wish.avoid.lower():
            wish.section = None
    if slots.row and not FRONT.search(d.turn.text):  # the best seats are the foremost, whatever their row is called
        shown = (d.hold.seats if d.hold else None) or d.offer
        wish.row, wish.near = slots.row, shown[0].section if shown else None
    if slots.seat_ids or slots.seat_numbers:
        wish.seat_ids, wish.seat_numbers = slots.seat_ids, slots.seat_numbers
        wish.quantity = wish.quantity or len(slots.seat_ids or slots.seat_numbers)
    if slots.max_price_each is not None:
        wish.each = slots.max_price_each
    if slots.max_price_total is not None:
        wish.total = slots.max_price_total
    if slots.max_price_each is None and slots.max_price_total is None and sets_no_limit(d.turn.text, asked=False):
        wish.each, wish.total, wish.relative, wish.over_is_fine = None, None, False, True
    if slots.adjacent is not None:
        wish.apart_is_fine = not slots.adjacent
    if slots.accessible:
        wish.accessible = True
    _hear_comparison(d, slots, wish)


def _hear_quantity(d: Dialogue, slots: Slots) -> None:
    wish, before = d.wish, d.wish.quantity
    if slots.quantity is not None:
        wish.quantity = slots.quantity
    elif slots.quantity_delta is not None:
        wish.quantity = max(1, (wish.quantity or 0) + slots.quantity_delta)
    elif d.focus and (again := _AMENDED.match(d.turn.text)):
        wish.quantity = parse_count(again.group(1).lower()) or wish.quantity
    elif wish.quantity is None and (some := _OF_THEM.search(d.turn.text)):
        wish.quantity = parse_count(some.group(1).lower())
    if d.hold and d.most_seats and (wish.quantity or 0) > d.most_seats:
        d.turn.too_many, wish.quantity = wish.quantity, before  # the held seats stay until the limit is named


def _hear_comparison(d: Dialogue, slots: Slots, wish: Wish) -> None:
    shown = (d.hold.seats if d.hold else None) or d.offer
    if slots.max_price_each is not None:
        wish.relative = False
    if slots.superlative is Comparative.CHEAPER:
        wish.cheapest = True
        wish.section = slots.section
        wish.row = None
    elif Comparative.CHEAPER in slots.comparatives and shown and slots.max_price_each is None:
        wish.each, wish.relative = min(to_minor(seat.price, d.currency) for seat in shown) - 1, True
        wish.section = wish.row = None
        wish.seat_ids = wish.seat_numbers = ()
    elif {Comparative.BETTER, Comparative.CLOSER, Comparative.DEARER} & {*slots.comparatives, slots.superlative}:
        wish.cheapest = False
        if slots.max_price_each is None and slots.max_price_total is None and shown:
            wish.each = wish.total = None
    elif Comparative.OTHER in slots.comparatives and shown and not d.turn.unsure_what:
        wish.passed = wish.passed | {seat.id for seat in shown}
        wish.seat_ids = wish.seat_numbers = ()
