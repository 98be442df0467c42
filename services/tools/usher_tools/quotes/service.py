"""Quoting an action: what it would cost, under which policy, bound to exact arguments."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import ValidationError

from usher_shared.clock import from_timestamp, to_timestamp
from usher_shared.contracts.confirmations import fingerprint
from usher_shared.contracts.money import to_major
from usher_shared.contracts.tools import (
    Arguments,
    CreateOrder,
    CreditOrder,
    ExchangeOrder,
    Quote,
    QuoteArguments,
    RefundOrder,
    TaxLine,
    UpgradeTickets,
)
from usher_shared.documents import Transaction
from usher_shared.errors import Forbidden, Unprocessable
from usher_tools.office import Call
from usher_tools.orders.pricing import Priced, price_purchase, price_upgrade
from usher_tools.orders.returns import price_exchange, price_return
from usher_tools.orders.wording import (
    back_as_credit,
    credit_note,
    credit_summary,
    exchange_summary,
    locked_note,
    purchase_summary,
    refund_summary,
    rest_back,
    upgrade_summary,
)
from usher_tools.quotes.model import StoredQuote
from usher_tools.seats.holds import extend_hold
from usher_tools.support.service import with_exceptions

_PURGE_AFTER = timedelta(days=2)
A = TypeVar("A", bound=Arguments)


def parse_arguments(model: type[A], arguments: Mapping[str, Any]) -> A:
    """Raises Unprocessable `validation_failed` naming the fields."""
    try:
        return model.model_validate(arguments)
    except ValidationError as error:
        fields = [
            {"field": ".".join(map(str, e["loc"])) or "body", "message": e["msg"]}
            for e in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        names = ", ".join(sorted({field["field"] for field in fields}))
        raise Unprocessable(f"not valid: {names}", code="validation_failed", extra={"errors": fields}) from error


def canonical(arguments: Arguments) -> dict[str, Any]:
    """The arguments that a confirmation binds to."""
    return arguments.model_dump(mode="json", exclude_none=True)


def check_customer(arguments: Arguments, customer_id: str) -> None:
    """Raises Forbidden when the arguments name another customer."""
    named = getattr(arguments, "customer_id", customer_id)
    if named != customer_id:
        raise Forbidden("customer_id is not the customer of this call", code="wrong_customer")


async def quote(wanted: QuoteArguments, call: Call) -> Quote:
    """Price an action without doing it. Raises what the action's pricing raises, Unprocessable (bad arguments)."""
    office = call.office

    async def price(tx: Transaction) -> Quote:
        moment = office.clock.now()
        await call.check(tx)
        arguments, priced, summary = await _price(tx, wanted, call)
        end = moment + timedelta(seconds=office.settings.quote_seconds)
        if priced.hold is not None:
            hold = await extend_hold(tx, office, priced.event, priced.hold)
            end = min(end, from_timestamp(hold.expires_at))
        currency = priced.order.currency if priced.order else priced.event.currency
        answer = Quote(
            quote_id=office.ids.new("QUO"),
            action=wanted.action,
            arguments=canonical(arguments),
            summary=summary + credit_note(priced.credit_minor, currency),
            subtotal=to_major(priced.subtotal_minor, currency),
            fees=to_major(priced.fees_minor, currency),
            taxes=to_major(priced.taxes_minor, currency),
            tax_lines=[
                TaxLine(
                    name=tax.name,
                    percent=tax.percent,
                    included=tax.included,
                    amount=to_major(tax.amount_minor, currency),
                )
                for tax in priced.tax_lines
            ],
            credit=to_major(priced.credit_minor, currency),
            total=to_major(priced.total_minor, currency),
            total_minor=priced.total_minor,
            credited=to_major(priced.credited_minor, currency),
            currency=currency,
            policy=priced.policy + locked_note(priced.locked_minor, currency),
            expires_at=end,
            event_id=priced.event.id,
            event_name=priced.event.name,
            seats=[seat.offer(currency) for seat in priced.seats],
            previous_seats=[seat.offer(currency) for seat in priced.previous],
        )
        stored = StoredQuote(
            id=answer.quote_id,
            customer_id=call.customer_id,
            action=wanted.action,
            arguments=answer.arguments,
            fingerprint=fingerprint(wanted.action, answer.arguments),
            total_minor=answer.total_minor,
            credited_minor=priced.credited_minor,
            locked_minor=priced.locked_minor,
            currency=currency,
            seat_ids=[seat.id for seat in priced.seats],
            expires_at=to_timestamp(end),
            purge_at=to_timestamp(end + _PURGE_AFTER),
        )
        tx.create("quotes", stored.id, stored.model_dump(mode="json"))
        call.finish(tx, answer)
        return answer

    return await with_exceptions(office.store.transaction(price), call)


async def _price(tx: Transaction, wanted: QuoteArguments, call: Call) -> tuple[Arguments, Priced, str]:
    given, office, customer = wanted.arguments, call.office, call.customer_id
    if wanted.action == "create_order":
        defaults = {"customer_id": customer, "payment_method_token": "default"}
        purchase = parse_arguments(CreateOrder, defaults | given)
        check_customer(purchase, customer)
        priced = await price_purchase(tx, purchase, office)
        return purchase, priced, purchase_summary(priced.event, priced.seats)
    if wanted.action == "upgrade_tickets":
        upgrade = parse_arguments(UpgradeTickets, given)
        priced = await price_upgrade(tx, upgrade, customer, office)
        return upgrade, priced, upgrade_summary(priced.event, priced.previous, priced.seats)
    if wanted.action == "refund_order":
        refund = parse_arguments(RefundOrder, given)
        priced = await price_return(tx, refund, customer, office)
        summary = refund_summary(priced.event, priced.seats, -priced.total_minor)
        return refund, priced, summary + back_as_credit(priced.credited_minor, priced.event.currency)
    if wanted.action == "credit_order":
        credit = parse_arguments(CreditOrder, given)
        priced = await price_return(tx, credit, customer, office)
        return credit, priced, credit_summary(priced.event, priced.seats, -priced.total_minor)
    exchange = parse_arguments(ExchangeOrder, given)
    priced = await price_exchange(tx, exchange, customer, office)
    old = priced.previous_event or priced.event
    summary = exchange_summary(old, priced.previous, priced.value_minor, priced.event, priced.seats)
    back = sum(part.amount_minor for part in priced.allocations)
    return exchange, priced, summary + rest_back(back, priced.credited_minor, priced.event.currency)
