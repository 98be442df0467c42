"""The port of a payment provider.

A provider remembers what it did under each idempotency key, so that a charge whose answer was lost can be looked up:
the box office looks up before it tries again, and never charges under a second key for one confirmation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from usher_shared.errors import Conflict, UpstreamTimeout


class PaymentDeclined(Conflict):
    """The provider refused the charge: nothing was taken."""

    code = "payment_declined"


class PaymentUnknown(UpstreamTimeout):
    """The provider did not answer: whether money moved has to be looked up."""

    code = "payment_unknown"


class ChargeVoided(Conflict):
    """The key was voided before anything was charged under it."""

    code = "payment_voided"


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge that went through. Amounts in minor units."""

    id: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Refund:
    id: str
    charge_id: str
    amount_minor: int


class PaymentProvider(Protocol):
    async def default_method(self, customer_id: str) -> str | None:
        """The token of the customer's method on file."""
        ...

    async def charge(self, *, amount_minor: int, currency: str, token: str, idempotency_key: str) -> Charge:
        """Charge once per key; a repeated key answers as the first time.

        Raises PaymentDeclined, ChargeVoided, PaymentUnknown.
        """
        ...

    async def find_charge(self, idempotency_key: str) -> Charge | None:
        """The charge under that key, if it went through. Raises PaymentUnknown."""
        ...

    async def void(self, idempotency_key: str) -> Charge | None:
        """From now on nothing can be charged under the key; the charge if there was one already.

        Raises PaymentUnknown.
        """
        ...

    async def refund(self, *, charge_id: str, amount_minor: int, idempotency_key: str) -> Refund:
        """Give back once per key. Raises Conflict (more than is left of the charge), PaymentUnknown."""
        ...

    async def ping(self) -> None: ...

    async def close(self) -> None: ...
