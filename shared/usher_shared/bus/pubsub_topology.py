"""Sets up Pub/Sub from the topology of `topics.json`: what is missing is made, what differs is changed.

Each dead-letter topic gets a pull subscription `kept-<topic>`: Pub/Sub drops what is published to a topic without one.
Where Terraform makes the topology (deploy/gcp), this is for emulators and for looking.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from google.api_core.exceptions import AlreadyExists, GoogleAPIError, ServiceUnavailable
from google.api_core.retry import AsyncRetry, if_exception_type
from google.auth.exceptions import GoogleAuthError
from google.pubsub_v1 import types
from google.pubsub_v1.services.publisher.async_client import PublisherAsyncClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.services.subscriber.async_client import SubscriberAsyncClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport

from usher_shared.bus.pubsub_channel import open_channel
from usher_shared.errors import Conflict, Unavailable
from usher_shared.events import Subscription
from usher_shared.events.topics import Topology
from usher_shared.http.google_tokens import audience_of

_RETENTION = timedelta(days=7)
_PULL_DEADLINE_SECONDS = 60
_CALL_SECONDS = 10.0
_LIST: Any = {
    # long enough for a server that is just back, no longer for one that is away
    "retry": AsyncRetry(if_exception_type(ServiceUnavailable), initial=0.1, maximum=1.0, timeout=5.0),
    "timeout": _CALL_SECONDS,
}
_MUTABLE = (
    "ack_deadline_seconds",
    "retry_policy",
    "dead_letter_policy",
    "expiration_policy",
    "message_retention_duration",
)
_IMMUTABLE = ("topic", "enable_message_ordering", "filter")

EndpointOf = Callable[[str, str], str]


@dataclass(frozen=True)
class _Project:
    name: str

    def topic(self, name: str) -> str:
        return f"projects/{self.name}/topics/{name}"

    def subscription(self, name: str) -> str:
        return f"projects/{self.name}/subscriptions/{name}"


def kept(dead_letter_topic: str) -> str:
    """The name of the subscription that keeps a topic's dead letters until an operator has seen to them."""
    return f"kept-{dead_letter_topic}"


async def ensure_topology(
    project: str,
    topology: Topology,
    endpoint_of: EndpointOf,
    *,
    push_account: str | None = None,
    dead_letters: bool = True,
    emulator_host: str | None = None,
) -> list[str]:
    """What was made or changed, a line each: nothing when all is as it should be.

    `endpoint_of(service, path)` is the URL to push to. `push_account` is the service account whose ID token, made out
    to `usher-<service>`, Pub/Sub sends with each push; None sends none. Without `dead_letters` no subscription gets a
    dead-letter policy: the emulator loses an ordered message for which it should apply one, and blocks its key.

    Raises Unavailable, and Conflict (after all else is done) naming the subscriptions that differ in what Pub/Sub
    cannot change: topic, ordering, filter. Those have to be deleted first, with what waits in them.
    """
    place = _Project(project)
    wanted = _wanted(place, topology, endpoint_of, push_account, dead_letters)
    topics = [name for topic in topology.topics for name in (topic.name, topic.dead_letter_topic)]
    try:
        channel = await open_channel(emulator_host)
        async with channel:
            publisher = PublisherAsyncClient(transport=PublisherGrpcAsyncIOTransport(channel=channel))
            subscriber = SubscriberAsyncClient(transport=SubscriberGrpcAsyncIOTransport(channel=channel))
            done = await _ensure_topics(publisher, place, topics)
            changed, stuck = await _ensure_subscriptions(subscriber, place, wanted)
    except (GoogleAPIError, GoogleAuthError) as error:
        text = str(error)
        for subscription in wanted:  # an endpoint may hold a secret
            if subscription.push_config.push_endpoint:
                text = text.replace(subscription.push_config.push_endpoint, "(endpoint)")
        raise Unavailable(f"Pub/Sub could not be set up: {text}"[:500], retry_after_seconds=1) from None
    if stuck:
        raise Conflict(f"cannot be changed, delete and run again: {'; '.join(stuck)}", code="immutable_subscription")
    return done + changed


def _wanted(
    place: _Project, topology: Topology, endpoint_of: EndpointOf, push_account: str | None, dead_letters: bool
) -> list[types.Subscription]:
    burial = {topic.name: topic.dead_letter_topic for topic in topology.topics}
    pushes = [
        _push_subscription(
            place,
            subscription,
            endpoint_of(subscription.service, subscription.path),
            push_account,
            burial[subscription.topic] if dead_letters else None,
        )
        for subscription in topology.subscriptions
    ]
    return pushes + [
        types.Subscription(
            name=place.subscription(kept(topic.dead_letter_topic)),
            topic=place.topic(topic.dead_letter_topic),
            ack_deadline_seconds=_PULL_DEADLINE_SECONDS,
            message_retention_duration=_RETENTION,
            expiration_policy=types.ExpirationPolicy(),  # without a time to live: never
        )
        for topic in topology.topics
    ]


def _push_subscription(
    place: _Project, subscription: Subscription, endpoint: str, push_account: str | None, dead_letter_topic: str | None
) -> types.Subscription:
    made = types.Subscription(
        name=place.subscription(subscription.name),
        topic=place.topic(subscription.topic),
        push_config=types.PushConfig(push_endpoint=endpoint),
        ack_deadline_seconds=round(subscription.ack_deadline_seconds),
        enable_message_ordering=subscription.enable_message_ordering,
        filter=subscription.filter,
        message_retention_duration=_RETENTION,
        expiration_policy=types.ExpirationPolicy(),
        retry_policy=types.RetryPolicy(
            minimum_backoff=timedelta(seconds=subscription.minimum_backoff_seconds),
            maximum_backoff=timedelta(seconds=subscription.maximum_backoff_seconds),
        ),
    )
    if push_account is not None:
        made.push_config.oidc_token = types.PushConfig.OidcToken(
            service_account_email=push_account, audience=audience_of(subscription.service)
        )
    if dead_letter_topic is not None:
        made.dead_letter_policy = types.DeadLetterPolicy(
            dead_letter_topic=place.topic(dead_letter_topic), max_delivery_attempts=subscription.max_delivery_attempts
        )
    return made


async def _ensure_topics(client: PublisherAsyncClient, place: _Project, names: list[str]) -> list[str]:
    found = {t.name async for t in await client.list_topics(project=f"projects/{place.name}", **_LIST)}
    done = []
    for name in names:
        if place.topic(name) not in found:
            try:
                await client.create_topic(name=place.topic(name), timeout=_CALL_SECONDS)
            except AlreadyExists:
                continue  # another set-up was quicker
            done.append(f"made topic {name}")
    return done


async def _ensure_subscriptions(
    client: SubscriberAsyncClient, place: _Project, wanted: list[types.Subscription]
) -> tuple[list[str], list[str]]:
    """What was done, and what cannot be."""
    listed: AsyncIterable[types.Subscription] = await client.list_subscriptions(
        project=f"projects/{place.name}", **_LIST
    )
    existing = {found.name: found async for found in listed}
    done, stuck = [], []
    for subscription in wanted:
        name = subscription.name.rpartition("/")[2]
        found = existing.get(subscription.name)
        if found is None:
            try:
                await client.create_subscription(subscription, timeout=_CALL_SECONDS)
                done.append(f"made subscription {name}")
                continue
            except AlreadyExists:
                found = await client.get_subscription(subscription=subscription.name, timeout=_CALL_SECONDS)
        fixed = [part for part in _IMMUTABLE if getattr(found, part) != getattr(subscription, part)]
        if fixed:
            stuck.append(f"{name} ({', '.join(fixed)})")
            continue
        different = _differences(found, subscription)
        if different:
            mask = {"paths": different}
            request = types.UpdateSubscriptionRequest(subscription=subscription, update_mask=mask)
            await client.update_subscription(request, timeout=_CALL_SECONDS)
            done.append(f"changed subscription {name}: {', '.join(different)}")
    return done, stuck


def _differences(found: types.Subscription, wanted: types.Subscription) -> list[str]:
    different = [part for part in _MUTABLE if getattr(found, part) != getattr(wanted, part)]
    # of the push configuration what we set: the server adds to it
    ours = ("push_endpoint", "oidc_token")
    if any(getattr(found.push_config, part) != getattr(wanted.push_config, part) for part in ours):
        different.append("push_config")
    return different
