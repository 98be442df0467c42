"""Events into rows: checked, normalised, gathered into batches; acknowledged after their commit."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass

from usher_logger.warehouse.model import EventRow
from usher_logger.warehouse.ports import RowsRejected, Warehouse
from usher_shared.clock import Clock
from usher_shared.events import Event, InvalidEvent, parse_data


@dataclass(slots=True)
class _Pending:
    row: EventRow
    stored: asyncio.Future[None]


class EventSink:
    """`record` returns once the event is durable. Events that arrive together share a transaction."""

    def __init__(self, warehouse: Warehouse, clock: Clock, *, linger_seconds: float, batch_size: int) -> None:
        self._warehouse = warehouse
        self._clock = clock
        self._linger_seconds = linger_seconds
        self._batch_size = batch_size
        self._pending: deque[_Pending] = deque()
        self._drain: asyncio.Task[None] | None = None

    async def record(self, event: Event) -> None:
        """Store it unless its id is known. Raises InvalidEvent (never storable), Unavailable (try again)."""
        row = self._to_row(event)
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append(_Pending(row, stored))
        if self._drain is None or self._drain.done():
            self._drain = asyncio.create_task(self._store_batches(), name="event-sink")
        await stored

    async def stop(self) -> None:
        """Store what is pending."""
        if self._drain is not None:
            await self._drain

    def _to_row(self, event: Event) -> EventRow:
        data = parse_data(event)
        # the model's own fields in their canonical form, so that every cast in the views succeeds; unknown ones kept
        merged = {**event.data, **data.model_dump(mode="json", exclude_none=True)}
        try:
            text = json.dumps(merged, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            text.encode()
        except ValueError as error:  # NaN, infinities, lone surrogates
            raise InvalidEvent(f"{event.type}: {error}") from error
        return EventRow(event.id, event.type, event.source, event.time, event.subject, text, self._clock.now())

    async def _store_batches(self) -> None:
        await asyncio.sleep(self._linger_seconds)
        while self._pending:
            batch = [self._pending.popleft() for _ in range(min(len(self._pending), self._batch_size))]
            await self._store(batch)

    async def _store(self, batch: list[_Pending]) -> None:
        unique = {pending.row.id: pending.row for pending in batch}
        try:
            await self._warehouse.append(list(unique.values()))
        except RowsRejected as error:
            if len(batch) == 1:
                _fail(batch, InvalidEvent(error.detail))
                return
            for pending in batch:  # one bad row does not hold up its neighbours
                await self._store([pending])
        except Exception as error:  # handed to the callers, who answer the bus with it
            _fail(batch, error)
        else:
            for pending in batch:
                if not pending.stored.done():
                    pending.stored.set_result(None)


def _fail(batch: list[_Pending], error: Exception) -> None:
    for pending in batch:
        if not pending.stored.done():
            pending.stored.set_exception(error)
