"""Payments with Stripe: PaymentIntents that are captured by hand, by the official library.

Our idempotency key becomes Stripe's and stands in the payment's metadata. Stripe forgets idempotency keys after 24
hours and its search lags behind, so a payment is looked up where neither matters: in the list of the customer's
payments. Capture and cancel need no key: a PaymentIntent is captured or cancelled once.
Sources: https://docs.stripe.com/api/idempotent_requests, https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
"""

from __future__ import annotations

import contextlib
import logging
from datetime import datetime, timedelta

import stripe
from pydantic import SecretStr

from usher_shared.clock import Clock
from usher_shared.contracts.money import format_money
from usher_shared.documents import DocumentStore
from usher_shared.errors import NotFound, UpstreamFailed
from usher_tools.adapters.stripe_amounts import from_stripe, to_stripe
from usher_tools.adapters.stripe_client import asking, connect, metadata
from usher_tools.adapters.stripe_customers import CUSTOMER, StripeCustomers
from usher_tools.payments.ports import (
    Charge,
    ChargeState,
    ChargeVoided,
    PaymentDeclined,
    PaymentUnknown,
    Refund,
    RefundExceedsCharge,
    RefundRefused,
)
from usher_tools.settings import Settings

PAYMENT = "usher_payment"  # metadata: our idempotency key
REFUND = "usher_refund"
_CLOCKS_APART = timedelta(minutes=10)
_UNDER_WAY = timedelta(minutes=5)  # longer than Stripe works on a request
_LOG = logging.getLogger(__name__)
_STATES: dict[str, ChargeState] = {
    "requires_capture": "authorised",
    "succeeded": "captured",
    "canceled": "voided",
    "requires_payment_method": "declined",
    "requires_confirmation": "declined",
    "requires_action": "declined",  # nobody can authenticate here
}


def _charge(payment: stripe.PaymentIntent) -> Charge:
    """Raises PaymentUnknown for a payment that Stripe is still working on."""
    state = _STATES.get(payment.status)
    if state is None:
        raise PaymentUnknown("the payment is being processed", retry_after_seconds=2)
    currency = payment.currency.upper()
    return Charge(payment.id, from_stripe(payment.amount, currency), currency, state)


def _voided() -> ChargeVoided:
    return ChargeVoided("this payment was called off; nothing was charged")


class StripePayments:
    """`store` keeps which Stripe customer is which of ours; the caller closes it. `api_base` is for tests."""

    def __init__(self, key: SecretStr, store: DocumentStore, clock: Clock, *, api_base: str | None = None) -> None:
        self._clock = clock
        self._client, self._http = connect(key, api_base=api_base)
        self._customers = StripeCustomers(self._client, store)

    async def default_method(self, customer_id: str) -> str | None:
        return await self._customers.method(customer_id)

    async def authorise(
        self, *, customer_id: str, amount_minor: int, currency: str, token: str, idempotency_key: str
    ) -> Charge:
        amount = to_stripe(amount_minor, currency)
        customer = await self._customers.present(customer_id)
        try:
            with asking(refusals=True):
                payment = await self._client.v1.payment_intents.create_async(
                    {
                        "amount": amount,
                        "currency": currency.lower(),
                        "customer": customer,
                        "payment_method": token,
                        "allowed_payment_method_types": ["card"],
                        "capture_method": "manual",
                        "confirm": True,
                        "off_session": True,
                        "metadata": {PAYMENT: idempotency_key, CUSTOMER: customer_id},
                    },
                    {"idempotency_key": idempotency_key},
                )
                if _replayed(payment):  # the answer of the first call: what has become of it since?
                    payment = await self._client.v1.payment_intents.retrieve_async(payment.id)
        except stripe.IdempotencyError as error:  # the key was used up by `void`, or for another card on file
            found = await self.find(idempotency_key, customer_id=customer_id)
            if found is None or found.state == "voided":
                raise _voided() from error
            return found
        except stripe.InvalidRequestError as error:
            if error.code in ("amount_too_small", "amount_too_large"):
                words = f"{format_money(amount_minor, currency)} is too {error.code[11:]} an amount to be paid by card"
                raise PaymentDeclined(f"{words}; nothing was charged", code="amount_not_chargeable") from error
            _LOG.error("Stripe refused a payment", extra={"code": error.code, "param": error.param})
            raise PaymentDeclined("this payment method cannot be used here; nothing was charged") from error
        if payment.status == "requires_action":
            await self._cancel(payment.id)
            raise PaymentDeclined("the card's bank asks for authentication, which cannot be done here")
        charge = _charge(payment)
        if charge.state == "voided":
            raise _voided()
        if charge.state == "declined":
            raise PaymentDeclined("the card was declined; nothing was charged")
        return charge

    async def capture(self, *, charge_id: str, idempotency_key: str) -> Charge:
        try:
            with asking(refusals=True):
                payment = await self._client.v1.payment_intents.capture_async(charge_id)
            return _charge(payment)
        except stripe.InvalidRequestError as error:  # not in a state to be captured, or refused by the bank
            charge = await self._retrieve(charge_id)
            if charge.state == "captured":
                return charge
            if charge.state == "voided":
                raise _voided() from error
            _LOG.warning("Stripe refused a capture", extra={"code": error.code, "payment": charge_id})
            raise PaymentDeclined("the bank refused the payment; nothing was charged") from error

    async def find(self, idempotency_key: str, *, customer_id: str, since: datetime | None = None) -> Charge | None:
        first = 0 if since is None else int((since - _CLOCKS_APART).timestamp())
        for stripe_id in await self._customers.known(customer_id):
            with asking():
                page = await self._client.v1.payment_intents.list_async(
                    {"customer": stripe_id, "created": {"gte": first}, "limit": 100}
                )
                async for payment in page.auto_paging_iter():  # the newest first
                    if metadata(payment).get(PAYMENT) == idempotency_key:
                        return _charge(payment)
        return None

    async def void(
        self, idempotency_key: str, *, customer_id: str, last_asked: datetime, since: datetime | None = None
    ) -> Charge | None:
        found = await self.find(idempotency_key, customer_id=customer_id, since=since)
        if found is None:
            used_up = await self._use_up(idempotency_key, customer_id)
            found = await self.find(idempotency_key, customer_id=customer_id, since=since)
            if found is None and not used_up and self._clock.now() - last_asked < _UNDER_WAY:
                raise PaymentUnknown("the payment may be under way", retry_after_seconds=2)
        if found is None or found.state == "voided":
            return None
        if found.state == "captured":
            return found
        await self._cancel(found.id)
        after = await self._retrieve(found.id)
        if after.state == "authorised":
            raise PaymentUnknown("the payment could not be called off yet", retry_after_seconds=2)
        return after if after.state == "captured" else None

    async def _use_up(self, idempotency_key: str, customer_id: str) -> bool:
        """Spend the key on a harmless request: an authorisation that arrives with it later will be refused.

        False when the key had been spent by an authorisation: one that is under way, or one that failed within Stripe.
        Raises PaymentUnknown (409: one is under way). https://docs.stripe.com/api/idempotent_requests
        """
        customer = await self._customers.present(customer_id)
        try:
            with asking(refusals=True):
                await self._client.v1.customers.update_async(
                    customer, {"metadata": {"usher_called_off": idempotency_key}}, {"idempotency_key": idempotency_key}
                )
        except stripe.IdempotencyError:
            return False
        except stripe.InvalidRequestError as error:  # no such customer: deleted, or of another account
            _LOG.error("Stripe refused to call a payment off", extra={"code": error.code, "customer": customer})
            raise UpstreamFailed("the payment could not be called off", code="payment_refused") from error
        return True

    async def _cancel(self, charge_id: str) -> None:
        with (
            contextlib.suppress(stripe.InvalidRequestError),
            asking(refusals=True),
        ):  # captured or cancelled: looked up after
            await self._client.v1.payment_intents.cancel_async(charge_id)

    async def _retrieve(self, charge_id: str) -> Charge:
        try:
            with asking(refusals=True):
                return _charge(await self._client.v1.payment_intents.retrieve_async(charge_id))
        except stripe.InvalidRequestError as error:
            raise NotFound(f"there is no charge {charge_id}", code="charge_not_found") from error

    async def refund(self, *, charge_id: str, amount_minor: int, idempotency_key: str) -> Refund:
        try:
            payment = await self._retrieve(charge_id)
            amount = to_stripe(amount_minor, payment.currency)
        except (NotFound, PaymentDeclined) as error:  # no such charge, or an amount that Stripe does not have
            raise RefundRefused(error.detail, code=error.code) from error
        with asking():  # the key alone would not do: Stripe forgets it after 24 hours
            page = await self._client.v1.refunds.list_async({"payment_intent": charge_id, "limit": 100})
            async for refund in page.auto_paging_iter():
                if metadata(refund).get(REFUND) == idempotency_key:
                    return Refund(refund.id, charge_id, from_stripe(refund.amount, payment.currency))
        try:
            with asking(refusals=True):
                made = await self._client.v1.refunds.create_async(
                    {"payment_intent": charge_id, "amount": amount, "metadata": {REFUND: idempotency_key}},
                    {"idempotency_key": f"refund-{idempotency_key}"},
                )
        except (stripe.InvalidRequestError, stripe.IdempotencyError) as error:
            if await self._left(charge_id) < amount:
                raise RefundExceedsCharge("more than is left of the charge") from error
            _LOG.error("Stripe refused a refund", extra={"code": error.code, "payment": charge_id})
            raise RefundRefused("the payment provider refused the refund") from error
        return Refund(made.id, charge_id, amount_minor)

    async def _left(self, charge_id: str) -> int:
        """What may still be given back, as Stripe counts."""
        with asking():
            payment = await self._client.v1.payment_intents.retrieve_async(charge_id, {"expand": ["latest_charge"]})
        charge = payment.latest_charge
        given = charge.amount_refunded if isinstance(charge, stripe.Charge) else 0
        return payment.amount_received - given

    async def ping(self) -> None:
        """Nothing: while Stripe is away, seats can still be found, held and given back."""

    async def close(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call]  # the library has no types for it


def _replayed(payment: stripe.PaymentIntent) -> bool:
    response = payment.last_response
    return response is not None and response.headers.get("Idempotent-Replayed") == "true"


def stripe_of(settings: Settings, store: DocumentStore, clock: Clock) -> StripePayments | None:
    """Stripe, when its key is set. `store` stays the caller's."""
    key = settings.stripe_secret_key
    return None if key is None else StripePayments(key, store, clock)
