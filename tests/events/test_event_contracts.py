"""Events as other services and other times send them: every recorded example parses, for ever."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
from pydantic import BaseModel

from usher_shared.events import CATALOGUE, Event, InvalidEvent, Subscription, load_topics, parse_data
from usher_shared.events.catalogue import FeedbackReceived
from usher_shared.events.envelope import event

EXAMPLES = {
    f"{folder.name}/{example.name}": example.read_text("utf-8")
    for folder in files("usher_shared.events").joinpath("examples").iterdir()
    if folder.is_dir()
    for example in folder.iterdir()
    if example.name.endswith(".json")
}
# how many there are of each type: examples are only added
RECORDED = {
    "usher.availability_changed.v1": 2,
    "usher.chat_turn_completed.v1": 3,
    "usher.conversation_completed.v1": 3,
    "usher.error_occurred.v1": 2,
    "usher.feedback_received.v1": 2,
    "usher.model_released.v1": 2,
    "usher.model_rolled_back.v1": 2,
    "usher.model_trained.v1": 2,
    "usher.price_changed.v1": 2,
    "usher.retraining_requested.v1": 2,
    "usher.ticket_purchased.v1": 4,
    "usher.ticket_refunded.v1": 3,
    "usher.ticket_upgraded.v1": 2,
    "usher.wait_list_offered.v1": 2,
}


def changed(name: str, **changes: Any) -> bytes:
    """An example with members of the envelope replaced; None removes."""
    body = {**json.loads(EXAMPLES[name]), **changes}
    return json.dumps({key: value for key, value in body.items() if value is not None}).encode()


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_recorded_example_parses(name: str) -> None:
    found = Event.from_json(EXAMPLES[name])
    assert found.type == name.split("/", maxsplit=1)[0]
    assert parse_data(found).__class__ is CATALOGUE[found.type]


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_says_nothing_that_its_model_does_not_know(name: str) -> None:
    found = Event.from_json(EXAMPLES[name])
    assert set(found.data) <= set(CATALOGUE[found.type].model_fields)


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_survives_the_round_trip(name: str) -> None:
    found = Event.from_json(EXAMPLES[name])
    assert Event.from_json(found.to_json()) == found
    again = event(
        id=found.id,
        type=found.type,
        source=found.source,
        time=found.time,
        data=parse_data(found),
        subject=found.subject,
        ordering_key=found.orderingkey,
        traceparent=found.traceparent,
    )
    assert parse_data(again) == parse_data(found)


def test_every_type_has_its_examples_and_none_was_taken_away() -> None:
    counts = {type: sum(name.startswith(f"{type}/") for name in EXAMPLES) for type in CATALOGUE}
    assert set(RECORDED) == set(CATALOGUE)
    assert all(counts[type] >= max(2, RECORDED[type]) for type in CATALOGUE), counts
    assert sum(counts.values()) == len(EXAMPLES)


def test_example_ids_are_unique() -> None:
    ids = [json.loads(text)["id"] for text in EXAMPLES.values()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("type", sorted(CATALOGUE))
def test_an_optional_field_that_we_do_not_know_yet_is_ignored(type: str) -> None:
    name = f"{type}/1.json"
    body = json.loads(EXAMPLES[name])
    plain = parse_data(Event.from_json(EXAMPLES[name]))
    later = Event.from_json(changed(name, data={**body["data"], "from_the_future": {"a": [1]}}, newextension="x"))
    assert parse_data(later) == plain


@pytest.mark.parametrize("type", sorted(CATALOGUE))
def test_each_required_field_is_required(type: str) -> None:
    name = f"{type}/1.json"
    body = json.loads(EXAMPLES[name])
    required = [field for field, info in CATALOGUE[type].model_fields.items() if info.is_required()]
    assert required
    for field in required:
        data = {key: value for key, value in body["data"].items() if key != field}
        with pytest.raises(InvalidEvent, match=field):
            parse_data(Event.from_json(changed(name, data=data)))


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": ""},
        {"id": "x" * 129},
        {"source": None},
        {"source": ""},
        {"type": None},
        {"type": "ticket_purchased"},
        {"type": "com.example.ticket_purchased.v1"},
        {"type": "usher.Ticket.v1"},
        {"time": None},
        {"time": "yesterday"},
        {"time": "2026-11-20T01:12:09"},
        {"specversion": "0.3"},
        {"datacontenttype": "text/plain"},
        {"data": None},
        {"data": "text"},
        {"data": [1]},
        {"orderingkey": "x" * 1025},
    ],
    ids=str,
)
def test_an_envelope_that_is_none_is_invalid(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent):
        Event.from_json(changed("usher.ticket_purchased.v1/1.json", **changes))


@pytest.mark.parametrize("data", [b"", b"nonsense", b"null", b"[]", b'"text"', b"\xff\xfe", b'{"id": 1', b"1" * 5000])
def test_bytes_that_are_no_event_are_invalid(data: bytes) -> None:
    with pytest.raises(InvalidEvent):
        Event.from_json(data)


def test_an_absurdly_deep_document_is_invalid() -> None:
    with pytest.raises(InvalidEvent):
        Event.from_json(b"[" * 200_000)


@pytest.mark.parametrize("type", ["usher.unheard_of.v1", "usher.ticket_purchased.v2"])
def test_an_unknown_type_is_invalid(type: str) -> None:
    with pytest.raises(InvalidEvent, match="unknown event type"):
        parse_data(Event.from_json(changed("usher.ticket_purchased.v1/1.json", type=type)))


def test_data_of_another_type_cannot_be_announced() -> None:
    class Other(BaseModel):
        pass

    found = Event.from_json(EXAMPLES["usher.ticket_purchased.v1/1.json"])
    feedback = FeedbackReceived(conversation_id="c", message_id="m", customer_id="u", rating=1)
    for data in (feedback, Other()):
        with pytest.raises(ValueError, match="not the data of"):
            event(id="EVT_1", type=found.type, source="usher/tools", time=found.time, data=data)


def test_attributes_stand_beside_the_data() -> None:
    traced = Event.from_json(EXAMPLES["usher.ticket_purchased.v1/1.json"])
    assert traced.attributes() == {"type": traced.type, "id": traced.id, "traceparent": traced.traceparent}
    untraced = Event.from_json(EXAMPLES["usher.ticket_purchased.v1/2.json"])
    assert untraced.attributes() == {"type": untraced.type, "id": untraced.id}


def test_topics_are_the_names_in_the_catalogue() -> None:
    assert {topic.name for topic in load_topics().topics} == {type.split(".")[1] for type in CATALOGUE}
    assert all(topic.dead_letter_topic == f"{topic.name}_dead_letter" for topic in load_topics().topics)


def test_subscriptions_are_sound() -> None:
    topology = load_topics()
    names = [subscription.name for subscription in topology.subscriptions]
    assert len(names) == len(set(names))
    topics = {topic.name for topic in topology.topics}
    for subscription in topology.subscriptions:
        assert subscription.topic in topics
        assert subscription.name == f"{subscription.service}-{subscription.topic}"
        assert subscription.path.startswith("/")
        # the limits that Pub/Sub sets
        assert 10 <= subscription.ack_deadline_seconds <= 600
        assert 0 <= subscription.minimum_backoff_seconds <= subscription.maximum_backoff_seconds <= 600
        assert 5 <= subscription.max_delivery_attempts <= 100


@pytest.mark.parametrize(
    ("service", "topics"),
    [
        ("logger", {type.split(".")[1] for type in CATALOGUE}),
        ("trainer-job", {"conversation_completed", "retraining_requested"}),
    ],
)
def test_who_listens(service: str, topics: set[str]) -> None:
    own: list[Subscription] = [s for s in load_topics().subscriptions if s.service == service]
    assert {s.topic for s in own} == topics
