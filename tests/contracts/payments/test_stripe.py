"""The PaymentProvider contract with Stripe's adapter against a stand-in of Stripe's API, and what is Stripe's alone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from contracts.payments.stripe_stand_in import KEY, Fault, StripeStandIn
from contracts.payments.suite import Bench, Card, PaymentProviderSuite, fresh_key, void
from usher_shared.clock import SystemClock
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_shared.errors import UpstreamFailed
from usher_tools.adapters.stripe_amounts import from_stripe, to_stripe
from usher_tools.adapters.stripe_payments import StripePayments
from usher_tools.payments.ports import Charge, ChargeVoided, PaymentDeclined, PaymentUnknown, RefundRefused


@pytest.fixture
async def bench(server: StripeStandIn, tmp_path: Path) -> AsyncIterator[Bench]:
    store = SqliteDocumentStore(tmp_path / "tools.db")
    opened: list[StripePayments] = []

    def open_one() -> StripePayments:
        opened.append(StripePayments(SecretStr(KEY), store, SystemClock(), api_base=server.url))
        return opened[-1]

    def card(wanted: Card) -> str:
        twice: dict[Card, tuple[str, Fault]] = {  # the first try and the library's retry
            "lost_authorisation": ("authorise", "lost_after"),
            "never_authorised": ("authorise", "lost_before"),
            "lost_capture": ("capture", "lost_after"),
        }
        if wanted in twice:
            operation, fault = twice[wanted]
            server.fail(operation, fault, "lost_before")
        server.refuse_captures = wanted == "refused_capture"
        server.refuse_refunds = wanted == "refused_refund"
        return "pm_declined" if wanted == "declined" else "pm_visa"

    async def put_on_file(customer_id: str) -> None:
        method = f"pm_of_{len(server.methods)}"
        customer = server.add_customer({"usher_customer_id": customer_id}, method)
        server.methods[method] = customer["id"]

    yield Bench(open_one, card, put_on_file)
    for one in opened:
        await one.close()
    await store.close()


class TestStripe(PaymentProviderSuite):
    """The whole contract."""


async def _pay(
    provider: StripePayments,
    key: str,
    method: str = "pm_visa",
    *,
    amount_minor: int = 5000,
    currency: str = "USD",
) -> Charge:
    return await provider.authorise(
        customer_id="ann", amount_minor=amount_minor, currency=currency, token=method, idempotency_key=key
    )


async def test_authentication_is_named(bench: Bench) -> None:
    with pytest.raises(PaymentDeclined, match=r"3-D Secure.*another card.*nothing was charged"):
        await _pay(bench.open(), fresh_key(), "pm_authentication")


async def test_an_unknown_method_and_anothers_are_declined(bench: Bench, server: StripeStandIn) -> None:
    await bench.put_on_file("bob")
    for token in ("pm_nobodys", "pm_of_3"):
        with pytest.raises(PaymentDeclined, match="cannot be used"):
            await _pay(bench.open(), fresh_key(), token)
    assert server.payments == {}


@pytest.mark.parametrize("fault", ["error_before", "error_after", "busy", "lost_before", "lost_after"])
@pytest.mark.parametrize("operation", ["authorise", "capture", "refund", "create_customer"])
async def test_whatever_fails_the_outcome_is_one(
    bench: Bench, server: StripeStandIn, operation: str, fault: Fault
) -> None:
    """A failure is PaymentUnknown or is mended by the library's retry; looking up then tells what happened."""
    provider, key = bench.open(), fresh_key()
    server.fail(operation, fault)
    found = None
    for _ in range(4):
        try:
            found = await provider.find(key, customer_id="ann") or await _pay(provider, key)
            if found.state == "authorised":
                found = await provider.capture(charge_id=found.id, idempotency_key=key)
            await provider.refund(charge_id=found.id, amount_minor=2000, idempotency_key=f"{key}:1")
            break
        except PaymentUnknown:
            if (operation, fault) in {("authorise", "error_before"), ("create_customer", "error_before")}:
                server.keys.clear()  # Stripe keeps the failure for a day
            if (operation, fault) == ("refund", "error_before"):
                server.keys.clear()
            if (operation, fault) == ("create_customer", "error_after"):
                server.keys.clear()
    assert [p["status"] for p in server.payments.values()] == ["succeeded"]
    assert found is not None
    assert server.given_back(found.id) == 2000


async def test_after_a_day_keys_are_forgotten_and_nothing_is_done_twice(bench: Bench, server: StripeStandIn) -> None:
    provider, key = bench.open(), fresh_key()
    charge = await _pay(provider, key)
    await provider.capture(charge_id=charge.id, idempotency_key=key)
    refund = await provider.refund(charge_id=charge.id, amount_minor=1000, idempotency_key=f"{key}:1")

    server.keys.clear()

    assert (await provider.capture(charge_id=charge.id, idempotency_key=key)).state == "captured"
    assert await provider.refund(charge_id=charge.id, amount_minor=1000, idempotency_key=f"{key}:1") == refund
    found = await provider.find(key, customer_id="ann")
    assert found is not None
    assert found.id == charge.id


async def test_an_amount_below_stripe_s_least_is_named(bench: Bench) -> None:
    with pytest.raises(PaymentDeclined, match=r"\$0\.20 is too small an amount") as refused:
        await _pay(bench.open(), fresh_key(), amount_minor=20)
    assert refused.value.code == "amount_not_chargeable"


async def test_a_slow_authorisation_cannot_arrive_after_avoid(bench: Bench, server: StripeStandIn) -> None:
    """The key is spent by the void: the request that is still on its way is refused."""
    provider, key = bench.open(), fresh_key()
    await _pay(provider, fresh_key())
    server.fail("authorise", "lost_before", "lost_before")
    with pytest.raises(PaymentUnknown):
        await _pay(provider, key)

    assert await void(provider, key) is None

    with pytest.raises(ChargeVoided):  # as if the lost request came through now
        await _pay(provider, key)
    assert len(server.payments) == 1


async def test_what_is_being_carried_out_cannot_be_called_off(bench: Bench, server: StripeStandIn) -> None:
    provider, key = bench.open(), fresh_key()
    await _pay(provider, fresh_key())
    server.gate = asyncio.Event()
    paying = asyncio.create_task(_pay(provider, key))
    await server.at_gate.wait()

    with pytest.raises(PaymentUnknown):
        await void(provider, key)

    server.gate.set()
    assert (await paying).state == "authorised"
    assert await void(provider, key) is None
    assert [p["status"] for p in server.payments.values()] == ["requires_capture", "canceled"]


async def test_what_failed_within_stripe_is_called_off_when_it_cannot_be_under_way(
    bench: Bench, server: StripeStandIn
) -> None:
    provider, key = bench.open(), fresh_key()
    await _pay(provider, fresh_key())
    server.fail("authorise", "error_before")
    with pytest.raises(PaymentUnknown):
        await _pay(provider, key)

    with pytest.raises(PaymentUnknown):
        await void(provider, key)
    assert await void(provider, key, seconds_ago=600) is None
    assert len(server.payments) == 1


async def test_payments_are_found_beyond_the_first_page(bench: Bench, server: StripeStandIn) -> None:
    server.page_size = 2
    provider, keys = bench.open(), [fresh_key() for _ in range(5)]
    for key in keys:
        await _pay(provider, key)
    found = await provider.find(keys[0], customer_id="ann")
    assert found is not None
    assert found.id == min(server.payments)


async def test_only_payments_since_the_action_are_gone_through(bench: Bench, server: StripeStandIn) -> None:
    """A client without customers of its own is one customer, with thousands of payments."""
    provider, key, clock = bench.open(), fresh_key(), SystemClock()
    server.now = (clock.now() - timedelta(days=1)).timestamp
    await _pay(provider, key)
    assert await provider.find(key, customer_id="ann", since=clock.now()) is None
    assert await provider.find(key, customer_id="ann", since=clock.now() - timedelta(days=1)) is not None
    assert await provider.find(key, customer_id="ann") is not None


async def test_a_card_saved_later_is_found(bench: Bench, server: StripeStandIn) -> None:
    """The customer first paid with a token, as a Stripe customer of our making."""
    provider, key = bench.open(), fresh_key()
    assert await provider.default_method("ann") is None
    charge = await _pay(provider, key)
    await bench.put_on_file("ann")

    token = await provider.default_method("ann")

    assert token is not None
    paid = await _pay(provider, fresh_key(), token)
    assert server.payments[paid.id]["customer"] != server.payments[charge.id]["customer"]
    assert await provider.find(key, customer_id="ann") == charge  # the earlier one is still found


async def test_the_newest_card_serves_where_none_is_the_default(bench: Bench, server: StripeStandIn) -> None:
    customer = server.add_customer({"usher_customer_id": "o'neill\\"})
    server.methods |= {"pm_old": customer["id"], "pm_new": customer["id"]}
    assert await bench.open().default_method("o'neill\\") == "pm_new"


async def test_a_customer_that_stripe_does_not_know_is_an_upstream_failure(bench: Bench, server: StripeStandIn) -> None:
    """Of another account, or deleted: nothing can be said of the payment, and nothing raw comes through."""
    provider, key = bench.open(), fresh_key()
    await _pay(provider, key)
    server.customers.clear()
    for asked in (provider.find(key, customer_id="ann"), void(provider, key), provider.default_method("ann")):
        with pytest.raises(UpstreamFailed):
            await asked


@pytest.mark.parametrize("amount_minor", [5124, 4])
async def test_an_amount_that_stripe_cannot_give_back_is_refused(
    bench: Bench, server: StripeStandIn, amount_minor: int
) -> None:
    provider, key = bench.open(), fresh_key()
    charge = await _pay(provider, key, amount_minor=95500, currency="KWD")
    await provider.capture(charge_id=charge.id, idempotency_key=key)
    with pytest.raises(RefundRefused) as refused:
        await provider.refund(charge_id=charge.id, amount_minor=amount_minor, idempotency_key=f"{key}:1")
    assert refused.value.code == "amount_not_chargeable"
    assert "refund" not in server.asked


async def test_a_refused_key_is_our_fault_and_stays_secret(
    server: StripeStandIn, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    store = SqliteDocumentStore(tmp_path / "tools.db")
    provider = StripePayments(SecretStr("sk_test_wrong"), store, SystemClock(), api_base=server.url)
    with pytest.raises(UpstreamFailed):
        await _pay(provider, fresh_key())
    assert "sk_test_wrong" not in caplog.text
    await provider.close()
    await store.close()


@pytest.mark.parametrize(
    ("currency", "ours", "theirs"),
    [
        ("USD", 12000, 12000),
        ("JPY", 500, 500),
        ("KWD", 5120, 5120),
        ("ISK", 1500, 150000),
        ("UGX", 500, 50000),
        ("MGA", 50000, 500),
        ("XOF", 1000, 1000),
        ("HUF", 17500, 17500),
    ],
)
def test_amounts_as_stripe_counts(currency: str, ours: int, theirs: int) -> None:
    assert to_stripe(ours, currency) == theirs
    assert from_stripe(theirs, currency) == ours


@pytest.mark.parametrize(("currency", "ours"), [("KWD", 5124), ("MGA", 50050)])
async def test_amounts_that_stripe_cannot_take_are_declined(
    bench: Bench, server: StripeStandIn, currency: str, ours: int
) -> None:
    with pytest.raises(PaymentDeclined) as refused:
        await _pay(bench.open(), fresh_key(), currency=currency, amount_minor=ours)
    assert refused.value.code == "amount_not_chargeable"
    assert server.asked == []
