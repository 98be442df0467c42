"""The gate before every action that charges, moves or refunds."""

from __future__ import annotations

from usher_shared.clock import from_timestamp
from usher_shared.contracts.confirmations import Confirmation, ProtectedAction, fingerprint
from usher_shared.contracts.tools import Arguments
from usher_shared.documents import Transaction
from usher_shared.errors import ConfirmationRequired, Conflict
from usher_tools.office import Call
from usher_tools.orders.pricing import Priced
from usher_tools.quotes.model import StoredQuote
from usher_tools.quotes.service import canonical


def require_confirmation(action: ProtectedAction, arguments: Arguments, call: Call) -> Confirmation:
    """The call's confirmation, if it is this customer's yes to exactly this action and these arguments.

    Raises ConfirmationRequired.
    """
    given = call.confirmation
    if given is None:
        raise ConfirmationRequired("the customer has not confirmed this")
    if given.action != action or given.customer_id != call.customer_id:
        raise ConfirmationRequired("the confirmation is for another action or customer")
    if given.fingerprint != fingerprint(action, canonical(arguments)):
        raise ConfirmationRequired("the confirmation is for other arguments")
    return given


async def confirmed_quote(tx: Transaction, confirmation: Confirmation, call: Call) -> StoredQuote:
    """The quote that was confirmed. Raises ConfirmationRequired (not this quote), Conflict quote_expired."""
    data = await tx.get("quotes", confirmation.quote_id)
    if data is None or data["customer_id"] != call.customer_id:
        raise ConfirmationRequired("the confirmation names no quote of this customer")
    quote = StoredQuote.model_validate(data)
    if quote.action != confirmation.action or quote.fingerprint != confirmation.fingerprint:
        raise ConfirmationRequired("the confirmation is not for what was quoted")
    if quote.total_minor != confirmation.total_minor or quote.currency != confirmation.currency:
        raise ConfirmationRequired("the confirmation is for another total")
    if from_timestamp(quote.expires_at) <= call.office.clock.now():
        raise Conflict("the quote has expired; quote again", code="quote_expired")
    return quote


def check_price(quote: StoredQuote, priced: Priced) -> None:
    """Raises Conflict price_changed when the total, or what of it is store credit now or later, was not confirmed."""
    today = (priced.total_minor, priced.credited_minor, priced.locked_minor)
    if today != (quote.total_minor, quote.credited_minor, quote.locked_minor):
        raise Conflict("the price has changed; quote again", code="price_changed")
