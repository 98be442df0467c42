"""Topics and subscriptions, from the one data file that the local bus, the emulators and Terraform read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from usher_shared.events.filters import check_filter, matches


class Topic(BaseModel):
    model_config = ConfigDict(frozen=True)
    name: str
    dead_letter_topic: str


class Subscription(BaseModel):
    """One push subscription; `name` is `<service>-<topic>`; times in seconds; `filter` as in `filters`."""

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
    filter: Annotated[str, AfterValidator(check_filter)] = ""

    def wants(self, attributes: Mapping[str, str]) -> bool:
        """Whether a message with these attributes passes the filter."""
        return matches(self.filter, attributes)


class Topology(BaseModel):
    model_config = ConfigDict(frozen=True)
    topics: tuple[Topic, ...]
    subscriptions: tuple[Subscription, ...]


@cache
def load_topics() -> Topology:
    """The whole topology of `topics.json`. `{topic}` in a filter stands for the subscription's topic."""
    raw = json.loads(files("usher_shared.events").joinpath("topics.json").read_text("utf-8"))
    topics = tuple(Topic(name=name, dead_letter_topic=name + raw["dead_letter"]["suffix"]) for name in raw["topics"])
    subscriptions = []
    for entry in raw["subscriptions"]:
        wanted = raw["topics"] if entry["topics"] == ["*"] else entry["topics"]
        unknown = set(wanted) - set(raw["topics"])
        if unknown:
            raise ValueError(f"{entry['service']} subscribes to unknown topics {sorted(unknown)}")
        own = {key: value for key, value in entry.items() if key not in ("topics", "service")}
        settings = {**raw["defaults"], **own}
        subscriptions += [
            Subscription(
                **{**settings, "filter": settings["filter"].replace("{topic}", topic)},
                name=f"{entry['service']}-{topic}",
                topic=topic,
                service=entry["service"],
            )
            for topic in wanted
        ]
    return Topology(topics=topics, subscriptions=tuple(subscriptions))
