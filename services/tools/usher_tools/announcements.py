"""What the box office announces to the other services, in the transaction of the change."""

from __future__ import annotations

from usher_shared.clock import Clock
from usher_shared.documents import Transaction
from usher_shared.events import EventData
from usher_shared.events.envelope import event as make_event
from usher_shared.ids import IdGenerator
from usher_shared.outbox import record


def announce(
    tx: Transaction,
    ids: IdGenerator,
    clock: Clock,
    type: str,
    data: EventData,
    *,
    about: str,
    traceparent: str | None,
) -> None:
    """Record an event about an order or a show; events about the same one keep their order."""
    fresh = make_event(
        id=ids.new("EVT"),
        type=type,
        source="usher/tools",
        time=clock.now(),
        data=data,
        subject=about,
        ordering_key=about,
        traceparent=traceparent,
    )
    record(tx, fresh)
