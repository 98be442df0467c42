"""EventBus over HTTP: the embedded bus speaks the publish call of Pub/Sub's REST API."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from usher_shared.errors import Unavailable, UpstreamFailed, UpstreamTimeout
from usher_shared.events import Event
from usher_shared.http.client import ServiceClient

_MAX_MESSAGES = 1000  # of one publish call, as in Pub/Sub
_MAX_BYTES = 4 << 20


class HttpEventBus:
    """Publishes through `client`, whose service is the bus. Closing it closes the client."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def publish(self, events: Sequence[Event]) -> None:
        """One call for each run of events of one topic, in order. Raises Unavailable: publish all of them again."""
        try:
            for topic, run in groupby(events, attrgetter("topic")):
                for messages in _calls(run):
                    await self._client.call(
                        "POST", f"/v1/projects/local/topics/{topic}:publish", json={"messages": messages}
                    )
        except (UpstreamTimeout, UpstreamFailed) as error:
            # whether the bus has them is unknown: publishing again is right, consumers deduplicate by id
            raise Unavailable(f"the bus did not confirm: {error.detail}", retry_after_seconds=1) from error

    async def ping(self) -> None:
        await self._client.call("GET", "/health", timeout_seconds=3.0)

    async def close(self) -> None:
        await self._client.close()


def _calls(events: Iterator[Event]) -> Iterator[list[dict[str, Any]]]:
    """The messages of each publish call: at most `_MAX_MESSAGES` and about `_MAX_BYTES`, in order."""
    messages: list[dict[str, Any]] = []
    size = 0
    for event in events:
        data = base64.b64encode(event.to_json()).decode()
        if messages and (len(messages) == _MAX_MESSAGES or size + len(data) > _MAX_BYTES):
            yield messages
            messages, size = [], 0
        messages.append({"data": data, "attributes": event.attributes(), "orderingKey": event.orderingkey or ""})
        size += len(data)
    if messages:
        yield messages
