"""What a purchase or an upgrade costs now: for a quote, and again when it is carried out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from usher_shared.contracts.money import format_money, to_minor
from usher_shared.contracts.tools import CreateOrder, UpgradeTickets
from usher_shared.documents import DocumentStore, Transaction
from usher_shared.errors import Conflict, NotFound
from usher_tools.events.model import Seating, TicketedEvent
from usher_tools.events.service import find_event
from usher_tools.office import Office
from usher_tools.orders.contested import check_not_contested
from usher_tools.orders.model import Allocation, Order, OrderSeat, priced, total
from usher_tools.orders.taxes import SeatTax, added, sum_taxes, ticket_taxes
from usher_tools.policies.model import Waiver
from usher_tools.policies.service import check_policy, decide
from usher_tools.seats.finding import Search, find_best
from usher_tools.seats.general import exchange_taken, start_for
from usher_tools.seats.holds import find_hold
from usher_tools.seats.layout import Seat
from usher_tools.seats.model import StoredHold
from usher_tools.seats.service import check_on_sale, find_seats, find_section
from usher_tools.store_credit.model import STORE_CREDIT, CreditAccount
from usher_tools.store_credit.service import read_account, spendable

Source = DocumentStore | Transaction


@dataclass(frozen=True, slots=True)
class Priced:
    """`total_minor` is charged (positive) or given back (negative); `tax_lines` are its taxes by name and rate.

    `credit_minor` is paid from the customer's store credit beyond that. `moved` are the parts of earlier charges that
    pay for an exchange, together `value_minor` with what is given back.
    """

    event: TicketedEvent
    seats: list[OrderSeat]
    subtotal_minor: int
    fees_minor: int
    taxes_minor: int
    total_minor: int
    policy: str
    previous: list[OrderSeat] = field(default_factory=list)
    order: Order | None = None
    hold: StoredHold | None = None
    allocations: list[Allocation] = field(default_factory=list)
    waiver: Waiver | None = None
    tax_lines: list[SeatTax] = field(default_factory=list)
    credit_minor: int = 0
    account: CreditAccount | None = None
    moved: list[Allocation] = field(default_factory=list)
    value_minor: int = 0
    previous_event: TicketedEvent | None = None

    @property
    def credited_minor(self) -> int:
        """What is given back as store credit."""
        return sum(part.amount_minor for part in self.allocations if part.as_credit)

    @property
    def locked_minor(self) -> int:
        """What of an exchange's new tickets was paid by card and can come back as store credit alone."""
        return sum(part.amount_minor for part in self.moved if not part.cash and part.charge_id != STORE_CREDIT)


async def find_order(source: Source, order_id: str, customer_id: str) -> Order:
    """Raises NotFound, for another customer's order too."""
    data = await source.get("orders", order_id)
    if data is None or data["customer_id"] != customer_id:
        raise NotFound(f"there is no order {order_id}", code="order_not_found")
    return Order.model_validate(data)


async def read_held(
    source: Source, hold_id: str, customer_id: str, office: Office
) -> tuple[StoredHold, TicketedEvent, list[OrderSeat]]:
    """What is held, at today's prices.

    Raises NotFound, Conflict: hold_expired, hold_released, hold_sold, hold_paying, event_cancelled, event_over.
    """
    hold = await find_hold(source, hold_id, customer_id)
    moment, now = office.now()
    if hold.status != "held":
        words = {"sold": "has been bought", "paying": "is being paid for", "released": "has been given back"}
        raise Conflict(f"hold {hold.id} {words[hold.status]}", code=f"hold_{hold.status}")
    if hold.expires_at <= now:
        raise Conflict("the hold has expired; hold seats again", code="hold_expired")
    event = await find_event(source, hold.event_id)
    check_on_sale(event, moment)
    return hold, event, priced(find_seats(await office.seating(source, event), hold.seat_ids), event)


async def price_purchase(source: Source, wanted: CreateOrder, office: Office) -> Priced:
    """The held seats, paid with store credit as far as it goes. Raises what `read_held` raises."""
    hold, event, seats = await read_held(source, wanted.hold_id, wanted.customer_id, office)
    account = await read_account(source, wanted.customer_id, event.currency)
    cost = total(seats)
    credit = 0 if wanted.use_credit is False else spendable(account, cost)
    return Priced(
        event,
        seats,
        sum(seat.price_minor for seat in seats),
        sum(seat.fee_minor for seat in seats),
        sum(seat.tax_minor for seat in seats),
        cost - credit,
        decide(event, "refund_order", office.clock.now()).reason,  # of tonight's tickets: that they are not refunded
        hold=hold,
        tax_lines=sum_taxes(seat.taxes for seat in seats),
        credit_minor=credit,
        account=account,
    )


def check_unchanging(order: Order) -> None:
    if order.pending is not None:
        raise Conflict("another change of this order is under way", code="order_busy", retry_after_seconds=2)
    if not order.seats:
        raise Conflict("this order has no tickets any more", code="order_refunded")
    if order.given_minor:  # to price the tickets again would give it back twice
        given = format_money(order.given_minor, order.currency)
        raise Conflict(f"{given} went back, the rest was refused: our staff will decide", code="refund_refused")
    check_not_contested(order)


async def price_upgrade(
    source: Source, wanted: UpgradeTickets, customer_id: str, office: Office, *, seat_ids: list[str] | None = None
) -> Priced:
    """The best better seats for the whole order, or exactly `seat_ids` (those of a quote) at today's difference.

    Raises NotFound, Conflict: outside_policy, no_better_seats, order_busy, order_refunded, order_contested,
    event_cancelled.
    """
    order = await find_order(source, wanted.order_id, customer_id)
    check_unchanging(order)
    event = await find_event(source, order.event_id)
    if event.status == "cancelled":
        raise Conflict(f"{event.name} has been cancelled", code="event_cancelled")
    decision = await check_policy(source, order.id, event, "upgrade_tickets", office.clock.now())
    if seat_ids is not None:
        seating = await office.seating(source, event)
        quoted = find_seats(seating, seat_ids)
        seats = priced(await exchange_taken(source, event.id, seating, quoted, office.now()[1]), event)
    else:
        seats = await _better_seats(source, wanted, order, event, office)
    subtotal = sum(s.price_minor for s in seats) - sum(s.price_minor for s in order.seats)
    taxes = sum(s.tax_minor for s in seats) - sum(s.tax_minor for s in order.seats)
    delta = total(seats) - total(order.seats)
    lines = sum_taxes((seat.taxes for seat in seats), less=(seat.taxes for seat in order.seats))
    policy = f"{decision.reason} {event.policies['refund']}"
    fees = delta - subtotal - taxes
    return Priced(
        event,
        seats,
        subtotal,
        fees,
        taxes,
        delta,
        policy,
        list(order.seats),
        order,
        tax_lines=lines,
        waiver=decision.waiver,
    )


def _ticket_minor(event: TicketedEvent, price_minor: int) -> int:
    """What a ticket of that price costs with fees and taxes."""
    fee = event.fee_minor(price_minor)
    return price_minor + fee + added(ticket_taxes(event.taxes, price_minor, fee, event.currency))


def _place(seating: Seating, seats: Sequence[OrderSeat] | Sequence[Seat]) -> tuple[int, int]:
    """How good seats are: (rank of their worst section, depth of their furthest row), less is better."""
    ranks = {section.id: section.rank for section in seating.layout.sections}
    rows = seating.layout.rows
    return (
        max(ranks.get(seat.section, 10**6) for seat in seats),
        max(row.depth if (row := rows.get((seat.section, seat.row))) else 10**6 for seat in seats),
    )


async def _better_seats(
    source: Source, wanted: UpgradeTickets, order: Order, event: TicketedEvent, office: Office
) -> list[OrderSeat]:
    seating, now = await office.seating(source, event), office.now()[1]
    count, before = len(order.seats), total(order.seats)
    present, accessible = _place(seating, order.seats), any(seat.accessible for seat in order.seats)
    most = None if wanted.max_price_delta is None else to_minor(wanted.max_price_delta, event.currency)
    target = find_section(event, wanted.target_section) if wanted.target_section else None
    ranked = sorted((s for s in event.sections if target in (None, s.id)), key=lambda s: s.rank)
    cheapest: int | None = None
    scattered: list[OrderSeat] | None = None
    for section in ranked:
        delta = count * _ticket_minor(event, section.price_minor) - before
        if delta < 0 or (target is None and section.rank > present[0]):
            continue
        search = Search(frozenset([section.id]), count, accessible, start_for(event.id, order.customer_id))
        # outside of the transaction, which would keep others from what it reads; buying asks again for the seats
        choice = (await find_best(office.store, event, seating, now, search)).choice
        if len(choice.seats) < count or choice.accessible_used:
            continue
        if (target is None or section.rank == present[0]) and _place(seating, choice.seats) >= present:
            continue
        if most is not None and delta > most:
            cheapest = delta if cheapest is None else min(cheapest, delta)
            continue
        if choice.groups == 1:
            return priced(choice.seats, event)
        scattered = scattered or priced(choice.seats, event)
    if scattered is not None:
        return scattered
    raise Conflict(_why_no_better(event, target, cheapest, count), code="no_better_seats")


def _why_no_better(event: TicketedEvent, target: str | None, cheapest: int | None, count: int) -> str:
    where = f" in {event.section_name(target)}" if target else ""
    if cheapest is not None:
        return f"The cheapest upgrade{where} costs {format_money(cheapest, event.currency)} more in all."
    return f"There are no better seats for {count} free{where}."
