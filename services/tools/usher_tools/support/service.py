"""Support tickets: what a person has to look at."""

from __future__ import annotations

from usher_shared.contracts.tools import OpenSupportTicket, SupportTicket
from usher_shared.documents import Transaction
from usher_tools.office import Call
from usher_tools.orders.pricing import find_order


async def open_support_ticket(wanted: OpenSupportTicket, call: Call) -> SupportTicket:
    """Raises NotFound for an order that is not this customer's."""
    office = call.office
    ticket = SupportTicket(ticket_id=office.ids.new("SUP"))

    async def write(tx: Transaction) -> None:
        _, now = office.now()
        await call.check(tx)
        if wanted.order_id is not None:
            await find_order(tx, wanted.order_id, call.customer_id)
        tx.create(
            "support_tickets",
            ticket.ticket_id,
            {
                **wanted.model_dump(mode="json"),
                "customer_id": call.customer_id,
                "client_id": call.client_id,
                "conversation_id": call.conversation_id,
                "status": "open",
                "created_at": now,
            },
        )
        call.finish(tx, ticket)

    await office.store.transaction(write)
    return ticket
