"""The box office as the agent sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from usher_shared.contracts.confirmations import Confirmation


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a call is for."""

    client_id: str
    customer_id: str
    conversation_id: str


class BoxOffice(Protocol):
    async def run(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        caller: Caller,
        *,
        idempotency_key: str | None = None,
        confirmation: Confirmation | None = None,
        timeout_seconds: float | None = None,
    ) -> dict[str, Any]:
        """The tool's answer.

        Raises UsherError children: those with status 502, 503 and 504 leave the effect unknown, all others mean
        that nothing happened. The same idempotency key never acts twice.
        """
        ...

    async def ping(self) -> None:
        """Return if the box office answers; raise otherwise."""
        ...

    async def close(self) -> None: ...
