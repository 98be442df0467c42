"""The Sender port."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from usher_webhooks.deliveries.model import Answer


class Sender(Protocol):
    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """POST the body once: no redirects followed, bounded in time and in what is read of the answer.

        Failures are answers too (`error`); it raises nothing but cancellation.
        """
        ...

    async def close(self) -> None: ...
