"""How seats, purchases and changes are put into words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from usher_shared.contracts.money import format_money
from usher_tools.events.model import TicketedEvent, person_time
from usher_tools.orders.model import OrderSeat


def _join(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def describe_seats(event: TicketedEvent, seats: Sequence[OrderSeat]) -> str:
    """`Lower Bowl 101 row C seats 5 and 6; row D seat 1 (accessible); Floor, 2 general admission`."""
    groups: dict[tuple[str, str], list[str]] = {}
    wheelchair: dict[tuple[str, str], list[str]] = {}
    places = Counter(seat.section for seat in seats if seat.general_admission)
    for seat in seats:
        if seat.general_admission:
            continue
        groups.setdefault((seat.section, seat.row), []).append(seat.number)
        if seat.accessible:
            wheelchair.setdefault((seat.section, seat.row), []).append(seat.number)
    parts, last = [], None
    for (section, row), numbers in groups.items():
        place = f"row {row} seat{'s' if len(numbers) > 1 else ''} {_join(numbers)}"
        place += _accessible(wheelchair.get((section, row), []), numbers)
        parts.append(place if section == last else f"{event.section_name(section)} {place}")
        last = section
    parts += [f"{event.section_name(section)}, {count} general admission" for section, count in places.items()]
    return "; ".join(parts)


def _accessible(wheelchair: Sequence[str], numbers: Sequence[str]) -> str:
    """Which of a row's seats are wheelchair places, in brackets; "" where none is."""
    if not wheelchair:
        return ""
    return " (accessible)" if len(wheelchair) == len(numbers) else f" ({_join(wheelchair)} accessible)"


def describe_seat(event: TicketedEvent, seat: OrderSeat) -> str:
    """`Floor, row 2, seat 5`, `Standing, general admission`."""
    place = "general admission" if seat.general_admission else f"row {seat.row}, seat {seat.number}"
    return f"{event.section_name(seat.section)}, {place}"


def describe_event(event: TicketedEvent) -> str:
    return f"{event.name}, {person_time(event.local_start)}, {event.venue.name}"


def tickets(count: int) -> str:
    return f"{count} ticket{'' if count == 1 else 's'}"


def purchase_summary(event: TicketedEvent, seats: Sequence[OrderSeat]) -> str:
    return f"{tickets(len(seats))} for {describe_event(event)}: {describe_seats(event, seats)}"


def upgrade_summary(event: TicketedEvent, previous: Sequence[OrderSeat], seats: Sequence[OrderSeat]) -> str:
    old, new = describe_seats(event, previous), describe_seats(event, seats)
    return f"Move {tickets(len(seats))} for {describe_event(event)} from {old} to {new}"


def refund_summary(event: TicketedEvent, seats: Sequence[OrderSeat], amount_minor: int) -> str:
    money = format_money(amount_minor, event.currency)
    return f"Refund {money} for {tickets(len(seats))} for {describe_event(event)}: {describe_seats(event, seats)}"


def back_as_credit(credit_minor: int, currency: str) -> str:
    """Of a refund."""
    return f"; {format_money(credit_minor, currency)} of it comes back as store credit" if credit_minor else ""


def locked_note(locked_minor: int, currency: str) -> str:
    """Of an exchange whose old tickets cannot be refunded."""
    if not locked_minor:
        return ""
    return f" {format_money(locked_minor, currency)} of it would come back as store credit alone, not as money."


def rest_back(back_minor: int, credit_minor: int, currency: str) -> str:
    """What an exchange for cheaper tickets gives back."""
    parts = []
    if back_minor > credit_minor:
        parts.append(f"{format_money(back_minor - credit_minor, currency)} as money")
    if credit_minor:
        parts.append(f"{format_money(credit_minor, currency)} as store credit, not money")
    return f"; what is left comes back: {_join(parts)}" if parts else ""


def credit_summary(event: TicketedEvent, seats: Sequence[OrderSeat], amount_minor: int) -> str:
    money = format_money(amount_minor, event.currency)
    what = f"{tickets(len(seats))} for {describe_event(event)}: {describe_seats(event, seats)}"
    return f"Store credit of {money}, not money, for {what}"


def exchange_summary(
    old: TicketedEvent, previous: Sequence[OrderSeat], value_minor: int, new: TicketedEvent, seats: Sequence[OrderSeat]
) -> str:
    money = format_money(value_minor, old.currency)
    given = f"{tickets(len(previous))} for {describe_event(old)}: {describe_seats(old, previous)}, counted as {money}"
    return f"Exchange {given}; for {tickets(len(seats))} for {describe_event(new)}: {describe_seats(new, seats)}"


def credit_note(credit_minor: int, currency: str) -> str:
    return f"; {format_money(credit_minor, currency)} of it is paid with store credit" if credit_minor else ""
