"""A webhook as it is stored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, Self

from usher_shared.clock import from_timestamp, to_timestamp
from usher_shared.contracts.webhooks import Webhook, WebhookWithSecret
from usher_shared.events import load_topics

COLLECTION = "webhooks"
EVERYTHING = "*"
EVENT_NAMES = frozenset(s.topic for s in load_topics().subscriptions if s.service == "webhooks")


@dataclass(frozen=True, slots=True)
class OldSecret:
    """A rotated secret; it signs beside the new one until `until`."""

    secret: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Subscription:
    """`owner` is the client application that registered it. Secrets are `whsec_` + base64."""

    id: str
    owner: str
    url: str
    events: tuple[str, ...]
    description: str | None
    status: Literal["active", "disabled"]
    created_at: datetime
    secret: str
    old_secrets: tuple[OldSecret, ...] = ()
    disabled_reason: str | None = None

    def wants(self, event_name: str) -> bool:
        return self.status == "active" and (EVERYTHING in self.events or event_name in self.events)

    def secrets_at(self, now: datetime) -> list[str]:
        """The secrets that sign now, the newest first."""
        return [self.secret, *(old.secret for old in self.old_secrets if old.until > now)]

    def disabled(self, reason: str) -> Subscription:
        return replace(self, status="disabled", disabled_reason=reason)

    def to_document(self) -> dict[str, Any]:
        return {
            "owner": self.owner,
            "url": self.url,
            "events": list(self.events),
            "description": self.description,
            "status": self.status,
            "created_at": to_timestamp(self.created_at),
            "secret": self.secret,
            "old_secrets": [{"secret": old.secret, "until": to_timestamp(old.until)} for old in self.old_secrets],
            "disabled_reason": self.disabled_reason,
        }

    @classmethod
    def from_document(cls, id: str, data: dict[str, Any]) -> Self:
        return cls(
            id=id,
            owner=data["owner"],
            url=data["url"],
            events=tuple(data["events"]),
            description=data["description"],
            status=data["status"],
            created_at=from_timestamp(data["created_at"]),
            secret=data["secret"],
            old_secrets=tuple(OldSecret(o["secret"], from_timestamp(o["until"])) for o in data["old_secrets"]),
            disabled_reason=data["disabled_reason"],
        )

    def _fields(self) -> dict[str, Any]:
        return {
            "webhook_id": self.id,
            "url": self.url,
            "events": list(self.events),
            "description": self.description,
            "status": self.status,
            "created_at": self.created_at,
        }

    def view(self) -> Webhook:
        return Webhook(**self._fields())

    def view_with_secret(self) -> WebhookWithSecret:
        return WebhookWithSecret(**self._fields(), secret=self.secret)
