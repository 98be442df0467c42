"""What tickets are worth when they are given back: for money, for store credit, or for other tickets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal

from usher_shared.contracts.money import chargeable, chargeable_step, format_money
from usher_shared.contracts.tools import CreditOrder, ExchangeOrder, RefundOrder
from usher_shared.errors import Conflict, NotFound
from usher_tools.events.model import TicketedEvent
from usher_tools.events.service import find_event
from usher_tools.office import Office
from usher_tools.orders.model import Allocation, Breakdown, Order, OrderSeat, total
from usher_tools.orders.pricing import Priced, Source, check_unchanging, find_order, read_held
from usher_tools.orders.reservation import check_not_cancelled
from usher_tools.orders.taxes import SeatTax, added, sum_taxes, taxes_back
from usher_tools.policies.model import AfterSale
from usher_tools.policies.service import Decision, Terms, check_policy, decide
from usher_tools.store_credit.model import STORE_CREDIT
from usher_tools.store_credit.service import read_account, spendable


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


def value_of(seat: OrderSeat, terms: Terms, currency: str) -> Back:
    """What a seat is worth when it is given back; taxes in proportion to what is given back of their base.

    All of it can be charged in the currency, so that every sum of it can be given back.
    """
    kept = chargeable(Decimal(seat.price_minor) * Decimal(str(terms.fee_percent)) / 100, currency)
    price = chargeable(seat.price_minor - kept, currency, rounding=ROUND_FLOOR)
    fee = chargeable(seat.fee_minor if terms.fees_refundable else 0, currency, rounding=ROUND_FLOOR)
    return Back(price, fee, taxes_back(seat.taxes, seat.price_minor, seat.fee_minor, price, fee, currency=currency))


def _allocate(order: Order, amount: int, event: TicketedEvent) -> list[Allocation]:
    """The amount spread over the order's charges, the newest first.

    Raises Conflict refund_exceeds_payment, and amount_not_chargeable for what no provider could give back.
    """
    cancelled = event.status == "cancelled"  # then everything goes back to where it came from
    found = []
    for payment in reversed(order.payments):
        part = min(amount, payment.left_minor)
        if part % chargeable_step(order.currency) and payment.charge_id != STORE_CREDIT:
            words = f"{format_money(part, order.currency)} cannot be given back exactly: our staff will help"
            raise Conflict(words, code="amount_not_chargeable")
        if part > 0:
            found.append(Allocation(charge_id=payment.charge_id, amount_minor=part, cash=payment.cash or cancelled))
            amount -= part
    if amount > 0:
        raise Conflict("more than was paid for this order", code="refund_exceeds_payment")
    return found


def _split(parts: list[Allocation], amount: int) -> tuple[list[Allocation], list[Allocation]]:
    """The first `amount` of the parts, and the rest."""
    first, rest = [], []
    for part in parts:
        taken = min(amount, part.amount_minor)
        amount -= taken
        if taken:
            first.append(part.model_copy(update={"amount_minor": taken}))
        if taken < part.amount_minor:
            rest.append(part.model_copy(update={"amount_minor": part.amount_minor - taken}))
    return first, rest


def _refundable(parts: list[Allocation], most: int) -> list[Allocation]:
    """The parts, the first of them as money as far as `most` goes and the rest as store credit."""
    found = []
    for part in parts:
        money = 0 if part.as_credit else min(most, part.amount_minor)
        most -= money
        if money:
            found.append(part.model_copy(update={"amount_minor": money}))
        if money < part.amount_minor:
            found.append(part.model_copy(update={"amount_minor": part.amount_minor - money, "cash": False}))
    return found


@dataclass(frozen=True, slots=True)
class _Return:
    event: TicketedEvent
    order: Order
    seats: list[OrderSeat]
    backs: list[Back]
    decision: Decision

    @property
    def total_minor(self) -> int:
        return sum(back.total_minor for back in self.backs)

    def refund_minor(self, moment: datetime) -> int:
        """What a refund of the seats would give back by the policy at that moment; exceptions do not count."""
        refund = decide(self.event, "refund_order", moment)
        if not refund.allowed:
            return 0
        return sum(value_of(seat, refund.terms, self.order.currency).total_minor for seat in self.seats)


async def _returning(
    source: Source,
    wanted: RefundOrder | CreditOrder | ExchangeOrder,
    action: AfterSale,
    customer_id: str,
    office: Office,
) -> _Return:
    order = await find_order(source, wanted.order_id, customer_id)
    check_unchanging(order)
    event = await find_event(source, order.event_id)
    if action == "exchange_order":
        check_not_cancelled(event)
    decision = await check_policy(source, order.id, event, action, office.clock.now())
    chosen = [seat for seat in order.seats if wanted.seat_ids is None or seat.id in wanted.seat_ids]
    missing = set(wanted.seat_ids or ()) - {seat.id for seat in chosen}
    if missing:
        raise NotFound(f"not in this order: {', '.join(sorted(missing))}", code="seat_not_found")
    return _Return(event, order, chosen, [value_of(seat, decision.terms, order.currency) for seat in chosen], decision)


async def price_return(source: Source, wanted: RefundOrder | CreditOrder, customer_id: str, office: Office) -> Priced:
    """A refund, or store credit for it. The allocations are what it takes from which charge of the order.

    Raises NotFound (order, seat), Conflict: outside_policy, order_busy, order_refunded, order_contested.
    """
    action: AfterSale = "refund_order" if isinstance(wanted, RefundOrder) else "credit_order"
    given = await _returning(source, wanted, action, customer_id, office)
    parts = _allocate(given.order, given.total_minor, given.event)
    return Priced(
        given.event,
        given.seats,
        -sum(back.price_minor for back in given.backs),
        -sum(back.fee_minor for back in given.backs),
        -sum(back.tax_minor for back in given.backs),
        -given.total_minor,
        given.decision.reason,
        order=given.order,
        allocations=parts if action == "refund_order" else _refundable(parts, 0),
        waiver=given.decision.waiver,
        tax_lines=sum_taxes((), less=(back.taxes for back in given.backs)),
    )


async def price_exchange(source: Source, wanted: ExchangeOrder, customer_id: str, office: Office) -> Priced:
    """The held seats for tickets of the order: `value_minor` is what the old ones count for.

    `allocations` is what of it is given back, where the new tickets cost less, and `moved` what pays for the new. Of
    both no more may ever go back as money than a refund would give now: an exchange is no way around its policy.
    Raises NotFound, Conflict: outside_policy, order_busy, order_refunded, order_contested, other_currency,
    event_cancelled (the old event too), and what a purchase raises.
    """
    given = await _returning(source, wanted, "exchange_order", customer_id, office)
    hold, event, seats = await read_held(source, wanted.hold_id, customer_id, office)
    if event.currency != given.order.currency:
        raise Conflict(f"tickets in {given.order.currency}, not in {event.currency}", code="other_currency")
    cost, value = total(seats), given.total_minor
    credit = 0
    account = await read_account(source, customer_id, event.currency)
    if wanted.use_credit is not False:
        credit = spendable(account, max(cost - value, 0))
    parts = _refundable(_allocate(given.order, value, given.event), given.refund_minor(office.clock.now()))
    back, moved = _split(parts, max(value - cost, 0))
    return Priced(
        event,
        seats,
        sum(seat.price_minor for seat in seats) - sum(back.price_minor for back in given.backs),
        sum(seat.fee_minor for seat in seats) - sum(back.fee_minor for back in given.backs),
        sum(seat.tax_minor for seat in seats) - sum(back.tax_minor for back in given.backs),
        cost - value - credit,
        f"{given.decision.reason} {event.policies['refund']}",
        previous=given.seats,
        order=given.order,
        hold=hold,
        allocations=back,
        moved=moved,
        waiver=given.decision.waiver,
        tax_lines=sum_taxes((seat.taxes for seat in seats), less=(back.taxes for back in given.backs)),
        credit_minor=credit,
        account=account,
        value_minor=value,
        previous_event=given.event,
    )


def exchange_breakdowns(priced: Priced) -> tuple[Breakdown, Breakdown]:
    """What the new tickets of an exchange are made of, and what the old ones give (negative)."""
    lines = sum_taxes(seat.taxes for seat in priced.seats)
    new = Breakdown(
        price_minor=sum(seat.price_minor for seat in priced.seats),
        fees_minor=sum(seat.fee_minor for seat in priced.seats),
        taxes_minor=sum(seat.tax_minor for seat in priced.seats),
        taxes=lines,
    )
    given = Breakdown(
        price_minor=priced.subtotal_minor - new.price_minor,
        fees_minor=priced.fees_minor - new.fees_minor,
        taxes_minor=priced.taxes_minor - new.taxes_minor,
        taxes=[tax for tax in sum_taxes([priced.tax_lines], less=[lines]) if tax.amount_minor],
    )
    return new, given
