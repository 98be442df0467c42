"""EventBus on Google Cloud Pub/Sub.

A publish request may hold one ordering key alone (`PubsubMessage.ordering_key` in
https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1), so events go out in lanes of one topic and key:
while a lane's request is under way, what comes next gathers for the following one. The library's own batching
publisher keeps a thread a key and a timer; on its async client neither is needed (docs/adr/0010-pubsub.md).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass, field
from typing import NamedTuple

from google.api_core import exceptions
from google.api_core.retry import AsyncRetry, if_exception_type
from google.api_core.timeout import ConstantTimeout
from google.auth.exceptions import GoogleAuthError
from google.pubsub_v1.services.publisher.async_client import PublisherAsyncClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.types import PublishRequest, PubsubMessage

from usher_shared.bus.pubsub_channel import open_channel
from usher_shared.errors import Unavailable
from usher_shared.events import Event

_MAX_MESSAGES = 1000  # of one request: https://cloud.google.com/pubsub/quotas#resource_limits
_MAX_BYTES = 4 << 20
_ATTEMPT_TIMEOUT = ConstantTimeout(4.0)  # type: ignore[no-untyped-call]  # a request without an answer is sent again
_PING_SECONDS = 2.0
_RETRY = AsyncRetry(
    # as the library's own publisher, but within seconds; the caller's deadline ends it
    if_exception_type(
        exceptions.Aborted,
        exceptions.Cancelled,
        exceptions.DeadlineExceeded,
        exceptions.InternalServerError,
        exceptions.ResourceExhausted,
        exceptions.ServiceUnavailable,
        exceptions.Unknown,
    ),
    initial=0.1,
    maximum=1.0,
    multiplier=2.0,
    timeout=None,
)
_message = PubsubMessage.pb()  # bare protobuf: several times cheaper than the wrapper around it
_request = PublishRequest.pb()

_LaneKey = tuple[str, str]  # topic, ordering key


@dataclass(eq=False, slots=True)
class _Run:
    """The events of one publish call that share a lane, until all are acknowledged."""

    unconfirmed: int
    deadline: float
    done: asyncio.Future[None]

    def confirm(self, count: int) -> None:
        self.unconfirmed -= count
        if not self.unconfirmed and not self.done.done():
            self.done.set_result(None)

    def fail(self, error: Unavailable) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class _Item(NamedTuple):
    event: Event
    run: _Run


@dataclass(slots=True)
class _Lane:
    waiting: deque[_Item] = field(default_factory=deque)
    drain: asyncio.Task[None] | None = None


class PubSubEventBus:
    """Publishes into the topics of `project`; connects with the first use.

    `publish_seconds` bounds a publish call with its retries, `flush_seconds` the wait in `close`; `in_flight` is how
    many requests are under way at once, what exceeds them waits. `ping` asks for `ping_topic`.
    `emulator_host` is `host:port` of an emulator; without one it is Google's, whatever the environment says.
    """

    def __init__(
        self,
        project: str,
        *,
        emulator_host: str | None = None,
        publish_seconds: float = 10.0,
        flush_seconds: float = 5.0,
        in_flight: int = 32,
        ping_topic: str = "error_occurred",
    ) -> None:
        self._project = project
        self._emulator_host = emulator_host
        self._publish_seconds = publish_seconds
        self._flush_seconds = flush_seconds
        self._ping_topic = ping_topic
        self._slots = asyncio.Semaphore(in_flight)
        self._lanes: dict[_LaneKey, _Lane] = {}
        self._connecting = asyncio.Lock()
        self._client: PublisherAsyncClient | None = None
        self._closed = False

    async def publish(self, events: Sequence[Event]) -> None:
        """Return once Pub/Sub acknowledged all, in order within each ordering key. Raises Unavailable: publish again.

        After a failure everything that waits behind it in the same lane fails too, as nothing may overtake.
        """
        if self._closed:
            raise Unavailable("the bus is closed")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._publish_seconds
        by_lane: dict[_LaneKey, list[Event]] = defaultdict(list)
        for event in events:
            by_lane[event.topic, event.orderingkey or ""].append(event)
        runs = []
        for key, own in by_lane.items():
            run = _Run(len(own), deadline, loop.create_future())
            runs.append(run.done)
            lane = self._lanes.setdefault(key, _Lane())
            lane.waiting.extend(_Item(event, run) for event in own)
            if lane.drain is None:  # with a context of its own: it serves other callers too
                lane.drain = asyncio.create_task(self._drain(key, lane), name="publish", context=Context())
        # all have to end before the caller may publish again, or the second attempt could overtake the first
        results = await asyncio.gather(*runs, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _drain(self, key: _LaneKey, lane: _Lane) -> None:
        batch: list[_Item] = []
        try:
            while lane.waiting:
                batch, request = self._take(key, lane)
                try:
                    await self._send(request, batch[0].run.deadline)
                except Unavailable as error:
                    for item in (*batch, *lane.waiting):
                        item.run.fail(error)
                    lane.waiting.clear()
                else:
                    for item in batch:
                        item.run.confirm(1)
        except BaseException as error:
            for item in (*batch, *lane.waiting):
                item.run.fail(Unavailable(f"publishing ended: {error!r}"))
            raise
        finally:
            del self._lanes[key]

    def _take(self, key: _LaneKey, lane: _Lane) -> tuple[list[_Item], PublishRequest]:
        """The next request: as much as one may hold."""
        topic, ordering_key = key
        batch: list[_Item] = []
        messages = []
        size = 0
        while lane.waiting and len(batch) < _MAX_MESSAGES:
            event = lane.waiting[0].event
            message = _message(data=event.to_json(), attributes=event.attributes(), ordering_key=ordering_key)
            size += message.ByteSize()
            if batch and size > _MAX_BYTES:
                break
            batch.append(lane.waiting.popleft())
            messages.append(message)
        return batch, PublishRequest.wrap(_request(topic=self._path(topic), messages=messages))

    async def _send(self, request: PublishRequest, deadline: float) -> None:
        try:
            async with asyncio.timeout_at(deadline), self._slots:
                client = await self._connect()
                await client.publish(request, retry=_RETRY, timeout=_ATTEMPT_TIMEOUT)
        except TimeoutError as error:
            raise Unavailable("Pub/Sub did not answer in time", retry_after_seconds=1) from error
        except (exceptions.GoogleAPIError, GoogleAuthError) as error:
            # also what a set-up to come will mend: no topic, no permission
            raise Unavailable(f"Pub/Sub did not take the events: {error}"[:500], retry_after_seconds=1) from error

    async def ping(self) -> None:
        """Raises Unavailable."""
        try:
            async with asyncio.timeout(_PING_SECONDS):
                client = await self._connect()
                await client.get_topic(topic=self._path(self._ping_topic), retry=None, timeout=_PING_SECONDS)
        except (exceptions.GoogleAPIError, GoogleAuthError, TimeoutError) as error:
            raise Unavailable(f"Pub/Sub does not answer: {error}"[:500], retry_after_seconds=1) from error

    async def close(self) -> None:
        """Send what is waiting, for a moment; what stays unsent raises Unavailable where it was published."""
        self._closed = True
        drains = [lane.drain for lane in self._lanes.values() if lane.drain is not None]
        if drains:
            _, late = await asyncio.wait(drains, timeout=self._flush_seconds)
            for drain in late:
                drain.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._client is not None:
            await self._client.transport.close()  # type: ignore[no-untyped-call]
            self._client = None

    def _path(self, topic: str) -> str:
        return f"projects/{self._project}/topics/{topic}"

    async def _connect(self) -> PublisherAsyncClient:
        async with self._connecting:
            if self._client is None:
                channel = await open_channel(self._emulator_host)
                self._client = PublisherAsyncClient(transport=PublisherGrpcAsyncIOTransport(channel=channel))
            return self._client
