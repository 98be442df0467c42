"""Subscription filters, as subscribers check them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from usher_shared.bus import PushEnvelope, is_wanted
from usher_shared.events import CATALOGUE, load_topics
from usher_shared.events.filters import check_filter, matches


@pytest.mark.parametrize(
    ("filter", "attributes", "passes"),
    [
        ("", {}, True),
        ('attributes.type = "a"', {"type": "a"}, True),
        ('attributes.type="a"', {"type": "a"}, True),
        ('attributes.type = "a"', {"type": "ab"}, False),
        ('attributes.type = "a"', {}, False),
        ('attributes.type != "a"', {"type": "b"}, True),
        ('attributes.type != "a"', {}, True),
        ('attributes.type != "a"', {"type": "a"}, False),
        ('hasPrefix(attributes.type, "usher.a.v")', {"type": "usher.a.v2"}, True),
        ('hasPrefix(attributes.type, "usher.a.v")', {"type": "usher.b.v2"}, False),
        ('hasPrefix(attributes.type, "")', {}, False),
        ('attributes.type = "a" AND attributes.id != "1"', {"type": "a", "id": "2"}, True),
        ('attributes.type = "a" AND attributes.id != "1"', {"type": "a", "id": "1"}, False),
    ],
)
def test_what_passes(filter: str, attributes: dict[str, str], passes: bool) -> None:
    assert matches(filter, attributes) is passes


@pytest.mark.parametrize(
    "filter", ["nonsense", "attributes:type", 'NOT attributes.type = "a"', 'attributes.a = "b" OR attributes.c = "d"']
)
def test_what_subscribers_could_not_check_is_refused(filter: str) -> None:
    with pytest.raises(ValueError, match="not a filter"):
        check_filter(filter)
    with pytest.raises(ValidationError):
        load_topics().subscriptions[0].model_validate({**load_topics().subscriptions[0].model_dump(), "filter": filter})


def test_every_subscription_takes_the_versions_in_the_catalogue_and_no_later_one() -> None:
    for subscription in load_topics().subscriptions:
        types = [type for type in CATALOGUE if type.split(".")[1] == subscription.topic]
        assert types
        assert all(subscription.wants({"type": type}) for type in types)
        assert not subscription.wants({"type": f"usher.{subscription.topic}.v99"})


@pytest.mark.parametrize(
    "subscription", ["logger-error_occurred", "projects/venue/subscriptions/logger-error_occurred"]
)
def test_an_envelope_is_held_against_the_filter_of_its_subscription(subscription: str) -> None:
    def envelope(type: str, subscription: str = subscription) -> PushEnvelope:
        message = {"data": "", "attributes": {"type": type}, "messageId": "1"}
        return PushEnvelope.model_validate({"message": message, "subscription": subscription})

    assert is_wanted(envelope("usher.error_occurred.v1"))
    assert not is_wanted(envelope("usher.error_occurred.v2"))
    assert is_wanted(envelope("usher.error_occurred.v2", "projects/venue/subscriptions/of-someone-else"))
