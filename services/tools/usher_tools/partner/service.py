"""The BoxOffice of a venue that keeps its own system: every tool is asked of the partner.

Reads are passed on, checked. Calls with an effect go out under a key, and their answer is recorded under the caller's
idempotency key; a quote is kept, so that a confirmation is checked against it here. `actions` has what charges,
moves or refunds.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from usher_shared.clock import to_timestamp
from usher_shared.contracts.confirmations import PROTECTED_ACTIONS, ProtectedAction, fingerprint
from usher_shared.contracts.tools import (
    TOOLS,
    Answer,
    Arguments,
    OpenSupportTicket,
    Quote,
    QuoteArguments,
    SupportTicket,
)
from usher_shared.contracts.tools.offering import READS
from usher_shared.documents import Transaction
from usher_shared.errors import NotFound, Unprocessable
from usher_tools.office import Call, Page, answer_json
from usher_tools.partner.actions import carry_out
from usher_tools.partner.checking import check_answer, check_quote, nonsense
from usher_tools.partner.ports import Partner, PartnerCall
from usher_tools.quotes.model import StoredQuote
from usher_tools.quotes.service import canonical, check_customer, parse_arguments
from usher_tools.support.service import open_support_ticket

_PURGE_AFTER = timedelta(days=2)


class PartnerBoxOffice:
    """A BoxOffice: answers are those of the partner, once they are checked."""

    def __init__(self, partner: Partner) -> None:
        self._partner = partner

    async def run(self, name: str, arguments: Arguments, call: Call) -> dict[str, Any]:
        if name in PROTECTED_ACTIONS:
            return await carry_out(self._partner, cast(ProtectedAction, name), arguments, call)
        if name == "quote":
            return await self._quote(cast(QuoteArguments, arguments), call)
        try:
            answer = await self._ask(name, arguments, call)
        except NotFound as error:
            if name == "open_support_ticket" and error.code == "unknown_tool":
                return _json(await _keep_ticket(cast(OpenSupportTicket, arguments), call))
            raise
        if call.lease is not None:

            async def record(tx: Transaction) -> None:
                await call.check(tx)
                call.finish(tx, answer)

            await call.office.store.transaction(record)
        return _json(answer)

    async def _ask(self, name: str, arguments: Arguments, call: Call) -> Answer:
        key = None
        if name not in READS:
            # the same for every execution of the caller's key, so that one after a crash changes nothing twice
            key = call.lease.record_id if call.lease else call.office.ids.new("CALL")
        page = call.page
        if name == "search_events" and page.limit is None:
            page = Page(call.office.settings.search_limit)
        wanted = PartnerCall(name, canonical(arguments), call.customer_id, key, page=page)
        return check_answer(name, arguments, await self._partner.ask(wanted))

    async def _quote(self, wanted: QuoteArguments, call: Call) -> dict[str, Any]:
        office = call.office
        asked = _complete(wanted, call.customer_id)
        quote = check_quote(cast(Quote, await self._ask("quote", asked, call)), call.customer_id, office.clock.now())
        stored = StoredQuote(
            id=quote.quote_id,
            customer_id=call.customer_id,
            action=quote.action,
            arguments=quote.arguments,
            fingerprint=fingerprint(quote.action, quote.arguments),
            total_minor=quote.total_minor,
            currency=quote.currency,
            seat_ids=[seat.id for seat in quote.seats],
            expires_at=to_timestamp(quote.expires_at),
            purge_at=to_timestamp(quote.expires_at + _PURGE_AFTER),
            relayed=_json(quote),
        )

        async def keep(tx: Transaction) -> None:
            await call.check(tx)
            earlier = await tx.get("quotes", stored.id)
            if earlier is not None and earlier["customer_id"] != call.customer_id:
                raise nonsense("quote", "its id is that of another customer's quote")
            tx.set("quotes", stored.id, stored.model_dump(mode="json"))
            call.finish(tx, quote)

        await office.store.transaction(keep)
        return _json(quote)


async def _keep_ticket(wanted: OpenSupportTicket, call: Call) -> SupportTicket:
    """A venue without a help desk of its own: the matter is kept here. The order is not ours to look up."""
    details = wanted.details if wanted.order_id is None else f"Order {wanted.order_id}\n\n{wanted.details}"
    return await open_support_ticket(wanted.model_copy(update={"order_id": None, "details": details}), call)


def _complete(wanted: QuoteArguments, customer_id: str) -> QuoteArguments:
    """With what the action's arguments need and no model says. Raises Unprocessable, Forbidden wrong_customer."""
    tool = TOOLS.get(wanted.action)
    if tool is None:
        raise Unprocessable(f"{wanted.action} is not offered; open a support ticket instead", code="action_not_offered")
    known = {"customer_id": customer_id, "payment_method_token": "default"}
    needed = {name: value for name, value in known.items() if name in tool.arguments.model_fields}
    arguments = parse_arguments(tool.arguments, needed | wanted.arguments)
    check_customer(arguments, customer_id)
    return wanted.model_copy(update={"arguments": canonical(arguments)})


def _json(answer: Answer) -> dict[str, Any]:
    body: dict[str, Any] = answer_json(answer)
    return body
