"""What the box office's services work with, and whom a call is for."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from usher_shared.clock import Clock, to_timestamp
from usher_shared.contracts.confirmations import Confirmation
from usher_shared.documents import DocumentStore, Transaction
from usher_shared.errors import InvalidRequest
from usher_shared.idempotency import IdempotencyRecords, Lease
from usher_shared.ids import IdGenerator
from usher_shared.outbox import Outbox
from usher_tools.events.model import Seating, TicketedEvent, seating_of
from usher_tools.payments.ports import PaymentProvider
from usher_tools.seats.layout import Layouts
from usher_tools.seats.offering import RecentOffers
from usher_tools.settings import Settings

if TYPE_CHECKING:  # the port names the call, the call's office holds the port
    from usher_tools.toolbox.ports import BoxOffice


@dataclass(frozen=True)
class Office:
    """The ports and settings that the services share."""

    store: DocumentStore
    payments: PaymentProvider
    outbox: Outbox
    records: IdempotencyRecords
    clock: Clock
    ids: IdGenerator
    settings: Settings
    box_office: BoxOffice
    layouts: Layouts = field(default_factory=Layouts)
    offers: RecentOffers = field(default_factory=RecentOffers)

    def now(self) -> tuple[datetime, str]:
        """The moment, and its timestamp."""
        moment = self.clock.now()
        return moment, to_timestamp(moment)

    async def seating(self, source: DocumentStore | Transaction, event: TicketedEvent) -> Seating:
        layout = await self.layouts.get(source, event.layout_id)
        return seating_of(layout, event.blocked, frozenset(section.id for section in event.sections))


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a long list is wanted: how many (None: as many as usual), and after which answer's cursor."""

    limit: int | None = None
    cursor: str | None = None


FIRST_PAGE = Page()


def check_cursor(cursor: str) -> None:
    """Raises InvalidRequest for a cursor that none of our answers gave."""
    try:
        parts = json.loads(cursor)
    except ValueError as error:
        raise InvalidRequest("not a cursor", code="bad_cursor") from error
    if not isinstance(parts, list) or len(parts) != 2 or not all(isinstance(part, str) for part in parts):
        raise InvalidRequest("not a cursor", code="bad_cursor")


@dataclass(frozen=True)
class Call:
    """One tool call: for which customer, and under which idempotency lease."""

    office: Office
    customer_id: str
    client_id: str | None = None
    conversation_id: str | None = None
    lease: Lease | None = None
    confirmation: Confirmation | None = None
    page: Page = FIRST_PAGE

    async def check(self, tx: Transaction) -> None:
        """First read of the call's transaction. Raises InFlight if another execution of the key took over."""
        if self.lease is not None:
            await self.office.records.check(tx, self.lease)

    def finish(self, tx: Transaction, answer: BaseModel) -> None:
        """Record the answer under the idempotency key, in the call's transaction."""
        if self.lease is not None:
            self.office.records.finish(tx, self.lease, 200, answer_json(answer))


def answer_json(answer: BaseModel) -> Any:
    return answer.model_dump(mode="json")
