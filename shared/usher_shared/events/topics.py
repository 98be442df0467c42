"""Topics and subscriptions, from the one data file that the local bus, the emulators and Terraform read."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict


class Topic(BaseModel):
    model_config = ConfigDict(frozen=True)
    name: str
    dead_letter_topic: str


class Subscription(BaseModel):
    """One push subscription; `name` is `<service>-<topic>`; times in seconds."""

    model_config = ConfigDict(frozen=True)
    name: str
    topic: str
    service: str
    path: str
    ack_deadline_seconds: float
    minimum_backoff_seconds: float
    maximum_backoff_seconds: float
    max_delivery_attempts: int
    enable_message_ordering: bool


class Topology(BaseModel):
    model_config = ConfigDict(frozen=True)
    topics: tuple[Topic, ...]
    subscriptions: tuple[Subscription, ...]


@cache
def load_topics() -> Topology:
    """The whole topology of `topics.json`."""
    raw = json.loads(files("usher_shared.events").joinpath("topics.json").read_text("utf-8"))
    topics = tuple(Topic(name=name, dead_letter_topic=name + raw["dead_letter"]["suffix"]) for name in raw["topics"])
    subscriptions = []
    for entry in raw["subscriptions"]:
        wanted = raw["topics"] if entry["topics"] == ["*"] else entry["topics"]
        unknown = set(wanted) - set(raw["topics"])
        if unknown:
            raise ValueError(f"{entry['service']} subscribes to unknown topics {sorted(unknown)}")
        own = {key: value for key, value in entry.items() if key not in ("topics", "service")}
        subscriptions += [
            Subscription(
                **{**raw["defaults"], **own},
                name=f"{entry['service']}-{topic}",
                topic=topic,
                service=entry["service"],
            )
            for topic in wanted
        ]
    return Topology(topics=topics, subscriptions=tuple(subscriptions))
