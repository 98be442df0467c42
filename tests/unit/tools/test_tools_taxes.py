"""Taxes by event, from the catalogue to the charge and back."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher_tools.events.model import Tax
from usher_tools.orders.model import OrderSeat
from usher_tools.orders.taxes import added, taxes_back, ticket_taxes

SALES = {"name": "Sales tax", "percent": 8.25, "on": "price_and_fees"}
AMUSEMENT = {"name": "Amusement tax", "percent": 9}
VAT = {"name": "VAT", "percent": 20, "included": True, "on": "price_and_fees"}


def _tax(**fields: Any) -> Tax:
    return Tax(**({"included": False, "on": "price"} | fields))


@pytest.fixture
def taxed(small_catalogue: Callable[[], dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def make(*taxes: dict[str, Any], **event: Any) -> dict[str, Any]:
        catalogue = small_catalogue()
        catalogue["events"][0] |= {"taxes": list(taxes), **event}
        return catalogue

    return make


async def test_added_taxes_are_charged_and_named(open_box_office: Any, taxed: Any) -> None:
    async with open_box_office(catalogue=taxed(SALES, AMUSEMENT)) as office:
        quote = await office.purchase(["A-2-5", "A-2-6"])
        # a ticket: 120.00 + 14.50 fees; 8.25% of 134.50 = 11.09625, 9% of 120 = 10.80
        assert (quote["subtotal"], quote["fees"], quote["taxes"]) == (240.0, 29.0, 43.8)
        assert quote["total"] == 312.8
        assert quote["tax_lines"] == [
            {"name": "Sales tax", "percent": 8.25, "included": False, "amount": 22.2},
            {"name": "Amusement tax", "percent": 9.0, "included": False, "amount": 21.6},
        ]
        done = (await office.act(quote)).json()
        assert done["total"] == 312.8
        (event,) = await office.published("usher.ticket_purchased.v1")
        assert (event.data["total_minor"], event.data["fees_minor"], event.data["taxes_minor"]) == (31280, 2900, 4380)


async def test_included_taxes_are_named_and_not_added(open_box_office: Any, taxed: Any) -> None:
    async with open_box_office(catalogue=taxed(VAT)) as office:
        quote = await office.purchase(["A-2-5"])
        assert (quote["taxes"], quote["total"]) == (0.0, 134.5)
        # 134.50 / 1.2 * 0.2 = 22.4167
        assert quote["tax_lines"] == [{"name": "VAT", "percent": 20.0, "included": True, "amount": 22.42}]


async def test_a_refund_gives_tax_back_in_proportion(open_box_office: Any, taxed: Any) -> None:
    async with open_box_office(catalogue=taxed(SALES, AMUSEMENT)) as office:
        order = await office.buy(["A-2-5", "A-2-6"])
        quote = await office.quote("refund_order", {"order_id": order["order_id"], "seat_ids": ["A-2-5"]})
        # 108 of 120 comes back, no fees: 1110 * 108/134.5 = 891.3, and 1080 * 108/120 = 972
        assert (quote["subtotal"], quote["fees"], quote["taxes"]) == (-108.0, 0.0, -18.63)
        assert quote["total"] == -126.63
        assert [line["amount"] for line in quote["tax_lines"]] == [-8.91, -9.72]
        assert (await office.act(quote)).json()["refunded"] == 126.63


async def test_a_cancelled_event_gives_all_tax_back(open_box_office: Any, taxed: Any) -> None:
    async with open_box_office(catalogue=taxed(SALES, AMUSEMENT)) as office:
        order = await office.buy(["A-2-5"])
        cancelled = taxed(
            status="cancelled"
        )  # its present taxes do not matter: the ticket keeps those it was sold with
        assert (await office.raw("POST", "/catalogue", caller="cli", json=cancelled)).status_code == 200
        quote = await office.quote("refund_order", {"order_id": order["order_id"]})
        assert (quote["total"], quote["taxes"]) == (-156.4, -21.9)
        assert (await office.act(quote)).status_code == 200


async def test_an_upgrade_charges_the_difference_in_tax(open_box_office: Any, taxed: Any) -> None:
    async with open_box_office(catalogue=taxed(AMUSEMENT)) as office:
        order = await office.buy(["C-X-1"])  # 80 + 10.50 + 7.20
        wanted = {"order_id": order["order_id"], "max_price_delta": 47.59}
        too_low = await office.tool("quote", {"action": "upgrade_tickets", "arguments": wanted})
        assert too_low.json()["code"] == "no_better_seats"
        quote = await office.quote("upgrade_tickets", {**wanted, "max_price_delta": 47.6})
        assert (quote["subtotal"], quote["fees"], quote["taxes"], quote["total"]) == (40.0, 4.0, 3.6, 47.6)
        assert [line["amount"] for line in quote["tax_lines"]] == [3.6]
        assert (await office.act(quote)).json()["total"] == 145.3


@pytest.mark.parametrize(
    ("currency", "price", "total"),
    [("JPY", 9855, 10841.0), ("USD", 98.55, 108.41)],
)
async def test_currencies_of_other_exponents(
    open_box_office: Any, taxed: Any, currency: str, price: float, total: float
) -> None:
    """10% of 9855 minor units is 985.5, and half to even 986."""
    taxes = {"name": "Tax", "percent": 10}
    catalogue = taxed(taxes, currency=currency, prices={"A": price}, fees={"percent": 0})
    async with open_box_office(catalogue=catalogue) as office:
        quote = await office.purchase(["A-2-5"])
        assert (quote["total_minor"], quote["total"]) == (9855 + 986, total)
        assert (await office.act(quote)).json()["total"] == total


def test_rounding_is_half_to_even_for_each_ticket() -> None:
    (low,) = ticket_taxes([_tax(name="T", percent=10)], 9845, 0, "USD")
    (high,) = ticket_taxes([_tax(name="T", percent=10)], 9855, 0, "USD")
    assert (low.amount_minor, high.amount_minor) == (984, 986)


def test_several_included_taxes_leave_one_net_price() -> None:
    taxes = ticket_taxes(
        [_tax(name="VAT", percent=10, included=True), _tax(name="City", percent=15, included=True)], 12500, 500, "EUR"
    )
    assert [tax.amount_minor for tax in taxes] == [1000, 1500]  # of a net price of 100.00
    assert added(taxes) == 0


def test_a_seat_stored_before_there_were_taxes() -> None:
    stored = {"id": "A-1-1", "section": "A", "row": "1", "number": "1", "accessible": False}
    seat = OrderSeat.model_validate({**stored, "price_minor": 100, "fee_minor": 5})
    assert (seat.tax_minor, seat.taxes, seat.total_minor) == (0, [], 105)


RATES = st.decimals(0, 100, places=3, allow_nan=False).map(float)
TAXES = st.lists(
    st.builds(
        Tax, name=st.just("T"), percent=RATES, included=st.booleans(), on=st.sampled_from(["price", "price_and_fees"])
    ),
    max_size=4,
)


@given(TAXES, st.integers(0, 10**8), st.integers(0, 10**6), st.data())
def test_tax_back_is_within_tax_and_whole_for_the_whole(
    taxes: list[Tax], price: int, fee: int, data: st.DataObject
) -> None:
    charged = ticket_taxes(taxes, price, fee, "USD")
    assert taxes_back(charged, price, fee, price, fee, currency="USD") == charged
    assert added(taxes_back(charged, price, fee, 0, 0, currency="USD")) == 0
    part_price, part_fee = data.draw(st.integers(0, price)), data.draw(st.integers(0, fee))
    for tax, back in zip(charged, taxes_back(charged, price, fee, part_price, part_fee, currency="USD"), strict=True):
        assert 0 <= back.amount_minor <= tax.amount_minor
        assert (
            abs(
                Decimal(back.amount_minor) * tax.base(price, fee)
                - Decimal(tax.amount_minor) * tax.base(part_price, part_fee)
            )
            <= Decimal(tax.base(price, fee)) / 2
        )
    within = sum(tax.amount_minor for tax in charged if tax.included)
    assert within <= price + fee + len(charged)
