"""Stripe's webhooks: the signature by the official library, then what the event is about.

Source: https://docs.stripe.com/webhooks#verify-official-libraries
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import stripe
from pydantic import SecretStr

from usher_shared.errors import InvalidRequest
from usher_tools.adapters.stripe_payments import PAYMENT, REFUND
from usher_tools.payments.ports import BadNotice, Notice, PaymentNotices
from usher_tools.settings import Settings

_TOLERANCE_SECONDS = 300


class StripeNotices:
    """`secrets`: the endpoint's signing secrets, apart by spaces; two while one replaces the other."""

    def __init__(self, secrets: SecretStr) -> None:
        self._secrets = secrets.get_secret_value().split()
        if not self._secrets:
            raise ValueError("no signing secret")

    def read(self, body: bytes, signature: str) -> Notice:
        if not any(self._signed(body, signature, secret) for secret in self._secrets):
            raise BadNotice("the signature is not this endpoint's, or too old")
        try:
            event = orjson.loads(body)
            return _notice(event["id"], event["type"], event["data"]["object"])
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise InvalidRequest("not an event of Stripe's") from error

    @staticmethod
    def _signed(body: bytes, signature: str, secret: str) -> bool:
        try:
            stripe.WebhookSignature.verify_header(body, signature, secret, _TOLERANCE_SECONDS)
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            return False
        return True


def _notice(id: str, type: str, thing: Mapping[str, Any]) -> Notice:
    metadata = thing.get("metadata") or {}
    if type.startswith("payment_intent."):
        return Notice(id, type, payment_key=metadata.get(PAYMENT), charge_id=thing["id"])
    charge = thing.get("payment_intent")
    if type.startswith("refund."):
        ours = metadata.get(REFUND)
        if type == "refund.failed":
            return Notice(id, type, charge_id=charge, foreign="failed refund", reference=thing["id"])
        if ours is not None:
            return Notice(id, type, payment_key=ours.rpartition(":")[0])
        return Notice(id, type, charge_id=charge, foreign="refund", reference=thing["id"])
    if type.startswith("charge.dispute."):
        return Notice(id, type, charge_id=charge, foreign="dispute", reference=thing["id"])
    return Notice(id, type)


def notices_of(settings: Settings) -> Mapping[str, PaymentNotices]:
    """Stripe's notifications, when their signing secret is set."""
    secrets = settings.stripe_webhook_secret
    return {} if secrets is None else {"stripe": StripeNotices(secrets)}
