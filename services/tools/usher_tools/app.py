"""The box office's application."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from fastapi import FastAPI

from usher_shared.bus import EventBus
from usher_shared.clock import Clock
from usher_shared.documents import DocumentStore
from usher_shared.http.app import create_service_app
from usher_shared.http.tokens import TokenVerifier
from usher_shared.idempotency import IdempotencyRecords
from usher_shared.ids import IdGenerator
from usher_shared.outbox import Outbox
from usher_tools.availability.service import SeatWatch
from usher_tools.cancellations.endpoints import router as cancellations_router
from usher_tools.cancellations.service import CancellationDesk
from usher_tools.catalogue.endpoints import router as catalogue_router
from usher_tools.mcp.endpoints import router as mcp_router
from usher_tools.mcp.sessions import Sessions
from usher_tools.notices.endpoints import router as notices_router
from usher_tools.office import Office
from usher_tools.orders.payment import reconcile
from usher_tools.partner.actions import reconcile_actions
from usher_tools.partner.ports import Partner
from usher_tools.partner.service import PartnerBoxOffice
from usher_tools.payments.ports import PaymentNotices, PaymentProvider
from usher_tools.receipts.endpoints import router as receipts_router
from usher_tools.settings import Settings
from usher_tools.support.endpoints import router as support_router
from usher_tools.tickets.endpoints import router as tickets_router
from usher_tools.tickets.tokens import signer_of
from usher_tools.toolbox.endpoints import router as toolbox_router
from usher_tools.toolbox.native import OwnBoxOffice

_LOG = logging.getLogger(__name__)
_MAX_BODY_BYTES = 8 << 20  # a large venue's catalogue


@dataclass(frozen=True)
class Deps:
    """The ports of the box office; the application closes store, payments and bus when it ends.

    `notices` reads the notifications of payment providers, by the name in their address.
    """

    store: DocumentStore
    payments: PaymentProvider
    bus: EventBus
    verifier: TokenVerifier
    clock: Clock
    ids: IdGenerator
    partner: Partner | None = None
    notices: Mapping[str, PaymentNotices] = field(default_factory=dict)


Job = tuple[str, Callable[[], Awaitable[object]], float]


async def _keep(work: Callable[[], Awaitable[object]], what: str, seconds: float) -> None:
    """At once, for what an earlier process left, and then at intervals; a failed round leaves it to the next."""
    while True:
        try:
            await work()
        except Exception:
            _LOG.exception("%s failed", what)
        await asyncio.sleep(seconds)


def create_app(settings: Settings, deps: Deps) -> FastAPI:
    office = Office(
        store=deps.store,
        payments=deps.payments,
        outbox=Outbox(deps.store, deps.bus),
        records=IdempotencyRecords(deps.store, deps.clock),
        clock=deps.clock,
        ids=deps.ids,
        settings=settings,
        box_office=OwnBoxOffice() if deps.partner is None else PartnerBoxOffice(deps.partner),
    )
    sessions, cancellations = Sessions(office), CancellationDesk(office)
    if settings.ticket_signing_key is not None:
        signer_of(settings.ticket_signing_key.get_secret_value())  # a key that is none stops us here
    partner = deps.partner
    # at the start whatever an earlier process left; then what no request can be busy with any more
    ages = itertools.chain([0.0], itertools.repeat(settings.reconcile_seconds))
    jobs: list[Job] = [
        (
            "reconciling payments",
            lambda: reconcile(office, older_than_seconds=next(ages)),
            settings.reconcile_seconds,
        ),
        ("refunding cancelled events", cancellations.look, 0),
        ("watching seats", SeatWatch(office).look, settings.seat_watch_seconds),
    ]
    if partner is not None:
        jobs.append(
            (
                "asking the partner again",
                functools.partial(reconcile_actions, office, partner),
                settings.reconcile_seconds,
            )
        )

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await office.outbox.start()
        kept = [asyncio.create_task(_keep(work, what, seconds), name=what) for what, work, seconds in jobs]
        try:
            yield
        finally:
            await sessions.stop()
            for task in kept:
                task.cancel()
            await asyncio.gather(*kept, return_exceptions=True)
            await office.outbox.stop()
            await deps.bus.close()
            await deps.payments.close()
            if partner is not None:
                await partner.close()
            await deps.store.close()

    app = create_service_app(
        "tools",
        version="0.1.0",
        summary="The box office: events, seats, holds, orders, upgrades, refunds",
        routers=[
            toolbox_router,
            notices_router,
            mcp_router,
            catalogue_router,
            receipts_router,
            tickets_router,
            cancellations_router,
            support_router,
        ],
        lifespan=lifespan,
        verifier=deps.verifier,
        checks={"store": deps.store.ping, "payments": deps.payments.ping},
        optional_checks={} if partner is None else {"partner": partner.ping},
        max_body_bytes=_MAX_BODY_BYTES,
    )
    app.state.office = office
    app.state.notices = deps.notices
    app.state.mcp = sessions
    app.state.cancellations = cancellations
    return app
