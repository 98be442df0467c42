"""The Pub/Sub push envelope (wrapped form), as Google documents it."""

from __future__ import annotations

import base64
import binascii
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from usher_shared.events import Event, InvalidEvent, Subscription, load_topics


class PushMessage(BaseModel):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    data: str = ""
    attributes: dict[str, str] = Field(default_factory=dict)
    message_id: str = Field(alias="messageId")
    publish_time: str | None = Field(default=None, alias="publishTime")
    ordering_key: str | None = Field(default=None, alias="orderingKey")


class PushEnvelope(BaseModel):
    """Body of a push request: `{"message": {...}, "subscription": "...", "deliveryAttempt": 1}`."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    message: PushMessage
    subscription: str
    delivery_attempt: int | None = Field(default=None, alias="deliveryAttempt")


def decode_push(envelope: PushEnvelope) -> Event:
    """The event inside. Raises InvalidEvent."""
    try:
        data = base64.b64decode(envelope.message.data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidEvent(f"message data is not base64: {error}") from error
    return Event.from_json(data)


def is_wanted(envelope: PushEnvelope) -> bool:
    """Whether the filter of the envelope's subscription lets it through: not every bus applies filters itself."""
    subscription = _subscriptions().get(envelope.subscription.rpartition("/")[2])
    return subscription is None or subscription.wants(envelope.message.attributes)


@cache
def _subscriptions() -> dict[str, Subscription]:
    return {subscription.name: subscription for subscription in load_topics().subscriptions}


def encode_push(
    data: bytes,
    attributes: dict[str, str],
    *,
    message_id: str,
    publish_time: str,
    subscription: str,
    ordering_key: str | None = None,
    delivery_attempt: int | None = None,
) -> dict[str, Any]:
    """The envelope as JSON, with the field names that Pub/Sub sends."""
    message: dict[str, Any] = {
        "data": base64.b64encode(data).decode(),
        "attributes": attributes,
        "messageId": message_id,
        "message_id": message_id,
        "publishTime": publish_time,
        "publish_time": publish_time,
    }
    if ordering_key:
        message["orderingKey"] = ordering_key
    envelope: dict[str, Any] = {"message": message, "subscription": subscription}
    if delivery_attempt is not None:
        envelope["deliveryAttempt"] = delivery_attempt
    return envelope
