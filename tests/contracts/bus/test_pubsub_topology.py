"""The set-up of Pub/Sub from the one data file, on the official emulator."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import grpc
import pytest
from google.pubsub_v1.services.subscriber.async_client import SubscriberAsyncClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport

from contracts.bus.pubsub_bench import Emulator
from usher_shared.bus.pubsub_topology import ensure_topology, kept
from usher_shared.errors import Conflict, Unavailable
from usher_shared.events import load_topics
from usher_shared.events.topics import Topology

TOPOLOGY = load_topics()
COUNT = 3 * len(TOPOLOGY.topics) + len(TOPOLOGY.subscriptions)
ACCOUNT = "usher-push@venue.iam.gserviceaccount.com"


def endpoint(service: str, path: str) -> str:
    return f"http://127.0.0.1:9/{service}{path}?token=swordfish"


class Place:
    """A fresh project."""

    def __init__(self, emulator: Emulator) -> None:
        self.host = emulator.address
        self.project = f"test-{uuid.uuid4().hex[:12]}"
        self.channel = grpc.aio.insecure_channel(self.host)
        self.client = SubscriberAsyncClient(transport=SubscriberGrpcAsyncIOTransport(channel=self.channel))

    async def ensure(self, topology: Topology = TOPOLOGY, **settings: object) -> list[str]:
        return await ensure_topology(self.project, topology, endpoint, emulator_host=self.host, **settings)  # type: ignore[arg-type]

    def path(self, name: str) -> str:
        return f"projects/{self.project}/subscriptions/{name}"


@pytest.fixture
async def place(emulator: Emulator) -> AsyncIterator[Place]:
    place = Place(emulator)
    yield place
    await place.channel.close()


async def test_everything_is_made_once(place: Place) -> None:
    made = await place.ensure()
    assert len(made) == len(set(made)) == COUNT
    assert await place.ensure() == []


async def test_a_push_subscription_is_as_the_file_says(place: Place) -> None:
    await place.ensure(push_account=ACCOUNT)
    found = await place.client.get_subscription(subscription=place.path("webhooks-ticket_purchased"))
    (wanted,) = [s for s in TOPOLOGY.subscriptions if s.name == "webhooks-ticket_purchased"]
    assert found.topic.endswith("/topics/ticket_purchased")
    assert found.push_config.push_endpoint == endpoint("webhooks", wanted.path)
    assert found.push_config.oidc_token.service_account_email == ACCOUNT
    assert found.push_config.oidc_token.audience == "usher-webhooks"
    assert found.enable_message_ordering
    assert found.filter == 'attributes.type = "usher.ticket_purchased.v1"'
    assert found.ack_deadline_seconds == wanted.ack_deadline_seconds
    assert found.retry_policy.minimum_backoff == timedelta(seconds=wanted.minimum_backoff_seconds)
    assert found.retry_policy.maximum_backoff == timedelta(seconds=wanted.maximum_backoff_seconds)
    assert found.dead_letter_policy.dead_letter_topic.endswith("/topics/ticket_purchased_dead_letter")
    assert found.dead_letter_policy.max_delivery_attempts == wanted.max_delivery_attempts
    assert "expiration_policy" in found
    assert not found.expiration_policy.ttl


async def test_dead_letters_are_kept_for_a_week(place: Place) -> None:
    await place.ensure()
    found = await place.client.get_subscription(subscription=place.path(kept("ticket_purchased_dead_letter")))
    assert found.topic.endswith("/topics/ticket_purchased_dead_letter")
    assert found.message_retention_duration == timedelta(days=7)
    assert not found.push_config.push_endpoint
    assert not found.expiration_policy.ttl


async def test_what_differs_is_changed_and_said(place: Place) -> None:
    await place.ensure()
    first, *others = TOPOLOGY.subscriptions
    slower = first.model_copy(update={"ack_deadline_seconds": 77.0, "maximum_backoff_seconds": 300.0})
    topology = TOPOLOGY.model_copy(update={"subscriptions": (slower, *others)})
    assert await place.ensure(topology) == [f"changed subscription {first.name}: ack_deadline_seconds, retry_policy"]
    assert await place.ensure(topology) == []
    found = await place.client.get_subscription(subscription=place.path(first.name))
    assert found.ack_deadline_seconds == 77


async def test_what_cannot_be_changed_is_named_after_the_rest_is_done(place: Place) -> None:
    await place.ensure()
    first, second, *others = TOPOLOGY.subscriptions
    changed = (
        first.model_copy(update={"filter": ""}),
        second.model_copy(update={"ack_deadline_seconds": 77.0}),
        *others,
    )
    with pytest.raises(Conflict) as caught:
        await place.ensure(TOPOLOGY.model_copy(update={"subscriptions": changed}))
    assert f"{first.name} (filter)" in str(caught.value)
    assert second.name not in str(caught.value)
    found = await place.client.get_subscription(subscription=place.path(second.name))
    assert found.ack_deadline_seconds == 77


async def test_a_refusal_tells_no_secret(place: Place) -> None:
    first, *others = TOPOLOGY.subscriptions
    bad = first.model_copy(update={"ack_deadline_seconds": 7000.0})
    with pytest.raises(Unavailable) as caught:
        await place.ensure(TOPOLOGY.model_copy(update={"subscriptions": (bad, *others)}))
    assert "swordfish" not in str(caught.value)


async def test_an_emulator_that_is_away(place: Place) -> None:
    place.host = "127.0.0.1:1"
    with pytest.raises(Unavailable):
        await place.ensure()
