"""Events: the envelope, the catalogue of types, and where they travel. Standard library and pydantic only."""

from usher_shared.events.catalogue import CATALOGUE, EventData, parse_data
from usher_shared.events.envelope import Event, InvalidEvent
from usher_shared.events.topics import Subscription, Topic, load_topics

__all__ = [
    "CATALOGUE",
    "Event",
    "EventData",
    "InvalidEvent",
    "Subscription",
    "Topic",
    "load_topics",
    "parse_data",
]
