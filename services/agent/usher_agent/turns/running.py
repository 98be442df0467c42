"""The turns that run in this process, and their right to go on."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

from usher_agent.conversations.history import Window
from usher_agent.conversations.model import CONVERSATIONS, Conversation, LeaseLost, RunLease
from usher_agent.streams.log import RunLog
from usher_agent.turns.model import OpeningRules, Turn
from usher_shared.clock import Clock, from_timestamp, to_timestamp
from usher_shared.documents import DocumentStore, Transaction
from usher_shared.errors import Unavailable, UsherError

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Run:
    """A turn in progress in this process. `task` yields the ChatResponse as a dict."""

    conversation_id: str
    log: RunLog
    turn: Turn
    task: asyncio.Task[dict[str, Any]] | None = None
    interruptible: bool = False
    window: Window = field(default_factory=lambda: Window(0, None, ()))

    async def response(self) -> dict[str, Any]:
        """Wait for the end; a caller that goes away does not stop the turn."""
        if self.task is None:
            raise RuntimeError("the run was not started")
        try:
            return await asyncio.shield(self.task)
        except asyncio.CancelledError:
            if not self.task.cancelled():
                raise  # it is the waiting that was cancelled
            raise Unavailable("the agent is restarting; send it again", retry_after_seconds=1.0) from None


class Leases:
    """Keeps the leases of long turns alive: a short turn is over before its first renewal and costs nothing."""

    def __init__(self, store: DocumentStore, clock: Clock, rules: OpeningRules) -> None:
        self._store = store
        self._clock = clock
        self._rules = rules
        self._held: dict[str, RunLease] = {}
        self._renewing: asyncio.Task[None] | None = None

    def hold(self, conversation_id: str, lease: RunLease) -> None:
        self._held[conversation_id] = lease
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew_regularly(), name="run-leases")

    def drop(self, conversation_id: str, lease: RunLease) -> None:
        if self._held.get(conversation_id) is lease:
            del self._held[conversation_id]

    async def confirm(self, conversation_id: str, lease: RunLease) -> None:
        """Return if the turn may go on here: at once, unless the process was held up and did not renew in time.

        Raises LeaseLost, and what the store raises.
        """
        now = self._clock.now()
        if from_timestamp(lease.until) > now:
            return
        if not await self._extend(conversation_id, lease, to_timestamp(now + self._rules.lease)):
            raise LeaseLost

    async def stop(self, unfinished: list[Run]) -> None:
        """Let go of what was cut off: another process may finish it at once."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        for run in unfinished:
            await self._try_extend(run.conversation_id, run.turn.lease, to_timestamp(self._clock.now()))

    async def _renew_regularly(self) -> None:
        seen: dict[str, RunLease] = {}
        while self._held:
            await asyncio.sleep(self._rules.lease.total_seconds() / 3)
            for conversation_id, lease in list(self._held.items()):
                if seen.get(conversation_id) is lease:
                    until = to_timestamp(self._clock.now() + self._rules.lease)
                    await self._try_extend(conversation_id, lease, until)
            seen = dict(self._held)

    async def _try_extend(self, conversation_id: str, lease: RunLease, until: str) -> None:
        try:
            await self._extend(conversation_id, lease, until)
        except UsherError as error:  # the next round may succeed; if none does, the lease ends
            _LOG.warning("a turn's lease was not renewed", extra={"code": error.code})

    async def _extend(self, conversation_id: str, lease: RunLease, until: str) -> bool:
        """Let the lease end then; False when it is another's by now."""

        async def fn(tx: Transaction) -> bool:
            document = await tx.get(CONVERSATIONS, conversation_id)
            conversation = Conversation.from_document(document) if document else None
            if conversation is None or conversation.run is None or not lease.is_held(conversation.run):
                return False
            conversation.run.until = until
            tx.set(CONVERSATIONS, conversation_id, conversation.to_document())
            return True

        extended = await self._store.transaction(fn)
        if extended:
            lease.until = until
        return extended
