"""The router as the agent sees it."""

from __future__ import annotations

from typing import Protocol

from usher_agent.routing.model import Situation
from usher_shared.contracts.handover import Route


class Router(Protocol):
    async def route(self, situation: Situation) -> Route:
        """The specialist for the message. Never raises: a router that cannot tell names the one who goes on."""
        ...
