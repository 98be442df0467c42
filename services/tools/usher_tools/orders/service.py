"""Buying, upgrading and refunding, each with a confirmation; reading orders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from usher_shared.contracts.confirmations import Confirmation, ProtectedAction
from usher_shared.contracts.tools import (
    CreateOrder,
    CreditOrder,
    ExchangeOrder,
    OrderList,
    OrderView,
    RefundOrder,
    UpgradeTickets,
)
from usher_shared.documents import DocumentStore, Filter, Query, Transaction
from usher_shared.errors import ConfirmationRequired, Conflict
from usher_shared.telemetry import current_traceparent
from usher_tools.office import Call, Office, check_cursor
from usher_tools.orders.confirming import check_price, confirmed_quote, require_confirmation
from usher_tools.orders.model import Breakdown, Intent, IntentLease, Order, entry_id_of, ticketed
from usher_tools.orders.payment import advance
from usher_tools.orders.pricing import Priced, find_order, price_purchase, price_upgrade
from usher_tools.orders.purchase import reserve_purchase
from usher_tools.orders.records import intent_end, mark_pending
from usher_tools.orders.returns import exchange_breakdowns, price_exchange, price_return
from usher_tools.orders.upgrade import reserve_upgrade
from usher_tools.quotes.model import StoredQuote
from usher_tools.seats.service import seats_taken
from usher_tools.store_credit.service import change_account
from usher_tools.support.service import with_exceptions

Prepare = Callable[[Transaction, StoredQuote], Awaitable[Intent]]


def _intent_lease(call: Call) -> IntentLease | None:
    if call.lease is None:
        return None
    lease = call.lease
    return IntentLease(record_id=lease.record_id, owner=lease.owner, fingerprint=lease.fingerprint)


def _new_intent(call: Call, confirmation: Confirmation, priced: Priced, **more: Any) -> Intent:
    moment, now = call.office.now()
    order = priced.order
    stays = order is not None and order.event_id == priced.event.id  # what an upgrade or exchange gives up
    earlier = [entry_id_of(order.id, seat) for seat in priced.previous] if order is not None and stays else []
    fields: dict[str, Any] = {
        "id": confirmation.id,
        "kind": confirmation.action,
        "status": "charging",
        "open": True,
        "quote_id": confirmation.quote_id,
        "fingerprint": confirmation.fingerprint,
        "customer_id": call.customer_id,
        "client_id": call.client_id,
        "conversation_id": call.conversation_id,
        "traceparent": current_traceparent(),
        "event_id": priced.event.id,
        "seats": ticketed(priced.seats, call.office.ids, earlier),
        "previous_seats": priced.previous,
        "amount_minor": abs(priced.total_minor),
        "currency": priced.order.currency if priced.order else priced.event.currency,
        "breakdown": Breakdown(
            price_minor=priced.subtotal_minor,
            fees_minor=priced.fees_minor,
            taxes_minor=priced.taxes_minor,
            taxes=priced.tax_lines,
        ),
        "waiver": priced.waiver,
        "lease": _intent_lease(call),
        "created_at": now,
        "expires_at": intent_end(call.office, moment),
    }
    return Intent(**(fields | more))


def _resume(intent: Intent, confirmation: Confirmation, call: Call) -> Intent:
    """The earlier intent of this confirmation, if this call repeats the one that made it.

    Raises ConfirmationRequired (spent by another call), Conflict payment_in_progress.
    """
    same = intent.customer_id == call.customer_id and intent.fingerprint == confirmation.fingerprint
    repeats = call.lease is not None and intent.lease is not None and call.lease.record_id == intent.lease.record_id
    if same and repeats:
        return intent.model_copy(update={"lease": _intent_lease(call)}) if intent.open else intent
    if same and intent.open:
        raise Conflict("this confirmation is being carried out", code="payment_in_progress", retry_after_seconds=1)
    raise ConfirmationRequired("this confirmation has been used", extra={"consumed": True})


async def _carry_out(confirmation: Confirmation, call: Call, prepare: Prepare) -> dict[str, Any]:
    """Claim the confirmation with an intent, or take up the intent of an earlier try, and carry it to its end."""

    async def claim(tx: Transaction) -> tuple[Intent, bool]:
        await call.check(tx)
        data = await tx.get("payment_intents", confirmation.id)
        if data is not None:
            intent = _resume(Intent.model_validate(data), confirmation, call)
            tx.set("payment_intents", intent.id, intent.model_dump(mode="json"))
            return intent, True
        quote = await confirmed_quote(tx, confirmation, call)
        intent = await prepare(tx, quote)
        tx.create("payment_intents", intent.id, intent.model_dump(mode="json"))
        return intent, False

    intent, resumed = await with_exceptions(call.office.store.transaction(claim), call)
    return await advance(call.office, intent, resumed=resumed)


async def create_order(wanted: CreateOrder, call: Call) -> dict[str, Any]:
    """Buy the held seats: an OrderCreated as JSON.

    Raises ConfirmationRequired, NotFound, Conflict (quote_expired, hold_expired, price_changed, payment_declined,
    seats_taken …), PaymentUnknown.
    """
    confirmation, office = require_confirmation("create_order", wanted, call), call.office
    token: str | None = wanted.payment_method_token
    if token == "default":  # noqa: S105  a documented name, no secret
        token = await office.payments.default_method(call.customer_id)

    async def prepare(tx: Transaction, quote: StoredQuote) -> Intent:
        priced = await price_purchase(tx, wanted, office)
        check_price(quote, priced)
        hold = priced.hold
        if hold is None:
            raise ConfirmationRequired("nothing is held")
        intent = _new_intent(
            call,
            confirmation,
            priced,
            order_id=office.ids.new("ORD"),
            hold_id=hold.id,
            hold_expires_at=hold.expires_at,
            token=_token(token, priced),
            credit_minor=priced.credit_minor,
        )
        lost = await reserve_purchase(tx, office, intent, hold)
        if lost:
            raise seats_taken(lost)
        _spend_credit(tx, office, intent, priced)
        return intent

    return await _carry_out(confirmation, call, prepare)


async def upgrade_tickets(wanted: UpgradeTickets, call: Call) -> dict[str, Any]:
    """Move the order to the quoted seats: a TicketsUpgraded as JSON. The old seats stay until the new are paid.

    Raises ConfirmationRequired, NotFound, Conflict (quote_expired, seats_taken, price_changed, outside_policy,
    order_busy, payment_declined …), PaymentUnknown.
    """
    confirmation, office = require_confirmation("upgrade_tickets", wanted, call), call.office
    token = await office.payments.default_method(call.customer_id)

    async def prepare(tx: Transaction, quote: StoredQuote) -> Intent:
        priced = await price_upgrade(tx, wanted, call.customer_id, office, seat_ids=quote.seat_ids)
        check_price(quote, priced)
        order = _order_of(priced)
        if len(order.seats) != len(priced.seats):
            raise Conflict("the order has changed; quote again", code="price_changed")
        name, method = f"UPG-{confirmation.id}", _token(token, priced)
        intent = _new_intent(call, confirmation, priced, order_id=order.id, hold_id=name, token=method)
        taken = await reserve_upgrade(tx, office, intent, order)
        if taken:
            raise seats_taken(taken)
        return intent

    return await _carry_out(confirmation, call, prepare)


async def _give_back(wanted: RefundOrder | CreditOrder, action: ProtectedAction, call: Call) -> dict[str, Any]:
    confirmation, office = require_confirmation(action, wanted, call), call.office

    async def prepare(tx: Transaction, quote: StoredQuote) -> Intent:
        priced = await price_return(tx, wanted, call.customer_id, office)
        check_price(quote, priced)
        order, refunds = _order_of(priced), action == "refund_order"
        intent = _new_intent(
            call,
            confirmation,
            priced,
            status="refunding",
            order_id=order.id,
            allocations=priced.allocations if refunds else [],
            moved=[] if refunds else priced.allocations,
            reason=wanted.reason,
        )
        mark_pending(tx, order, intent.id)
        return intent

    return await _carry_out(confirmation, call, prepare)


async def refund_order(wanted: RefundOrder, call: Call) -> dict[str, Any]:
    """Give money back and free the seats: an OrderRefunded as JSON. What was paid with store credit goes back there.

    Raises ConfirmationRequired, NotFound, Conflict (outside_policy, order_busy, price_changed …), PaymentUnknown.
    """
    return await _give_back(wanted, "refund_order", call)


async def credit_order(wanted: CreditOrder, call: Call) -> dict[str, Any]:
    """Free the seats for store credit: an OrderCredited as JSON. No money moves.

    Raises ConfirmationRequired, NotFound, Conflict (outside_policy, order_busy, price_changed …).
    """
    return await _give_back(wanted, "credit_order", call)


async def exchange_order(wanted: ExchangeOrder, call: Call) -> dict[str, Any]:
    """The held seats for tickets of the order: an OrderExchanged as JSON. The old seats stay until the new are paid.

    Raises ConfirmationRequired, NotFound, Conflict (outside_policy, order_busy, hold_expired, price_changed,
    payment_declined, seats_taken …), PaymentUnknown.
    """
    confirmation, office = require_confirmation("exchange_order", wanted, call), call.office
    token = await office.payments.default_method(call.customer_id)

    async def prepare(tx: Transaction, quote: StoredQuote) -> Intent:
        priced = await price_exchange(tx, wanted, call.customer_id, office)
        check_price(quote, priced)
        order, hold = _order_of(priced), priced.hold
        if hold is None:
            raise ConfirmationRequired("nothing is held")
        new, given = exchange_breakdowns(priced)
        intent = _new_intent(
            call,
            confirmation,
            priced,
            order_id=office.ids.new("ORD"),
            exchanged_order_id=order.id,
            hold_id=hold.id,
            hold_expires_at=hold.expires_at,
            amount_minor=max(priced.total_minor, 0),
            credit_minor=priced.credit_minor,
            allocations=priced.allocations,
            moved=priced.moved,
            breakdown=new,
            previous_breakdown=given,
            token=_token(token, priced),
        )
        lost = await reserve_purchase(tx, office, intent, hold)
        if lost:
            raise seats_taken(lost)
        mark_pending(tx, order, intent.id)
        _spend_credit(tx, office, intent, priced)
        return intent

    return await _carry_out(confirmation, call, prepare)


def _token(token: str | None, priced: Priced) -> str:
    """The method to charge; none is needed where nothing is due. Raises Conflict no_payment_method."""
    if token is None and priced.total_minor > 0:
        raise Conflict("there is no payment method on file", code="no_payment_method")
    return token or ""


def _spend_credit(tx: Transaction, office: Office, intent: Intent, priced: Priced) -> None:
    if priced.account is not None and intent.credit_minor:
        _, now = office.now()
        order_id, amount = intent.order_id, -intent.credit_minor
        change_account(tx, priced.account, amount, "spent", intent_id=intent.id, order_id=order_id, at=now)


def _order_of(priced: Priced) -> Order:
    if priced.order is None:
        raise ConfirmationRequired("no order is concerned")
    return priced.order


async def get_order(order_id: str, customer_id: str, store: DocumentStore) -> OrderView:
    """Raises NotFound, for another customer's order too."""
    return (await find_order(store, order_id, customer_id)).view()


async def list_orders(
    customer_id: str, store: DocumentStore, *, limit: int = 20, cursor: str | None = None
) -> OrderList:
    """Newest first. Raises InvalidRequest for a cursor that none of our answers gave."""
    if cursor is not None:
        check_cursor(cursor)
    query = Query(
        "orders", (Filter("customer_id", "==", customer_id),), "created_at", descending=True, limit=limit, after=cursor
    )
    page = await store.query(query)
    return OrderList(
        orders=[Order.model_validate(document.data).view() for document in page.documents],
        next_cursor=page.next_cursor,
    )
