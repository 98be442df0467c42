"""The operator's way with dead letters, on the official Pub/Sub emulator."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import DeadlineExceeded
from google.cloud import pubsub_v1

from emulators.google import pubsub_emulator

ROOT = Path(__file__).resolve().parents[2]
TOPIC = "ticket_purchased"
Operate = Callable[..., Any]


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    with pubsub_emulator() as address:
        yield address


class Topology:
    """The topic with a listener, and its dead letters, in a project of their own."""

    def __init__(self) -> None:
        self.project = f"p-{secrets.token_hex(6)}"
        options = pubsub_v1.types.PublisherOptions(enable_message_ordering=True)
        self.publisher = pubsub_v1.PublisherClient(publisher_options=options)
        self.subscriber = pubsub_v1.SubscriberClient()
        for topic, subscription in (
            (TOPIC, "listener"),
            (f"{TOPIC}_dead_letter", f"kept-{TOPIC}_dead_letter"),
        ):
            name = self.publisher.topic_path(self.project, topic)
            self.publisher.create_topic(name=name)
            path = self.subscriber.subscription_path(self.project, subscription)
            self.subscriber.create_subscription(name=path, topic=name)

    def bury(self, number: int) -> None:
        topic = self.publisher.topic_path(self.project, f"{TOPIC}_dead_letter")
        attributes = {"type": f"usher.{TOPIC}.v1", "CloudPubSubDeadLetterSourceDeliveryCount": "10"}
        data = json.dumps({"id": f"EVT_{number}"}).encode()
        self.publisher.publish(topic, data, ordering_key="ORD_1", **attributes).result(10)

    def received(self, subscription: str) -> list[Any]:
        """What waits there, taken; a second's patience where nothing does."""
        path = self.subscriber.subscription_path(self.project, subscription)
        try:
            answer = self.subscriber.pull(subscription=path, max_messages=100, timeout=1, retry=None)
        except DeadlineExceeded:
            return []
        if answer.received_messages:
            ids = [received.ack_id for received in answer.received_messages]
            self.subscriber.acknowledge(subscription=path, ack_ids=ids)
        return [received.message for received in answer.received_messages]


@pytest.fixture
def topology(emulator: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Topology]:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator)
    topology = Topology()
    yield topology
    topology.subscriber.close()
    topology.publisher.transport.close()


def _operate(topology: Topology, *arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, ROOT / "deploy/gcp/operate.py", "--project", topology.project, "dead-letters", *arguments],
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_looking_takes_nothing_and_redriving_brings_each_back_once(topology: Topology) -> None:
    for number in range(3):
        topology.bury(number)
    shown = _operate(topology, "show", TOPIC, "--limit", "3")
    assert {json.loads(one["event"])["id"] for one in shown} == {"EVT_0", "EVT_1", "EVT_2"}
    assert {one["attributes"]["CloudPubSubDeadLetterSourceDeliveryCount"] for one in shown} == {"10"}
    assert topology.received("listener") == []

    assert _operate(topology, "redrive", TOPIC) == {"redriven": 3}
    messages = topology.received("listener")
    assert [json.loads(message.data)["id"] for message in messages] == ["EVT_0", "EVT_1", "EVT_2"]
    assert {message.ordering_key for message in messages} == {"ORD_1"}
    assert {frozenset(message.attributes.items()) for message in messages} == {
        frozenset({("type", f"usher.{TOPIC}.v1")})
    }
    assert topology.received(f"kept-{TOPIC}_dead_letter") == []
