"""Cancelling an event, and the job that refunds its orders.

The event's status changes in one transaction with the order to refund; from then on nothing of it is sold, since every
sale reads the event in the transaction that ends it. So the orders to refund can only become fewer. A round of the job
reads them all, refunds what is left, and counts; rounds follow each other until nothing is pending. Where the process
dies, another takes the lease over; two at once do no harm, since each refund is one intent under one id.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import timedelta

from usher_shared.clock import Clock, to_timestamp
from usher_shared.documents import DocumentStore, Filter, Query, Transaction
from usher_shared.errors import NotFound
from usher_tools.cancellations.model import Cancellation, CancellationView, Tally
from usher_tools.cancellations.refunds import Outcome, refund_one, refunded_by_us
from usher_tools.events.model import TicketedEvent
from usher_tools.office import Office
from usher_tools.orders.model import Order, total

_LOG = logging.getLogger(__name__)
_AT_ONCE = 8  # refunds at the provider
_LEASE = timedelta(seconds=60)


async def cancel_event(event_id: str, reason: str, store: DocumentStore, clock: Clock) -> CancellationView:
    """Cancel now and order the refunds; again, it tries those again that the provider had refused. Raises NotFound."""

    async def cancel(tx: Transaction) -> Cancellation:
        now = to_timestamp(clock.now())
        data, stored = await tx.get("ticketed_events", event_id), await tx.get("cancellations", event_id)
        if data is None:
            raise NotFound(f"there is no event {event_id}", code="event_not_found")
        if stored is not None:
            made = Cancellation.model_validate(stored)
            if made.status == "done" and made.tally.failed:
                made = made.model_copy(update={"status": "running", "retry": True, "finished_at": None})
                tx.set("cancellations", event_id, made.model_dump(mode="json"))
            return made
        event = TicketedEvent.model_validate(data)
        made = Cancellation(
            event_id=event.id, event_name=event.name, currency=event.currency, reason=reason, requested_at=now
        )
        tx.set("ticketed_events", event_id, {**data, "status": "cancelled", "cancelled_at": now})
        tx.create("cancellations", event_id, made.model_dump(mode="json"))
        return made

    return (await store.transaction(cancel)).view()


async def get_cancellation(event_id: str, store: DocumentStore) -> CancellationView:
    """How far it is. Raises NotFound for an event that was not cancelled so."""
    data = await store.get("cancellations", event_id)
    if data is None:
        raise NotFound(f"event {event_id} has not been cancelled", code="cancellation_not_found")
    return Cancellation.model_validate(data).view()


class _Superseded(Exception):
    """Another worker has the lease."""


class CancellationDesk:
    """The job, one a process: `look` refunds what cancelled events owe, `wake` lets it look at once."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._name = office.ids.new("WRK")
        self._woken = asyncio.Event()
        self._woken.set()

    def wake(self) -> None:
        self._woken.set()

    async def look(self) -> None:
        """Wait until woken or for a while, then do one round for each cancellation that is running."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), self._office.settings.reconcile_seconds)
        self._woken.clear()
        await self.round()

    async def round(self) -> None:
        """One round for each running cancellation that no other process works on."""
        where = (Filter("status", "==", "running"),)
        page = await self._office.store.query(Query("cancellations", where, "requested_at", limit=100))
        for document in page.documents:
            try:
                cancellation = await self._take(document.id)
                await self._refund_all(cancellation)
            except _Superseded:
                continue
            except Exception:  # the next round goes on; another event's refunds do not wait for this one's
                _LOG.exception("refunding a cancelled event failed", extra={"event": document.id})

    async def _update(self, event_id: str, *, taking: bool = False, **changes: object) -> Cancellation:
        """Write progress and lengthen the lease. Raises _Superseded."""
        office = self._office

        async def update(tx: Transaction) -> Cancellation:
            moment, now = office.now()
            data = await tx.get("cancellations", event_id)
            if data is None or data["status"] != "running":
                raise _Superseded
            present = Cancellation.model_validate(data)
            if present.worker != self._name and not (taking and present.lease_until <= now):
                raise _Superseded
            lease = {"worker": self._name, "lease_until": to_timestamp(moment + _LEASE)}
            if changes.get("status") == "done":
                lease = {"worker": "", "lease_until": ""}
            changed = present.model_copy(update={**lease, **changes})
            tx.set("cancellations", event_id, changed.model_dump(mode="json"))
            return changed

        return await office.store.transaction(update)

    async def _take(self, event_id: str) -> Cancellation:
        return await self._update(event_id, taking=True)

    async def _orders(self, event_id: str) -> AsyncIterator[Order]:
        after = None
        while True:
            where = (Filter("event_id", "==", event_id),)
            page = await self._office.store.query(Query("orders", where, "created_at", limit=500, after=after))
            for document in page.documents:
                yield Order.model_validate(document.data)
            after = page.next_cursor
            if after is None:
                return

    async def _refund_all(self, cancellation: Cancellation) -> None:
        event_id, counter, live = cancellation.event_id, _Counter(), []
        async for order in self._orders(event_id):
            given = refunded_by_us(order)
            if order.seats:
                live.append(order)
                counter.add("pending", total(order.seats))
            else:
                counter.add("before" if given is None else "refunded", given or 0)
        await self._update(event_id, tally=counter.tally())
        for start in range(0, len(live), _AT_ONCE):
            batch = live[start : start + _AT_ONCE]
            for order, (outcome, amount) in zip(
                batch,
                await asyncio.gather(*(refund_one(self._office, cancellation, order) for order in batch)),
                strict=True,
            ):
                counter.move(total(order.seats), outcome, amount)
            await self._update(event_id, tally=counter.tally())
        await self._end(event_id, counter.tally())

    async def _end(self, event_id: str, tally: Tally) -> None:
        """After a round: done, or one more later."""
        where = (Filter("open", "==", True),)
        under_way, after = 0, None
        while True:
            page = await self._office.store.query(Query("payment_intents", where, "created_at", limit=500, after=after))
            under_way += sum(document.data["event_id"] == event_id for document in page.documents)
            after = page.next_cursor
            if after is None:
                break
        if tally.pending or under_way:
            await self._update(event_id, retry=False, payments_under_way=under_way)
            return
        finished = self._office.now()[1]
        await self._update(event_id, status="done", retry=False, payments_under_way=0, finished_at=finished)


class _Counter:
    """Orders and minor units by outcome."""

    def __init__(self) -> None:
        self._orders: dict[Outcome, int] = {"refunded": 0, "pending": 0, "failed": 0, "before": 0}
        self._minor: dict[Outcome, int] = dict(self._orders)

    def add(self, outcome: Outcome, minor: int, orders: int = 1) -> None:
        self._orders[outcome] += orders
        self._minor[outcome] += minor

    def move(self, due: int, outcome: Outcome, minor: int) -> None:
        """An order that was counted as pending with `due`."""
        self.add("pending", -due, -1)
        self.add(outcome, minor)

    def tally(self) -> Tally:
        orders, minor = self._orders, self._minor
        return Tally(
            orders=orders["refunded"] + orders["pending"] + orders["failed"],
            refunded=orders["refunded"],
            pending=orders["pending"],
            failed=orders["failed"],
            before=orders["before"],
            refunded_minor=minor["refunded"],
            pending_minor=minor["pending"],
            failed_minor=minor["failed"],
        )
