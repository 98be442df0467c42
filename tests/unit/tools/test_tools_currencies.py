"""Currencies whose smallest unit no card is charged in: every amount can be asked for."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher_shared.contracts.money import chargeable, chargeable_step
from usher_tools.adapters.stripe_amounts import from_stripe, to_stripe
from usher_tools.events.model import Tax
from usher_tools.orders.model import OrderSeat
from usher_tools.orders.returns import value_of
from usher_tools.orders.taxes import added, ticket_taxes
from usher_tools.policies.service import Terms

CURRENCIES = ("USD", "JPY", "ISK", "UGX", "MGA", "KWD", "BHD", "OMR", "JOD", "TND", "IQD", "LYD")
POLICY = {"until_hours_before": 1, "fee_percent": 5}


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        (Decimal("5124.5"), "KWD", 5120),
        (5125, "KWD", 5120),
        (5135, "KWD", 5140),
        (5150, "MGA", 5200),
        (Decimal("5124.5"), "USD", 5124),
        (5, "JPY", 5),
    ],
)
def test_rounding_to_what_can_be_charged(amount: Decimal | int, currency: str, rounded: int) -> None:
    assert chargeable(amount, currency) == rounded
    assert chargeable(5129, "KWD", rounding=ROUND_FLOOR) == 5120


@given(st.sampled_from(CURRENCIES), st.integers(0, 10**7))
def test_stripe_takes_every_chargeable_amount(currency: str, number: int) -> None:
    amount = number * chargeable_step(currency)
    assert from_stripe(to_stripe(amount, currency), currency) == amount


PERCENT = st.decimals(0, 100, places=2, allow_nan=False).map(float)


TERMS = st.builds(Terms, fee_percent=PERCENT, fees_refundable=st.booleans())


@given(st.sampled_from(CURRENCIES), st.integers(0, 10**5), st.integers(0, 10**4), PERCENT, TERMS)
def test_what_comes_back_of_a_ticket_is_chargeable_and_no_more_than_it_cost(
    currency: str, price_steps: int, fee_steps: int, rate: float, terms: Terms
) -> None:
    step = chargeable_step(currency)
    price, fee = price_steps * step, fee_steps * step
    taxes = ticket_taxes([Tax(name="T", percent=rate, included=False, on="price_and_fees")], price, fee, currency)
    seat = OrderSeat(
        id="A-1-1",
        section="A",
        row="1",
        number="1",
        accessible=False,
        price_minor=price,
        fee_minor=fee,
        tax_minor=added(taxes),
        taxes=taxes,
    )
    assert seat.total_minor % step == 0
    back = value_of(seat, terms, currency).total_minor
    assert back % step == 0
    assert 0 <= back <= seat.total_minor
    assert value_of(seat, Terms(), currency).total_minor == seat.total_minor


class Strict:
    """The sandbox with Stripe's own look at amounts before it."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def authorise(self, **wanted: Any) -> Any:
        to_stripe(wanted["amount_minor"], wanted["currency"])
        return await self.inner.authorise(**wanted)

    async def refund(self, **wanted: Any) -> Any:
        to_stripe(wanted["amount_minor"], "KWD")
        return await self.inner.refund(**wanted)


@pytest.fixture
def in_dinars(small_catalogue: Any) -> dict[str, Any]:
    catalogue: dict[str, Any] = small_catalogue()
    for event in catalogue["events"]:
        event |= {
            "currency": "KWD",
            "prices": {"A": 95.51, "B": 45.53, "C": 30.17},
            "fees": {"per_ticket": 0.25, "percent": 3.3},
            "taxes": [{"name": "Tax", "percent": 7.7, "on": "price_and_fees"}],
            "policies": {
                "refund": POLICY,
                "exchange": POLICY,
                "credit": POLICY,
                "upgrade": {"until_hours_before": 1},
            },
        }
    return catalogue


async def test_a_sale_an_upgrade_and_its_refund_in_dinars(open_box_office: Any, in_dinars: Any) -> None:
    """The refund takes from two charges, of which each gets an amount that it can give back."""
    async with open_box_office(wrap=Strict, catalogue=in_dinars) as office:
        wanted = {"order_id": (await office.buy(["B-A-4", "B-A-5"]))["order_id"]}
        upgrade = await office.quote("upgrade_tickets", {**wanted, "target_section": "A"})
        assert (await office.act(upgrade)).status_code == 200
        refund = await office.quote("refund_order", wanted)
        # a ticket: 5% of 95.51 kept, to the next 0.01, and 7.7% tax in proportion; fees are not refundable
        assert (refund["subtotal"], refund["fees"]) == (-2 * (95.51 - 4.78), 0.0)
        assert all(refund[name] * 1000 % 10 == pytest.approx(0, abs=1e-6) for name in ("taxes", "total"))
        done = await office.act(refund)
        assert (done.status_code, done.json()["refunded"]) == (200, -refund["total"])
        stored = await office.store.get("orders", wanted["order_id"])
        assert (stored["status"], stored["seats"], len(stored["payments"])) == ("refunded", [], 2)


async def test_an_exchange_and_credit_in_dinars(open_box_office: Any, in_dinars: Any) -> None:
    async with open_box_office(wrap=Strict, catalogue=in_dinars) as office:
        first = (await office.buy(["A-2-5"]))["order_id"]
        hold = await office.hold(["B-A-1"], "ann", "next-week")
        exchange = await office.quote("exchange_order", {"order_id": first, "hold_id": hold["hold_id"]})
        assert exchange["total"] < 0
        done = (await office.act(exchange)).json()
        second = done["new_order_id"]
        credit = await office.act(await office.quote("credit_order", {"order_id": second}))
        assert credit.status_code == 200, credit.text
        paid = await office.purchase(["A-2-7"])
        assert 0 < paid["total"] < 110
        assert (await office.act(paid)).status_code == 200
        stored = await office.store.get("credit_accounts", "ann:KWD")
        assert stored["balance_minor"] == 0


async def test_credit_that_is_finer_is_spent_as_far_as_the_rest_can_be_charged(
    open_box_office: Any, in_dinars: Any
) -> None:
    async with open_box_office(wrap=Strict, catalogue=in_dinars) as office:
        account = {"customer_id": "ann", "currency": "KWD", "balance_minor": 1234}
        await office.store.set("credit_accounts", "ann:KWD", account)
        quote = await office.purchase(["A-2-5"])
        assert quote["credit"] == 1.23
        assert (await office.act(quote)).status_code == 200
        assert (await office.store.get("credit_accounts", "ann:KWD"))["balance_minor"] == 4


async def test_what_cannot_be_given_back_is_refused_before_anything_is_asked(
    open_box_office: Any, in_dinars: Any
) -> None:
    """An order that was charged in finer steps, of a provider that took them."""
    async with open_box_office(catalogue=in_dinars) as office:
        wanted = {"order_id": (await office.buy(["A-2-5"]))["order_id"]}
        stored = await office.store.get("orders", wanted["order_id"])
        stored["payments"] = [
            {"charge_id": "CHG_1", "amount_minor": 80_000},
            {"charge_id": "CHG_2", "amount_minor": 30_005},
        ]
        await office.store.set("orders", wanted["order_id"], stored)
        refused = await office.tool("quote", {"action": "refund_order", "arguments": wanted})
        assert (refused.status_code, refused.json()["code"]) == (409, "amount_not_chargeable")


@pytest.mark.parametrize(
    ("path", "change"),
    [("prices.A", {"prices": {"A": 95.505}}), ("fees.per_ticket", {"fees": {"per_ticket": 0.125}})],
)
async def test_the_catalogue_refuses_amounts_that_cannot_be_charged(
    office: Any, in_dinars: Any, path: str, change: dict[str, Any]
) -> None:
    in_dinars["events"][0] |= change
    refused = await office.raw("POST", "/catalogue", caller="cli", json=in_dinars)
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["path"] == f"$.events[0].{path}"
    assert error["message"].endswith("cannot be charged: amounts in KWD are multiples of 0.01")
