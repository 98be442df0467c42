"""What the subscriptions need of the sending side."""

from __future__ import annotations

from typing import Protocol


class Destinations(Protocol):
    async def check(self, url: str) -> None:
        """Return if webhooks may be sent to that URL as it resolves now. Raises ForbiddenDestination.

        A name that does not resolve yet passes: whatever it resolves to later is checked at each connection.
        """
        ...


class Deliverer(Protocol):
    def notify(self, webhook_id: str) -> None:
        """Deliveries of that webhook may be due: look now."""
        ...
