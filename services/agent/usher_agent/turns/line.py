"""The line of a conversation: messages that came while another was being answered, taken in the order they came.

A place is written down with the conversation, so that the order holds across processes. Whoever waits here wakes when
a turn of this process ends, and looks regularly for turns of other processes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

from usher_agent.conversations.model import CONVERSATIONS, Conversation, is_next
from usher_agent.turns.interrupted import is_dead
from usher_agent.turns.model import OpeningRules, TurnCommand
from usher_agent.turns.opening import Busy, InLine, Withdrawn
from usher_agent.turns.repeats import find_answer
from usher_agent.turns.running import Run
from usher_shared.clock import Clock, from_timestamp, to_timestamp
from usher_shared.documents import DocumentStore, Transaction
from usher_shared.errors import Unavailable

PLACE = timedelta(seconds=10)  # of a process that died, holds up those behind no longer than this
_LOOK_SECONDS = 0.25
_RENEWED_BEFORE = timedelta(seconds=5)

Standing = Literal["next", "waits", "withdrawn"]


class Line:
    """Those who wait in this process."""

    def __init__(self, store: DocumentStore, clock: Clock, rules: OpeningRules, *, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        self._closing = False
        self._store = store
        self._clock = clock
        self._rules = rules
        self._waiting: dict[str, set[asyncio.Event]] = {}

    def move(self, conversation_id: str) -> None:
        """A turn of the conversation has ended, or its line was called off."""
        for moved in self._waiting.pop(conversation_id, ()):
            moved.set()

    def close(self) -> None:
        """The process ends: who waits is to ask another."""
        self._closing = True
        for conversation_id in list(self._waiting):
            self.move(conversation_id)

    async def stand(
        self, command: TurnCommand, standing: InLine, begin: Callable[[TurnCommand], Awaitable[Run | InLine]]
    ) -> Run | dict[str, Any]:
        """Wait; the run when it is the message's turn, or the answer that its first request got.

        Raises Busy when that takes too long, Withdrawn when the customer cancelled meanwhile,
        Unavailable when the process ends.
        """
        conversation_id = command.conversation_id or ""
        deadline = asyncio.get_running_loop().time() + self._patience_seconds
        in_line = standing.placed
        try:
            while (left := deadline - asyncio.get_running_loop().time()) > 0:
                if self._closing:
                    raise Unavailable("the agent is restarting; send it again", retry_after_seconds=1.0)
                await self._wait(conversation_id, left)
                if command.key is not None and (answered := await find_answer(self._store, command)) is not None:
                    return answered
                seen = await self._look(command, placed=standing.placed)
                if seen == "withdrawn":
                    raise Withdrawn
                if seen == "next":
                    begun = await begin(replace(command, in_line=standing.placed))
                    if isinstance(begun, Run):
                        in_line = False
                        return begun
                    standing, in_line = begun, begun.placed
            raise Busy
        except Withdrawn:
            in_line = False
            raise
        finally:
            if in_line:
                await self._leave(command)

    async def _wait(self, conversation_id: str, seconds: float) -> None:
        """Until something moved, but not longer than it may stay unnoticed."""
        moved = asyncio.Event()
        waiting = self._waiting.setdefault(conversation_id, set())
        waiting.add(moved)
        try:
            async with asyncio.timeout(min(seconds, _LOOK_SECONDS)):
                await moved.wait()
        except TimeoutError:
            pass
        finally:
            waiting.discard(moved)
            if not waiting and self._waiting.get(conversation_id) is waiting:
                del self._waiting[conversation_id]

    async def _look(self, command: TurnCommand, *, placed: bool) -> Standing:
        """How the message stands; `next` when a transaction is due: to begin its turn or to renew its place."""
        now = self._clock.now()
        document = await self._store.get(CONVERSATIONS, command.conversation_id or "")
        if document is None:
            return "next"
        conversation = Conversation.from_document(document)
        if conversation.status != "open":
            return "next"
        mine = next((place for place in conversation.line if place.id == command.place), None)
        if placed and mine is None:
            return "withdrawn"
        run = conversation.run
        free = run is None or is_dead(run, self._rules, self._clock)
        if mine is None:  # an earlier request with the same key is to answer
            ahead = [place for place in conversation.line if place.key == command.key]
            waits = (run is not None and run.key == command.key) or any(from_timestamp(p.until) > now for p in ahead)
            return "waits" if waits and (run is None or not free) else "next"
        if from_timestamp(mine.until) - now < _RENEWED_BEFORE:
            return "next"
        return "next" if free and is_next(conversation, mine.id, now) else "waits"

    async def _leave(self, command: TurnCommand) -> None:
        """Give the place up."""

        async def fn(tx: Transaction) -> None:
            document = await tx.get(CONVERSATIONS, command.conversation_id or "")
            if document is None:
                return
            conversation = Conversation.from_document(document)
            left = [place for place in conversation.line if place.id != command.place]
            if len(left) < len(conversation.line):
                conversation.line = left
                tx.set(CONVERSATIONS, conversation.id, conversation.to_document())

        await self._store.transaction(fn)

    async def call_off(self, conversation_id: str) -> bool:
        """Withdraw every waiting message, in whichever process; whether there was one."""
        now = to_timestamp(self._clock.now())

        async def fn(tx: Transaction) -> bool:
            document = await tx.get(CONVERSATIONS, conversation_id)
            if document is None:
                return False
            conversation = Conversation.from_document(document)
            waited = any(place.until > now for place in conversation.line)
            if conversation.line:
                conversation.line = []
                tx.set(CONVERSATIONS, conversation_id, conversation.to_document())
            return waited

        called_off = await self._store.transaction(fn)
        self.move(conversation_id)
        return called_off
