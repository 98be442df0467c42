"""An order's tickets, and the list of an event's live ones for its doors."""

from __future__ import annotations

import io
from datetime import timedelta
from zoneinfo import ZoneInfo

import segno

from usher_shared.contracts.tickets import DigitalTicket, DoorList, PublicKeys, TicketList
from usher_shared.documents import Filter, Query
from usher_shared.errors import Conflict, NotFound, Unavailable
from usher_tools.events.service import find_event
from usher_tools.office import Office
from usher_tools.orders.model import Order, entry_id_of, ticket_id_of
from usher_tools.orders.pricing import find_order
from usher_tools.orders.wording import describe_seat
from usher_tools.tickets.tokens import TicketClaims, TicketSigner, signer_of

# the door's list says who comes in; this only ends what is long over, and leaves room for a postponed show
_VALID_AFTER_START = timedelta(days=366)


class TicketsNotConfigured(Unavailable):
    """There is no signing key: USHER_TOOLS_TICKET_SIGNING_KEY."""

    code = "tickets_not_configured"


def _signer(office: Office) -> TicketSigner:
    key = office.settings.ticket_signing_key
    if key is None:
        raise TicketsNotConfigured("this box office has no key to sign tickets with")
    return signer_of(key.get_secret_value())


async def get_tickets(order_id: str, customer_id: str, office: Office) -> TicketList:
    """Freshly signed. Raises NotFound, Conflict event_cancelled, TicketsNotConfigured."""
    signer = _signer(office)
    order = await find_order(office.store, order_id, customer_id)
    event = await find_event(office.store, order.event_id)
    if event.status == "cancelled":
        raise Conflict(f"{event.name} has been cancelled", code="event_cancelled")
    now = office.clock.now()
    until = (event.start + _VALID_AFTER_START).replace(microsecond=0)
    tickets = []
    for seat in order.seats:
        claims = TicketClaims(
            ticket_id_of(order.id, seat), entry_id_of(order.id, seat), event.id, seat.id, order.revision, now, until
        )
        tickets.append(
            DigitalTicket(
                ticket_id=claims.ticket_id,
                event_id=event.id,
                event_name=event.name,
                starts_at=event.start.astimezone(ZoneInfo(event.venue.time_zone)),
                venue=event.venue.name,
                seat_id=seat.id,
                description=describe_seat(event, seat),
                accessible=seat.accessible,
                valid_until=until,
                payload=signer.sign_ticket(claims),
            )
        )
    return TicketList(order_id=order.id, revision=order.revision, tickets=tickets)


async def get_ticket(order_id: str, wanted: str, customer_id: str, office: Office) -> DigitalTicket:
    """Raises as get_tickets, and NotFound for a ticket that the order does not have (any more)."""
    for ticket in (await get_tickets(order_id, customer_id, office)).tickets:
        if ticket.ticket_id == wanted:
            return ticket
    raise NotFound(f"there is no ticket {wanted}", code="ticket_not_found")


def draw_code(ticket: DigitalTicket) -> bytes:
    """The ticket's QR code (ISO/IEC 18004) as SVG; a sixth of it may be dirty or torn (error correction M)."""
    out = io.BytesIO()
    code = segno.make_qr(ticket.payload, error="m")
    code.save(out, kind="svg", scale=4, border=4, xmldecl=False, light="#fff", title=ticket.description)
    return out.getvalue()


async def make_door_list(event_id: str, office: Office) -> DoorList:
    """The live tickets of an event; none of a cancelled one. Raises NotFound, TicketsNotConfigured.

    Its time is that before the first order is read: what changes meanwhile counts as newer than the list.
    """
    signer = _signer(office)
    event = await find_event(office.store, event_id)
    now = office.clock.now().replace(microsecond=0)
    live: list[str] = []
    after = None
    while event.status != "cancelled":
        where = (Filter("event_id", "==", event.id),)
        page = await office.store.query(Query("orders", where, "created_at", limit=500, after=after))
        orders = [Order.model_validate(document.data) for document in page.documents]
        live += [ticket_id_of(order.id, seat) for order in orders for seat in order.seats]
        after = page.next_cursor
        if after is None:
            break
    return DoorList(event_id=event.id, issued_at=now, tickets=len(live), list=signer.sign_list(event.id, now, live))


def get_public_keys(office: Office) -> PublicKeys:
    """Raises TicketsNotConfigured."""
    return PublicKeys(keys=_signer(office).public_keys())
