"""Support tickets: what a person has to look at, and the exceptions from policies that a person grants."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any, TypeVar

from usher_shared.clock import Clock, from_timestamp, to_timestamp
from usher_shared.contracts.tools import OpenSupportTicket, SupportTicket
from usher_shared.documents import DocumentStore, Filter, Query, Transaction
from usher_shared.errors import Conflict, NotFound
from usher_tools.office import Call, check_cursor
from usher_tools.orders.contested import settle_contest
from usher_tools.orders.pricing import find_order
from usher_tools.policies.model import AfterSale, OutsidePolicy, Waiver, waiver_id
from usher_tools.support.model import StoredTicket, SupportTicketList, TicketDecision, TicketStatus, TicketView

T = TypeVar("T")
_LONGEST_DETAILS = 12_000  # of a ticket that is added to
_MOST_TICKETS = 8  # of one conversation for one matter, one after the other, before ids are drawn by lot

_WORDS: dict[AfterSale, str] = {
    "refund_order": "Refund",
    "exchange_order": "Exchange",
    "credit_order": "Credit",
    "upgrade_tickets": "Upgrade",
}


async def _standing(tx: Transaction, wanted: OpenSupportTicket, call: Call) -> tuple[str, dict[str, Any] | None]:
    """The ticket of a conversation for an order, or for whatever else it is about: its id, and itself while open.

    The id is the same for all that ask at once, and another one after a ticket was closed.
    """
    about = [call.customer_id, call.client_id or "", call.conversation_id or "", wanted.order_id or ""]
    if call.conversation_id:
        for closed in range(_MOST_TICKETS):
            digest = hashlib.sha256("\n".join([*about, str(closed)]).encode()).hexdigest()
            ticket_id = f"SUP_{digest[:26].upper()}"
            earlier = await tx.get("support_tickets", ticket_id)
            if earlier is None or earlier["status"] == "open":
                return ticket_id, earlier
    return call.office.ids.new("SUP"), None


async def open_support_ticket(wanted: OpenSupportTicket, call: Call) -> SupportTicket:
    """A conversation has one open ticket for a matter: asking again adds to it what is new.

    Raises NotFound for an order that is not this customer's.
    """
    office = call.office

    async def write(tx: Transaction) -> SupportTicket:
        _, now = office.now()
        await call.check(tx)
        if wanted.order_id is not None:
            await find_order(tx, wanted.order_id, call.customer_id)
        ticket_id, earlier = await _standing(tx, wanted, call)
        ticket = SupportTicket(ticket_id=ticket_id)
        if earlier is not None:
            tx.set("support_tickets", ticket_id, {**earlier, "details": _extended(earlier["details"], wanted)})
            call.finish(tx, ticket)
            return ticket
        stored = StoredTicket(
            **wanted.model_dump(),
            customer_id=call.customer_id,
            client_id=call.client_id,
            conversation_id=call.conversation_id,
            created_at=now,
        )
        tx.create("support_tickets", ticket.ticket_id, stored.model_dump(mode="json"))
        call.finish(tx, ticket)
        return ticket

    return await office.store.transaction(write)


def _extended(details: str, wanted: OpenSupportTicket) -> str:
    """A ticket's details with what was asked again, unless it says nothing new or there is too much already."""
    if wanted.details in details or len(details) > _LONGEST_DETAILS:
        return details
    return f"{details}\n\nAgain: {wanted.subject}\n{wanted.details}"


async def find_ticket(store: DocumentStore, ticket_id: str) -> TicketView:
    """One ticket. Raises NotFound."""
    data = await store.get("support_tickets", ticket_id)
    if data is None:
        raise NotFound(f"there is no ticket {ticket_id}", code="ticket_not_found")
    return _view(ticket_id, StoredTicket.model_validate(data))


async def with_exceptions(work: Awaitable[T], call: Call) -> T:
    """Do the work; what the policy refuses is put before a person, durably, and refused with the ticket's id."""
    try:
        return await work
    except OutsidePolicy as refusal:
        raise await _ask_for_exception(refusal, call) from refusal


async def _ask_for_exception(refusal: OutsidePolicy, call: Call) -> OutsidePolicy:
    """The refusal with its ticket: the one that is open for this order and action, else a new one.

    Nothing new is opened after a person has refused the exception.
    """
    office, new_id = call.office, call.office.ids.new("SUP")

    async def ask(tx: Transaction) -> tuple[str, str]:
        _, now = office.now()
        data = await tx.get("policy_waivers", waiver_id(refusal.order_id, refusal.action))
        earlier = None if data is None else Waiver.model_validate(data)
        if earlier is not None and (earlier.status in ("asked", "rejected") or earlier.is_live(now)):
            return earlier.ticket_id, earlier.status
        waiver = Waiver(order_id=refusal.order_id, action=refusal.action, ticket_id=new_id, status="asked")
        ticket = StoredTicket(
            subject=f"{_WORDS[refusal.action]} outside the policy",
            details=refusal.detail,
            order_id=refusal.order_id,
            action=refusal.action,
            customer_id=call.customer_id,
            client_id=call.client_id,
            conversation_id=call.conversation_id,
            created_at=now,
        )
        tx.set("policy_waivers", waiver.id, waiver.model_dump(mode="json"))
        tx.create("support_tickets", new_id, ticket.model_dump(mode="json"))
        return new_id, "asked"

    ticket_id, status = await office.store.transaction(ask)
    word = {
        "asked": f"Our staff will look at it: ticket {ticket_id}.",
        "rejected": f"Our staff has looked at it and made no exception: ticket {ticket_id}.",
        "approved": f"Our staff has just made an exception, please try again: ticket {ticket_id}.",
    }[status]
    return OutsidePolicy(
        f"{refusal.detail} {word}",
        order_id=refusal.order_id,
        action=refusal.action,
        ticket_id=ticket_id,
        ticket_status=status,
    )


def _view(id: str, ticket: StoredTicket) -> TicketView:
    return TicketView(
        **ticket.model_dump(exclude={"client_id", "created_at", "decided_at"}),
        ticket_id=id,
        created_at=from_timestamp(ticket.created_at),
        decided_at=None if ticket.decided_at is None else from_timestamp(ticket.decided_at),
    )


async def list_tickets(
    store: DocumentStore, status: TicketStatus, *, limit: int = 50, cursor: str | None = None
) -> SupportTicketList:
    """The oldest first. Raises InvalidRequest for a cursor that none of our answers gave."""
    if cursor is not None:
        check_cursor(cursor)
    query = Query("support_tickets", (Filter("status", "==", status),), "created_at", limit=limit, after=cursor)
    page = await store.query(query)
    tickets = [_view(document.id, StoredTicket.model_validate(document.data)) for document in page.documents]
    return SupportTicketList(tickets=tickets, next_cursor=page.next_cursor)


async def decide_ticket(
    store: DocumentStore,
    clock: Clock,
    ticket_id: str,
    outcome: TicketStatus,
    decision: TicketDecision,
    *,
    waiver_days: float,
) -> TicketView:
    """End an open ticket. `approved` makes an exception, good once within `waiver_days`; `rejected` refuses it.

    `closed` ends a ticket that asks for none, and the contest of its orders. Repeating the same word changes nothing.
    Raises NotFound, Conflict (ticket_decided, nothing_to_decide, exception_asked).
    """

    async def write(tx: Transaction) -> TicketView:
        moment = clock.now()
        now = to_timestamp(moment)
        data = await tx.get("support_tickets", ticket_id)
        if data is None:
            raise NotFound(f"there is no ticket {ticket_id}", code="ticket_not_found")
        ticket = StoredTicket.model_validate(data)
        if ticket.status != "open":
            if ticket.status == outcome:
                return _view(ticket_id, ticket)
            raise Conflict(f"ticket {ticket_id} is {ticket.status}", code="ticket_decided")
        if ticket.order_id is None or ticket.action is None:
            if outcome != "closed":
                raise Conflict("this ticket asks for no exception: close it", code="nothing_to_decide")
            if ticket.order_id is not None and ticket.charge_id is not None:
                for order in await settle_contest(tx, ticket.order_id, ticket_id):
                    tx.set("orders", order.id, order.model_dump(mode="json"))
        elif outcome == "closed":
            raise Conflict("this ticket asks for an exception: approve or reject it", code="exception_asked")
        else:
            approved = outcome == "approved"
            waiver = Waiver(
                order_id=ticket.order_id,
                action=ticket.action,
                ticket_id=ticket_id,
                status="approved" if approved else "rejected",
                expires_at=to_timestamp(moment + timedelta(days=waiver_days)) if approved else None,
            )
            tx.set("policy_waivers", waiver.id, waiver.model_dump(mode="json"))
        word = {"status": outcome, "decided_at": now, "decided_by": decision.by, "note": decision.note}
        decided = ticket.model_copy(update=word)
        tx.set("support_tickets", ticket_id, decided.model_dump(mode="json"))
        return _view(ticket_id, decided)

    return await store.transaction(write)
