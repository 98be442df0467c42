"""Standard Webhooks: the headers of a message (github.com/standard-webhooks)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from standardwebhooks import Webhook


def sign(message_id: str, now: datetime, body: str, secrets: Iterable[str]) -> dict[str, str]:
    """`webhook-id`, `webhook-timestamp` (seconds) and one `v1` signature per secret, space-separated."""
    signatures = [Webhook(secret).sign(message_id, now.astimezone(UTC), body) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
