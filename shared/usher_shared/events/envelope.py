"""The CloudEvents 1.0 envelope (structured JSON) that every Usher event travels in."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError


class InvalidEvent(Exception):
    """The message can never be processed: it belongs on the dead-letter topic, not in a retry."""


def describe(error: ValidationError) -> str:
    """What is wrong and where, without the values: they may be personal and end in logs."""
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}" for problem in problems[:10])


class Event(BaseModel):
    """One event. `type` is `usher.<name>.v<n>`; `ordering_key` (order or conversation id) orders delivery.

    `traceparent` is the CloudEvents distributed tracing extension (W3C Trace Context).
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    specversion: Literal["1.0"] = "1.0"
    id: str = Field(min_length=1, max_length=128)
    source: str = Field(min_length=1, description="who says so, such as `usher/tools`")
    type: str = Field(pattern=r"^usher\.[a-z_]+\.v[0-9]+$")
    time: AwareDatetime
    subject: str | None = Field(default=None, description="the order or conversation it is about")
    datacontenttype: Literal["application/json"] = "application/json"
    data: dict[str, Any]
    orderingkey: str | None = Field(default=None, max_length=1024)
    traceparent: str | None = None

    @property
    def topic(self) -> str:
        """The topic is the name inside the type: `usher.ticket_purchased.v1` travels on `ticket_purchased`."""
        return self.type.split(".")[1]

    def to_json(self) -> bytes:
        return self.model_dump_json(exclude_none=True).encode()

    def attributes(self) -> dict[str, str]:
        """What stands beside the data in a Pub/Sub message, for filters and tracing."""
        attributes = {"type": self.type, "id": self.id}
        if self.traceparent:
            attributes["traceparent"] = self.traceparent
        return attributes

    @staticmethod
    def from_json(data: bytes | str) -> Event:
        """Raises InvalidEvent when the bytes are no CloudEvent of ours."""
        try:
            return Event.model_validate_json(data)
        except ValidationError as error:
            raise InvalidEvent(f"not a CloudEvent: {describe(error)}") from error


def event(
    *,
    id: str,
    type: str,
    source: str,
    time: datetime,
    data: BaseModel,
    subject: str | None = None,
    ordering_key: str | None = None,
    traceparent: str | None = None,
) -> Event:
    """An Event around a catalogue model; raises ValueError if the data is not of that type's model."""
    from usher_shared.events.catalogue import (
        CATALOGUE,
    )  # the catalogue needs Event's errors: late to avoid a cycle

    if CATALOGUE.get(type) is not data.__class__:
        raise ValueError(f"{data.__class__.__name__} is not the data of {type}")
    return Event(
        id=id,
        type=type,
        source=source,
        time=time,
        subject=subject,
        orderingkey=ordering_key,
        traceparent=traceparent,
        data=data.model_dump(mode="json", exclude_none=True),
    )
