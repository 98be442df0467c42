"""The EventBus port.

Semantics that every adapter keeps (tests/contracts/bus): `publish` returns once the bus has the event durably;
delivery is at least once, may be repeated and reordered, except that events of one ordering key reach a
subscription in the order of publishing as long as none is dead-lettered. Subscribers are HTTP endpoints:
2xx acknowledges; 400 with problem code `invalid_event` and everything else is redelivered with backoff until the
dead-letter limit; `invalid_event` goes to the dead-letter topic at once where the bus can do that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from usher_shared.events import Event


class EventBus(Protocol):
    async def publish(self, events: Sequence[Event]) -> None:
        """Hand over events, in order. Raises Unavailable when not all were taken: publish them again."""
        ...

    async def ping(self) -> None:
        """Return if the bus answers; raise otherwise."""
        ...

    async def close(self) -> None: ...
