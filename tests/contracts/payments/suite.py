"""What every PaymentProvider does. An adapter's test subclasses `PaymentProviderSuite` with the fixture `bench`."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from usher_tools.payments.ports import (
    Charge,
    ChargeVoided,
    PaymentDeclined,
    PaymentProvider,
    PaymentUnknown,
    Refund,
    RefundExceedsCharge,
    RefundRefused,
)

Card = Literal[
    "good",
    "declined",
    "lost_authorisation",
    "never_authorised",
    "lost_capture",
    "refused_capture",
    "refused_refund",
]
_NUMBERS = itertools.count(1)


@dataclass
class Bench:
    """`card` answers with a token and arranges that the provider behaves so once; `open` is one more client."""

    open: Callable[[], PaymentProvider]
    card: Callable[[Card], str]
    put_on_file: Callable[[str], Any]


def fresh_key() -> str:
    return f"CONF-{next(_NUMBERS)}"


async def _authorise(
    provider: PaymentProvider, key: str, token: str, amount: int = 12000, customer: str = "ann"
) -> Charge:
    return await provider.authorise(
        customer_id=customer, amount_minor=amount, currency="USD", token=token, idempotency_key=key
    )


async def _captured(provider: PaymentProvider, key: str, token: str, amount: int = 12000) -> Charge:
    charge = await _authorise(provider, key, token, amount)
    return await provider.capture(charge_id=charge.id, idempotency_key=key)


async def void(provider: PaymentProvider, key: str, *, seconds_ago: float = 0) -> Charge | None:
    last_asked = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return await provider.void(key, customer_id="ann", last_asked=last_asked)


async def _state(provider: PaymentProvider, key: str) -> str | None:
    found = await provider.find(key, customer_id="ann")
    return None if found is None else found.state


class PaymentProviderSuite:
    async def test_authorise_then_capture(self, bench: Bench) -> None:
        provider, key = bench.open(), fresh_key()
        assert await provider.find(key, customer_id="ann") is None

        charge = await _authorise(provider, key, bench.card("good"))

        assert (charge.amount_minor, charge.currency, charge.state) == (12000, "USD", "authorised")
        assert await provider.find(key, customer_id="ann") == charge
        taken = await provider.capture(charge_id=charge.id, idempotency_key=key)
        assert taken == Charge(charge.id, 12000, "USD", "captured")
        assert await provider.find(key, customer_id="ann") == taken
        assert await provider.capture(charge_id=charge.id, idempotency_key=key) == taken

    async def test_a_key_authorises_once(self, bench: Bench) -> None:
        provider, key, card = bench.open(), fresh_key(), bench.card("good")
        first = await _authorise(provider, key, card)

        assert await _authorise(provider, key, card) == first
        await provider.capture(charge_id=first.id, idempotency_key=key)
        again = await _authorise(provider, key, card)

        assert (again.id, again.state) == (first.id, "captured")

    async def test_many_at_once_authorise_once(self, bench: Bench) -> None:
        provider, key, card = bench.open(), fresh_key(), bench.card("good")
        await _authorise(provider, fresh_key(), card)  # the customer is known

        found = await asyncio.gather(*(_authorise(provider, key, card) for _ in range(10)), return_exceptions=True)

        charges = {charge.id for charge in found if isinstance(charge, Charge)}
        assert len(charges) == 1
        assert all(isinstance(other, PaymentUnknown) for other in found if not isinstance(other, Charge))

    async def test_a_declined_key_stays_declined(self, bench: Bench) -> None:
        provider, key, card = bench.open(), fresh_key(), bench.card("declined")
        for _ in range(2):
            with pytest.raises(PaymentDeclined, match="nothing was charged"):
                await _authorise(provider, key, card)

        assert await _state(provider, key) == "declined"
        assert await void(provider, key) is None

    async def test_an_authorisation_whose_answer_was_lost_is_found(self, bench: Bench) -> None:
        provider, key = bench.open(), fresh_key()
        card = bench.card("lost_authorisation")
        with pytest.raises(PaymentUnknown):
            await _authorise(provider, key, card)

        found = await bench.open().find(key, customer_id="ann")

        assert found is not None
        assert found.state == "authorised"
        assert await _authorise(provider, key, card) == found

    async def test_what_never_arrived_is_not_found_and_can_be_called_off(self, bench: Bench) -> None:
        provider, key = bench.open(), fresh_key()
        with pytest.raises(PaymentUnknown):
            await _authorise(provider, key, bench.card("never_authorised"))
        assert await provider.find(key, customer_id="ann") is None

        for _ in range(2):
            assert await void(provider, key) is None

        with pytest.raises(ChargeVoided):
            await _authorise(provider, key, bench.card("good"))
        assert await _state(provider, key) in (None, "voided")

    async def test_a_voided_authorisation_is_never_captured(self, bench: Bench) -> None:
        provider, key, card = bench.open(), fresh_key(), bench.card("good")
        charge = await _authorise(provider, key, card)

        for _ in range(2):
            assert await void(provider, key) is None

        assert await _state(provider, key) == "voided"
        with pytest.raises(ChargeVoided):
            await provider.capture(charge_id=charge.id, idempotency_key=key)
        with pytest.raises(ChargeVoided):
            await _authorise(provider, key, card)

    async def test_what_was_captured_cannot_be_voided(self, bench: Bench) -> None:
        provider, key = bench.open(), fresh_key()
        charge = await _captured(provider, key, bench.card("good"))

        assert await void(provider, key) == charge
        assert await _state(provider, key) == "captured"

    async def test_capture_and_void_at_once_have_one_outcome(self, bench: Bench) -> None:
        provider, key = bench.open(), fresh_key()
        charge = await _authorise(provider, key, bench.card("good"))

        taken, voided = await asyncio.gather(
            provider.capture(charge_id=charge.id, idempotency_key=key),
            void(provider, key),
            return_exceptions=True,
        )

        state = await _state(provider, key)
        assert isinstance(taken, Charge) == (state == "captured")
        if state == "voided":
            assert isinstance(taken, ChargeVoided)
            assert voided is None
        else:
            assert voided == taken

    async def test_a_capture_whose_answer_was_lost_is_found(self, bench: Bench) -> None:
        provider, key = bench.open(), fresh_key()
        charge = await _authorise(provider, key, bench.card("lost_capture"))
        with pytest.raises(PaymentUnknown):
            await provider.capture(charge_id=charge.id, idempotency_key=key)

        assert await _state(bench.open(), key) == "captured"
        assert (await provider.capture(charge_id=charge.id, idempotency_key=key)).state == "captured"

    async def test_a_refused_capture_leaves_the_authorisation(self, bench: Bench) -> None:
        provider, key = bench.open(), fresh_key()
        charge = await _authorise(provider, key, bench.card("refused_capture"))
        with pytest.raises(PaymentDeclined):
            await provider.capture(charge_id=charge.id, idempotency_key=key)

        assert await _state(provider, key) == "authorised"
        assert await void(provider, key) is None
        assert await _state(provider, key) == "voided"

    async def test_refunds_are_once_per_key_and_never_more_than_was_taken(self, bench: Bench) -> None:
        provider, key = bench.open(), fresh_key()
        charge = await _captured(provider, key, bench.card("good"))

        async def give(amount: int, number: int) -> Refund:
            return await provider.refund(
                charge_id=charge.id, amount_minor=amount, idempotency_key=f"{key}:refund:{number}"
            )

        first = await give(5000, 1)
        assert (first.charge_id, first.amount_minor) == (charge.id, 5000)
        assert await give(5000, 1) == first
        with pytest.raises(RefundExceedsCharge):
            await give(7001, 2)
        assert (await give(7000, 3)).amount_minor == 7000
        with pytest.raises(RefundExceedsCharge):
            await give(1, 4)
        assert await give(5000, 1) == first

    async def test_refunds_at_once_never_exceed_what_was_taken(self, bench: Bench) -> None:
        provider, key = bench.open(), fresh_key()
        charge = await _captured(provider, key, bench.card("good"))

        found = await asyncio.gather(
            *(
                provider.refund(charge_id=charge.id, amount_minor=7000, idempotency_key=f"{key}:refund:{number}")
                for number in range(4)
            ),
            return_exceptions=True,
        )

        assert sorted(type(one).__name__ for one in found) == ["Refund", *["RefundExceedsCharge"] * 3]

    async def test_what_was_not_taken_is_not_given_back(self, bench: Bench) -> None:
        provider, key = bench.open(), fresh_key()
        charge = await _authorise(provider, key, bench.card("good"))
        with pytest.raises(RefundExceedsCharge):
            await provider.refund(charge_id=charge.id, amount_minor=100, idempotency_key=f"{key}:refund")

    async def test_a_refund_that_the_provider_refuses_for_good(self, bench: Bench) -> None:
        provider, key = bench.open(), fresh_key()
        charge = await _captured(provider, key, bench.card("refused_refund"))
        for _ in range(2):
            with pytest.raises(RefundRefused) as refused:
                await provider.refund(charge_id=charge.id, amount_minor=100, idempotency_key=f"{key}:refund")
            assert not isinstance(refused.value, RefundExceedsCharge)
            assert refused.value.code == "refund_refused"

    async def test_a_charge_that_is_not_there_is_not_refunded(self, bench: Bench) -> None:
        with pytest.raises(RefundRefused) as refused:
            await bench.open().refund(charge_id="CHG_none", amount_minor=100, idempotency_key=f"{fresh_key()}:refund")
        assert refused.value.code == "charge_not_found"

    async def test_a_customers_payments_are_no_others(self, bench: Bench) -> None:
        provider, key = bench.open(), fresh_key()
        await _authorise(provider, key, bench.card("good"))
        assert await provider.find(key, customer_id="bob") is None

    async def test_the_method_on_file_pays(self, bench: Bench) -> None:
        provider, key = bench.open(), fresh_key()
        customer = f"carol-{key}"
        await bench.put_on_file(customer)
        token = await provider.default_method(customer)
        assert token is not None
        charge = await _authorise(provider, key, token, customer=customer)
        assert charge.state == "authorised"
        assert await provider.find(key, customer_id=customer) == charge
