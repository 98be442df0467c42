"""The port of a payment provider: authorise, then capture; and what it tells us unasked.

A provider remembers what it did under each idempotency key, so that a payment whose answer was lost can be looked up:
the box office looks up before it tries again, and never pays under a second key for one confirmation. An authorised
amount is reserved on the customer's card and not taken: it is captured, or voided and the customer was never charged.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from usher_shared.errors import Conflict, InvalidRequest, UpstreamTimeout

ChargeState = Literal["authorised", "captured", "voided", "declined"]


class PaymentDeclined(Conflict):
    """The provider refused the payment: nothing was taken."""

    code = "payment_declined"


class PaymentUnknown(UpstreamTimeout):
    """The provider did not answer, or not clearly: what happened has to be looked up."""

    code = "payment_unknown"


class ChargeVoided(Conflict):
    """The key was voided: nothing is, or will be, taken under it."""

    code = "payment_voided"


class RefundRefused(Conflict):
    """The provider refuses for good (disputed, no such charge): nothing was given back, nor will be under this key."""

    code = "refund_refused"


class RefundExceedsCharge(RefundRefused):
    """More than is left of the charge."""

    code = "refund_exceeds_charge"


@dataclass(frozen=True, slots=True)
class Charge:
    """What the provider holds under a key. Amounts in minor units."""

    id: str
    amount_minor: int
    currency: str
    state: ChargeState = "captured"


@dataclass(frozen=True, slots=True)
class Refund:
    id: str
    charge_id: str
    amount_minor: int


class PaymentProvider(Protocol):
    """Every call may raise PaymentUnknown. `customer_id` is ours; a key always belongs to one customer."""

    async def default_method(self, customer_id: str) -> str | None:
        """The token of the customer's method on file."""
        ...

    async def authorise(
        self, *, customer_id: str, amount_minor: int, currency: str, token: str, idempotency_key: str
    ) -> Charge:
        """Reserve the amount once per key; a repeated key answers with what the key stands at now.

        Raises PaymentDeclined, ChargeVoided.
        """
        ...

    async def capture(self, *, charge_id: str, idempotency_key: str) -> Charge:
        """Take the whole authorised amount, once; `idempotency_key` is that of the authorisation.

        Raises PaymentDeclined (refused: what was authorised stays authorised), ChargeVoided.
        """
        ...

    async def find(self, idempotency_key: str, *, customer_id: str, since: datetime | None = None) -> Charge | None:
        """What the provider holds under the key. None: nothing yet, though a call under way may still arrive.

        `since`: nothing was asked for under the key before, which spares a search through all that the customer paid.
        """
        ...

    async def void(
        self, idempotency_key: str, *, customer_id: str, last_asked: datetime, since: datetime | None = None
    ) -> Charge | None:
        """From now on nothing can be authorised or captured under the key; an authorisation is given up.

        `last_asked`: no authorisation was asked for under the key after that. Returns the charge when it was captured
        already, and then changes nothing.
        """
        ...

    async def refund(self, *, charge_id: str, amount_minor: int, idempotency_key: str) -> Refund:
        """Give back once per key. Raises RefundRefused, RefundExceedsCharge."""
        ...

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


class BadNotice(InvalidRequest):
    """The notification was not signed by the provider, or is too old."""

    code = "bad_signature"


@dataclass(frozen=True, slots=True)
class Notice:
    """A signed notification: what it is about, never what to believe.

    `payment_key` is the idempotency key of our payment, `charge_id` the charge's where the key is not told.
    `foreign` names what somebody did outside the box office, and `reference` the provider's id of that.
    """

    id: str
    kind: str
    payment_key: str | None = None
    charge_id: str | None = None
    foreign: Literal["refund", "failed refund", "dispute"] | None = None
    reference: str = ""


class PaymentNotices(Protocol):
    def read(self, body: bytes, signature: str) -> Notice:
        """Check the signature over the raw body, then read. Raises BadNotice, InvalidRequest (no notification)."""
        ...
