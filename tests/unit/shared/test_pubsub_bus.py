"""The Pub/Sub adapter against a server that obeys the test: what goes out, in which order, and when it fails."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import grpc
import pytest
from google.pubsub_v1.types import GetTopicRequest, PublishRequest, PublishResponse, Topic

from served import free_port
from usher_shared.bus.pubsub import PubSubEventBus
from usher_shared.errors import Unavailable
from usher_shared.events import Event

_ids = itertools.count()


def event(key: str | None = None, topic: str = "error_occurred", text: str = "") -> Event:
    return Event(
        id=f"EVT_{next(_ids)}",
        source="usher/tools",
        type=f"usher.{topic}.v1",
        time=datetime.now(UTC),
        data={"text": text},
        orderingkey=key,
        traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01",
    )


class Server:
    """Publisher of google.pubsub.v1. `answers` are the codes of the next publish calls, OK without any.

    `gate` holds every call that is not refused until it is set; `hanging` calls are never answered.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.requests: list[PublishRequest] = []
        self.taken: list[str] = []
        self.answers: deque[grpc.StatusCode] = deque()
        self.gate = asyncio.Event()
        self.gate.set()
        self.hanging = False
        self.called = asyncio.Event()
        self.in_hand = self.most_in_hand = 0
        self._server: grpc.aio.Server | None = None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._server = grpc.aio.server()
        handlers = {
            "Publish": grpc.unary_unary_rpc_method_handler(
                self._publish, PublishRequest.deserialize, PublishResponse.serialize
            ),
            "GetTopic": grpc.unary_unary_rpc_method_handler(
                self._get_topic, GetTopicRequest.deserialize, Topic.serialize
            ),
        }
        generic = grpc.method_handlers_generic_handler("google.pubsub.v1.Publisher", handlers)
        self._server.add_generic_rpc_handlers((generic,))
        self._server.add_insecure_port(self.host)
        await self._server.start()

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(0)

    async def _publish(self, request: PublishRequest, context: grpc.aio.ServicerContext) -> PublishResponse:
        self.requests.append(request)
        self.called.set()
        self.in_hand += 1
        self.most_in_hand = max(self.most_in_hand, self.in_hand)
        try:
            if self.answers:
                code = self.answers.popleft()
                if code is not grpc.StatusCode.OK:
                    await context.abort(code, "as the test wants")
            if self.hanging:
                await asyncio.Event().wait()
            await self.gate.wait()
        finally:
            self.in_hand -= 1
        self.taken += [message.attributes["id"] for message in request.messages]
        return PublishResponse(message_ids=[str(n) for n in range(len(request.messages))])

    async def _get_topic(self, request: GetTopicRequest, _: grpc.aio.ServicerContext) -> Topic:
        return Topic(name=request.topic)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    await server.start()
    yield server
    server.gate.set()
    await server.stop()


@pytest.fixture
async def bus(server: Server) -> AsyncIterator[PubSubEventBus]:
    bus = PubSubEventBus("venue", emulator_host=server.host, publish_seconds=2.0, flush_seconds=2.0)
    yield bus
    await bus.close()


async def test_a_message_is_what_the_embedded_bus_sends(server: Server, bus: PubSubEventBus) -> None:
    sent = event("order-1")
    await bus.publish([sent])
    (request,) = server.requests
    (message,) = request.messages
    assert request.topic == "projects/venue/topics/error_occurred"
    assert message.data == sent.to_json()
    assert dict(message.attributes) == {"type": sent.type, "id": sent.id, "traceparent": sent.traceparent}
    assert message.ordering_key == "order-1"


async def test_a_request_holds_one_topic_and_key_and_a_bounded_number(server: Server, bus: PubSubEventBus) -> None:
    """`All PubsubMessages published in a given PublishRequest must specify the same ordering_key value`."""
    sent = [event(f"k{n % 5}", ("error_occurred", "feedback_received")[n % 2]) for n in range(100)]
    sent += [event() for _ in range(1500)]
    await bus.publish(sent)
    assert sorted(server.taken) == sorted(e.id for e in sent)
    for request in server.requests:
        assert len({message.ordering_key for message in request.messages}) == 1
        assert len(request.messages) <= 1000
    assert len(server.requests) == 10 + 2


async def test_large_events_are_spread(server: Server, bus: PubSubEventBus) -> None:
    sent = [event("k", text="x" * 1_000_000) for _ in range(9)]
    await bus.publish(sent)
    assert server.taken == [e.id for e in sent]
    assert [len(request.messages) for request in server.requests] == [4, 4, 1]


async def test_what_comes_while_a_request_is_under_way_goes_together(server: Server, bus: PubSubEventBus) -> None:
    server.gate.clear()
    sent = [event("k") for _ in range(20)]
    calls = [asyncio.create_task(bus.publish([sent[0]]))]
    await server.called.wait()
    calls += [asyncio.create_task(bus.publish([e])) for e in sent[1:]]
    await asyncio.sleep(0)  # let them hand in
    server.gate.set()
    await asyncio.gather(*calls)
    assert server.taken == [e.id for e in sent]
    assert [len(request.messages) for request in server.requests] == [1, 19]


async def test_requests_in_flight_are_bounded(server: Server) -> None:
    bus = PubSubEventBus("venue", emulator_host=server.host, in_flight=4)
    await bus.publish([event(f"k{n}") for n in range(50)])
    await bus.close()
    assert server.most_in_hand <= 4
    assert len(server.requests) == 50


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL, grpc.StatusCode.ABORTED])
async def test_a_passing_fault_is_tried_again(server: Server, bus: PubSubEventBus, code: grpc.StatusCode) -> None:
    server.answers.extend([code, code])
    sent = event("k")
    await bus.publish([sent])
    assert server.taken == [sent.id]
    assert len(server.requests) == 3


@pytest.mark.parametrize("code", [grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED])
async def test_a_lasting_fault_is_told_at_once(server: Server, bus: PubSubEventBus, code: grpc.StatusCode) -> None:
    server.answers.append(code)
    with pytest.raises(Unavailable):
        await bus.publish([event("k")])
    assert len(server.requests) == 1


async def test_a_server_that_does_not_answer_ends_in_unavailable_and_is_used_again(
    server: Server, bus: PubSubEventBus
) -> None:
    server.hanging = True
    with pytest.raises(Unavailable):
        await bus.publish([event("k")])
    server.hanging = False
    sent = event("k")
    await bus.publish([sent])
    assert server.taken == [sent.id]


async def test_nothing_overtakes_a_failure_in_its_lane(server: Server, bus: PubSubEventBus) -> None:
    server.gate.clear()
    first, second, third, other = event("k"), event("k"), event("k"), event("another")
    server.answers.extend([grpc.StatusCode.OK, grpc.StatusCode.NOT_FOUND])
    begun = asyncio.create_task(bus.publish([first]))
    await server.called.wait()
    behind = [asyncio.create_task(bus.publish([e])) for e in (second, third)]
    await asyncio.sleep(0)  # let them hand in
    server.gate.set()
    await begun
    for call in behind:
        with pytest.raises(Unavailable):
            await call
    await bus.publish([second, third, other])
    assert [id for id in server.taken if id != other.id] == [first.id, second.id, third.id]


async def test_one_keys_failure_leaves_another_alone_and_the_call_fails(server: Server, bus: PubSubEventBus) -> None:
    server.answers.append(grpc.StatusCode.NOT_FOUND)
    failing, fine = event("a"), event("b")
    with pytest.raises(Unavailable):
        await bus.publish([failing, fine])
    assert len(server.taken) == 1


async def test_a_caller_that_gave_up_leaves_the_lane_usable(server: Server, bus: PubSubEventBus) -> None:
    server.gate.clear()
    call = asyncio.create_task(bus.publish([event("k")]))
    await server.called.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    server.gate.set()
    await bus.publish([event("k")])
    assert len(server.taken) == 2


async def test_closing_sends_what_is_waiting(server: Server) -> None:
    bus = PubSubEventBus("venue", emulator_host=server.host, flush_seconds=5.0)
    server.gate.clear()
    sent = [event("k") for _ in range(3)]
    calls = [asyncio.create_task(bus.publish([e])) for e in sent]
    await server.called.wait()
    closing = asyncio.create_task(bus.close())
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await bus.publish([event()])
    server.gate.set()
    await asyncio.gather(closing, *calls)
    assert server.taken == [e.id for e in sent]


async def test_closing_does_not_wait_for_ever(server: Server) -> None:
    bus = PubSubEventBus("venue", emulator_host=server.host, publish_seconds=60.0, flush_seconds=0.1)
    server.hanging = True
    call = asyncio.create_task(bus.publish([event("k"), event("other")]))
    await server.called.wait()
    await bus.close()
    with pytest.raises(Unavailable):
        await call


async def test_a_ping_is_answered_or_raises(server: Server, bus: PubSubEventBus) -> None:
    await bus.ping()
    await server.stop()
    with pytest.raises(Unavailable):
        await bus.ping()


async def test_construction_connects_to_nothing() -> None:
    bus = PubSubEventBus("venue", emulator_host="127.0.0.1:1")
    await bus.close()
