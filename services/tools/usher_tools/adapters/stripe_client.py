"""The connection to Stripe: the official library over aiohttp, and what its errors mean to the box office."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import aiohttp
import stripe
from pydantic import SecretStr

from usher_shared.errors import UpstreamFailed
from usher_tools.payments.ports import PaymentDeclined, PaymentUnknown

API_VERSION = "2026-10-28.endive"  # pinned: a change of the account's version changes nothing here
_TIMEOUT = aiohttp.ClientTimeout(total=8, connect=3)
_RETRIES = 1  # under the same idempotency key; what stays unknown is looked up, not asked again
_LOG = logging.getLogger(__name__)


def connect(key: SecretStr, *, api_base: str | None = None) -> tuple[stripe.StripeClient, stripe.HTTPClient]:
    """A client, and what has to be closed behind it. `api_base` points to another server than Stripe's."""
    http = stripe.AIOHTTPClient(timeout=_TIMEOUT)
    client = stripe.StripeClient(
        key.get_secret_value(),
        stripe_version=API_VERSION,
        http_client=http,
        max_network_retries=_RETRIES,
        base_addresses={"api": api_base} if api_base else {},
    )
    return client, http


def _reason(error: stripe.CardError) -> str:
    if error.code == "authentication_required":
        return (
            "the card's bank asks for authentication (3-D Secure), which cannot be done here: "
            "please use another card; nothing was charged"
        )
    words = error.user_message or "The card was declined."
    return f"{words.rstrip('.')}; nothing was charged"


@contextlib.contextmanager
def asking(*, refusals: bool = False) -> Iterator[None]:
    """Turns the library's errors into the port's.

    Refusals of the card are PaymentDeclined; everything after which the outcome is open is PaymentUnknown. A request
    that Stripe refuses as it is (InvalidRequestError, IdempotencyError) is UpstreamFailed; with `refusals` these stay
    as they are, for a caller who knows what they mean.
    """
    try:
        yield
    except stripe.CardError as error:
        raise PaymentDeclined(_reason(error)) from error
    except (stripe.IdempotencyError, stripe.InvalidRequestError) as error:
        if refusals:
            raise
        _LOG.error("Stripe refused a request", extra={"code": error.code, "request": error.request_id})
        raise UpstreamFailed("the payment provider refused a request", code="payment_refused") from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        _LOG.error("Stripe refuses our key", extra={"request": error.request_id})
        raise UpstreamFailed("the payment provider refused the box office", code="payment_refused") from error
    except stripe.StripeError as error:  # connections, 409 (key in use), 429, 5xx
        _LOG.warning("Stripe: %s", type(error).__name__, extra={"status": error.http_status})
        raise PaymentUnknown("the payment provider did not answer", retry_after_seconds=1) from error
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:  # a body that broke off
        _LOG.warning("Stripe: %s", type(error).__name__)
        raise PaymentUnknown("the payment provider did not answer", retry_after_seconds=1) from error


def metadata(thing: stripe.PaymentIntent | stripe.Refund | stripe.Charge) -> dict[str, str]:
    found = thing.metadata
    return {} if found is None else found.to_dict()
