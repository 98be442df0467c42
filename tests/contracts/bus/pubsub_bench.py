"""Pub/Sub's official emulator with two subscribers that it pushes to over HTTP."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from contextlib import ExitStack

import grpc
import pytest
from google.pubsub_v1.services.subscriber.async_client import SubscriberAsyncClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport
from google.pubsub_v1.types import PubsubMessage

from contracts.bus.subscriber import PATIENCE_SECONDS, SECRET, Subscriber
from contracts.bus.suite import DeadLetter
from emulators.google import pubsub_emulator
from served import HOST, free_port
from usher_compose.push_secret import push_endpoint
from usher_shared.bus.pubsub import PubSubEventBus
from usher_shared.bus.pubsub_topology import ensure_topology, kept
from usher_shared.events import Event
from usher_shared.events.topics import Topology


class Emulator:
    """Of one test process; its state is in memory."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._port = free_port()
        self.address = ""

    def start(self) -> None:
        self.address = self._stack.enter_context(pubsub_emulator(self._port))

    def stop(self) -> None:
        self._stack.close()

    @property
    def is_ours(self) -> bool:
        """Started here, hence able to be stopped and to reach this machine's ports."""
        return self.address == f"{HOST}:{self._port}"


class _Recorded(PubSubEventBus):
    """Remembers what was taken."""

    published: list[Event]

    async def publish(self, events: Sequence[Event]) -> None:
        await super().publish(events)
        self.published += events


class PubSubBench:
    buries_invalid_at_once = False
    tells_why_buried = False
    in_flight = 2  # what the emulator does

    def __init__(self, emulator: Emulator, topology: Topology, *, dead_letters: bool) -> None:
        self.emulator = emulator
        self.topology = topology
        self.with_dead_letters = dead_letters
        self.project = f"test-{uuid.uuid4().hex[:12]}"
        self.logger = Subscriber("logger", free_port(), push_secret=SECRET)
        self.webhooks = Subscriber("webhooks", free_port(), push_secret=SECRET)
        self.bus = _Recorded(self.project, emulator_host=emulator.address, publish_seconds=3.0)
        self.bus.published = []
        self.channel = grpc.aio.insecure_channel(emulator.address)
        self.client = SubscriberAsyncClient(transport=SubscriberGrpcAsyncIOTransport(channel=self.channel))
        self._dead: dict[str, tuple[DeadLetter, PubsubMessage]] = {}

    async def start(self) -> None:
        await asyncio.gather(self.logger.server.start(), self.webhooks.server.start(), self.set_up())

    async def set_up(self) -> list[str]:
        urls = {"logger": self.logger.server.url, "webhooks": self.webhooks.server.url}
        return await ensure_topology(
            self.project,
            self.topology,
            lambda service, path: push_endpoint(urls[service] + path, SECRET),
            dead_letters=self.with_dead_letters,
            emulator_host=self.emulator.address,
        )

    async def close(self) -> None:
        await self.bus.close()
        for subscription in self.topology.subscriptions:  # or the emulator goes on pushing to nobody
            await self.client.delete_subscription(subscription=self.path(subscription.name))
        await self.channel.close()
        await asyncio.gather(self.logger.server.stop(), self.webhooks.server.stop())

    def path(self, subscription: str) -> str:
        return f"projects/{self.project}/subscriptions/{subscription}"

    async def stop_bus(self) -> None:
        if not self.emulator.is_ours:
            pytest.skip("the emulator is not ours to stop")
        await asyncio.to_thread(self.emulator.stop)

    async def start_bus(self) -> None:
        """The emulator starts empty: the topology is made again."""
        await asyncio.to_thread(self.emulator.start)
        await self.set_up()

    async def dead_letters(self, at_least: int = 0) -> Sequence[DeadLetter]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                await self._pull()
                if len(self._dead) >= at_least:
                    return [dead for dead, _ in self._dead.values()]
                await asyncio.sleep(0.05)

    async def _pull(self) -> None:
        for topic in self.topology.topics:
            name = self.path(kept(topic.dead_letter_topic))
            request = {"subscription": name, "max_messages": 100, "return_immediately": True}
            answer = await self.client.pull(request)
            for received in answer.received_messages:
                message = received.message
                dead = DeadLetter(
                    id=message.message_id,
                    event_id=message.attributes.get("id"),
                    topic=topic.dead_letter_topic,
                    subscription=message.attributes["CloudPubSubDeadLetterSourceSubscription"],
                    attempts=int(message.attributes["CloudPubSubDeadLetterSourceDeliveryCount"]),
                    reason="",
                )
                self._dead[dead.id] = (dead, message)
                await self.client.acknowledge(subscription=name, ack_ids=[received.ack_id])

    async def redrive(self, dead_letter: DeadLetter) -> None:
        """Publish it again, once."""
        found = self._dead.pop(dead_letter.id, None)
        if found is not None:
            await self.bus.publish([Event.from_json(found[1].data)])

    async def until_idle(self) -> None:
        """Until each event reached each subscription of its topic, or was buried there.

        The emulator does not tell its backlog: a repetition that is still under way would not be noticed.
        """
        subscribers = {"logger": self.logger, "webhooks": self.webhooks}
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                dead = {(d.subscription, d.event_id) for d in await self.dead_letters()}
                left = any(
                    event.id not in subscribers[s.service].handled and (s.name, event.id) not in dead
                    for event in self.bus.published
                    for s in self.topology.subscriptions
                    if s.topic == event.topic and s.wants(event.attributes())
                )
                if not left and not self.logger.in_hand and not self.webhooks.in_hand:
                    return
                await asyncio.sleep(0.02)
