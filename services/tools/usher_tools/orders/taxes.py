"""The taxes on one ticket, and what of them goes back with a part of its price and fees. All amounts are minor units.

Every tax of every ticket is rounded half to even by itself, so that a receipt's lines add up to its total: an added
one to what can be charged in the currency, an included one, which is only named, to the minor unit.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal

from usher_shared.contracts.money import chargeable
from usher_tools.events.model import Stored, Tax

_WHOLE = Decimal(1)


class SeatTax(Stored):
    """One tax as it was charged on one ticket: the rate of that day, which the event may have changed since."""

    name: str
    percent: float
    included: bool
    on: Literal["price", "price_and_fees"]
    amount_minor: int

    def base(self, price_minor: int, fee_minor: int) -> int:
        return price_minor if self.on == "price" else price_minor + fee_minor


def _rounded(amount: Decimal, tax: Tax | SeatTax, currency: str) -> int:
    return int(amount.quantize(_WHOLE, rounding=ROUND_HALF_EVEN)) if tax.included else chargeable(amount, currency)


def _rate(tax: Tax) -> Decimal:
    return Decimal(str(tax.percent)) / 100


def ticket_taxes(taxes: Iterable[Tax], price_minor: int, fee_minor: int, currency: str) -> list[SeatTax]:
    """The taxes on a ticket of that price with those fees.

    An added tax is its percentage of the price, or of price and fees, as they are shown. Included taxes are what the
    shown amount contains: of a price p with included rates r1 and r2, the first is p / (1 + r1 + r2) * r1.
    """
    taxes = list(taxes)
    within_price = sum((_rate(tax) for tax in taxes if tax.included), Decimal(0))
    within_fee = sum((_rate(tax) for tax in taxes if tax.included and tax.on == "price_and_fees"), Decimal(0))
    net_price, net_fee = Decimal(price_minor) / (1 + within_price), Decimal(fee_minor) / (1 + within_fee)
    found = []
    for tax in taxes:
        price, fee = (net_price, net_fee) if tax.included else (Decimal(price_minor), Decimal(fee_minor))
        base = price if tax.on == "price" else price + fee
        found.append(SeatTax(**tax.model_dump(), amount_minor=_rounded(base * _rate(tax), tax, currency)))
    return found


def added(taxes: Iterable[SeatTax]) -> int:
    """What the taxes put on top of price and fees."""
    return sum(tax.amount_minor for tax in taxes if not tax.included)


def taxes_back(
    taxes: Iterable[SeatTax],
    price_minor: int,
    fee_minor: int,
    price_back_minor: int,
    fee_back_minor: int,
    *,
    currency: str,
) -> list[SeatTax]:
    """The share of a ticket's taxes that belongs to the part of price and fees that is given back."""
    found = []
    for tax in taxes:
        base, back = tax.base(price_minor, fee_minor), tax.base(price_back_minor, fee_back_minor)
        share = _rounded(Decimal(tax.amount_minor) * back / base, tax, currency) if base else 0
        found.append(tax.model_copy(update={"amount_minor": share}))
    return found


def sum_taxes(seats: Iterable[Iterable[SeatTax]], *, less: Iterable[Iterable[SeatTax]] = ()) -> list[SeatTax]:
    """One line for each tax and rate over several tickets, less those of others."""
    lines: dict[tuple[str, float, bool, str], SeatTax] = {}
    for sign, tickets in ((1, seats), (-1, less)):
        for tax in (tax for taxes in tickets for tax in taxes):
            key = tax.name, tax.percent, tax.included, tax.on
            before = lines[key].amount_minor if key in lines else 0
            lines[key] = tax.model_copy(update={"amount_minor": before + sign * tax.amount_minor})
    return list(lines.values())
