"""What a purchase, an upgrade or a refund costs now: for a quote, and again when it is carried out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal

from usher_shared.contracts.money import format_money, to_minor
from usher_shared.contracts.tools import CreateOrder, RefundOrder, UpgradeTickets
from usher_shared.documents import DocumentStore, Transaction
from usher_shared.errors import Conflict, NotFound
from usher_tools.events.model import Seating, TicketedEvent
from usher_tools.events.service import find_event
from usher_tools.office import Office
from usher_tools.orders.model import Allocation, Order, OrderSeat, priced, total
from usher_tools.orders.taxes import SeatTax, added, sum_taxes, taxes_back, ticket_taxes
from usher_tools.policies.model import AfterSale, OutsidePolicy, Waiver, waiver_id
from usher_tools.policies.service import Decision, Terms, decide
from usher_tools.seats.general import start_for
from usher_tools.seats.holds import find_hold
from usher_tools.seats.layout import Seat
from usher_tools.seats.model import StoredHold
from usher_tools.seats.service import Search, check_on_sale, find_best, find_seats, find_section

Source = DocumentStore | Transaction


@dataclass(frozen=True, slots=True)
class Priced:
    """`total_minor` is charged (positive) or given back (negative); `tax_lines` are its taxes by name and rate."""

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


async def find_order(source: Source, order_id: str, customer_id: str) -> Order:
    """Raises NotFound, for another customer's order too."""
    data = await source.get("orders", order_id)
    if data is None or data["customer_id"] != customer_id:
        raise NotFound(f"there is no order {order_id}", code="order_not_found")
    return Order.model_validate(data)


async def price_purchase(source: Source, wanted: CreateOrder, office: Office) -> Priced:
    """Raises NotFound, Conflict: hold_expired, hold_released, hold_sold, hold_paying, event_cancelled, event_over."""
    hold = await find_hold(source, wanted.hold_id, wanted.customer_id)
    moment, now = office.now()
    if hold.status != "held":
        words = {"sold": "has been bought", "paying": "is being paid for", "released": "has been given back"}
        raise Conflict(f"hold {hold.id} {words[hold.status]}", code=f"hold_{hold.status}")
    if hold.expires_at <= now:
        raise Conflict("the hold has expired; hold seats again", code="hold_expired")
    event = await find_event(source, hold.event_id)
    check_on_sale(event, moment)
    seats = priced(find_seats(await office.seating(source, event), hold.seat_ids), event)
    subtotal, fees = sum(seat.price_minor for seat in seats), sum(seat.fee_minor for seat in seats)
    policy, taxes = event.policies["refund"], sum(seat.tax_minor for seat in seats)
    lines = sum_taxes(seat.taxes for seat in seats)
    return Priced(event, seats, subtotal, fees, taxes, subtotal + fees + taxes, policy, hold=hold, tax_lines=lines)


def _check_unchanging(order: Order) -> None:
    if order.pending is not None:
        raise Conflict("another change of this order is under way", code="order_busy", retry_after_seconds=2)
    if not order.seats:
        raise Conflict("this order has been refunded", code="order_refunded")


async def price_upgrade(
    source: Source, wanted: UpgradeTickets, customer_id: str, office: Office, *, seat_ids: list[str] | None = None
) -> Priced:
    """The best better seats for the whole order, or exactly `seat_ids` (those of a quote) at today's difference.

    Raises NotFound, Conflict: outside_policy, no_better_seats, order_busy, order_refunded, event_cancelled.
    """
    order = await find_order(source, wanted.order_id, customer_id)
    _check_unchanging(order)
    event = await find_event(source, order.event_id)
    if event.status == "cancelled":
        raise Conflict(f"{event.name} has been cancelled", code="event_cancelled")
    decision = await _decide(source, order, event, "upgrade_tickets", office)
    if seat_ids is not None:
        seats = priced(find_seats(await office.seating(source, event), seat_ids), event)
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
    return price_minor + fee + added(ticket_taxes(event.taxes, price_minor, fee))


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
        choice = (await find_best(source, event, seating, now, search)).choice
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


@dataclass(frozen=True, slots=True)
class Back:
    """What comes back for one seat, minor units; `taxes` are the shares of its taxes."""

    price_minor: int
    fee_minor: int
    taxes: list[SeatTax]

    @property
    def tax_minor(self) -> int:
        return added(self.taxes)

    @property
    def total_minor(self) -> int:
        return self.price_minor + self.fee_minor + self.tax_minor


def value_of(seat: OrderSeat, terms: Terms) -> Back:
    """What a seat is worth when it is given back; taxes in proportion to what is given back of their base."""
    kept = Decimal(seat.price_minor) * Decimal(str(terms.fee_percent)) / 100
    price = seat.price_minor - int(kept.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
    fee = seat.fee_minor if terms.fees_refundable else 0
    return Back(price, fee, taxes_back(seat.taxes, seat.price_minor, seat.fee_minor, price, fee))


async def _decide(source: Source, order: Order, event: TicketedEvent, action: AfterSale, office: Office) -> Decision:
    """The policy's decision, with the order's exception where one is needed. Raises OutsidePolicy."""
    moment = office.clock.now()
    decision = decide(event, action, moment)
    if not decision.allowed:
        data = await source.get("policy_waivers", waiver_id(order.id, action))
        decision = decide(event, action, moment, [] if data is None else [Waiver.model_validate(data)])
    if not decision.allowed:
        raise OutsidePolicy(decision.reason, order_id=order.id, action=action)
    return decision


def _allocate(order: Order, amount: int) -> list[Allocation]:
    """The refund spread over the order's charges, the newest first. Raises Conflict when they do not cover it."""
    found = []
    for payment in reversed(order.payments):
        part = min(amount, payment.amount_minor - payment.refunded_minor)
        if part > 0:
            found.append(Allocation(charge_id=payment.charge_id, amount_minor=part))
            amount -= part
    if amount > 0:
        raise Conflict("more than was paid for this order", code="refund_exceeds_payment")
    return found


async def price_refund(source: Source, wanted: RefundOrder, customer_id: str, office: Office) -> Priced:
    """Raises NotFound (order, seat), Conflict: outside_policy, order_busy, order_refunded."""
    order = await find_order(source, wanted.order_id, customer_id)
    _check_unchanging(order)
    event = await find_event(source, order.event_id)
    decision = await _decide(source, order, event, "refund_order", office)
    chosen = [seat for seat in order.seats if wanted.seat_ids is None or seat.id in wanted.seat_ids]
    missing = set(wanted.seat_ids or ()) - {seat.id for seat in chosen}
    if missing:
        raise NotFound(f"not in this order: {', '.join(sorted(missing))}", code="seat_not_found")
    backs = [value_of(seat, decision.terms) for seat in chosen]
    amount = sum(back.total_minor for back in backs)
    return Priced(
        event,
        chosen,
        -sum(back.price_minor for back in backs),
        -sum(back.fee_minor for back in backs),
        -sum(back.tax_minor for back in backs),
        -amount,
        decision.reason,
        order=order,
        allocations=_allocate(order, amount),
        waiver=decision.waiver,
        tax_lines=sum_taxes((), less=(back.taxes for back in backs)),
    )
