"""Turns as they are streamed: begun, joined by a repeated request, and followed wherever they run."""

from __future__ import annotations

from collections.abc import AsyncIterator

from usher_agent.conversations.model import CONVERSATIONS, Conversation
from usher_agent.streams.log import NumberedFrame
from usher_agent.streams.service import FrameStore
from usher_agent.turns.interrupted import can_be_taken_up
from usher_agent.turns.model import TurnCommand
from usher_agent.turns.opening import Busy
from usher_agent.turns.repeats import find_frames
from usher_agent.turns.running import Run
from usher_agent.turns.service import Turns
from usher_shared.documents import DocumentStore


class TurnStreams:
    def __init__(self, store: DocumentStore, turns: Turns, *, heartbeat_seconds: float) -> None:
        self._store = store
        self._frames = FrameStore(store)
        self._turns = turns
        self._heartbeat_seconds = heartbeat_seconds

    async def begin(self, command: TurnCommand) -> AsyncIterator[NumberedFrame | None]:
        """A whole turn as its frames; a repeated request gets those of the first, from the first one on.

        Raises as `open_turn`, before the first frame.
        """
        earlier = await find_frames(self._store, command)
        if earlier is None:
            try:
                run = await self._turns.start(command)
            except Busy:
                earlier = await find_frames(self._store, command)  # it may have come at the same time
                if earlier is None:
                    raise
            else:
                return self._follow_run(run)
        return self.follow(command.conversation_id or "", earlier.first - 1, earlier.last)

    async def _follow_run(self, run: Run) -> AsyncIterator[NumberedFrame | None]:
        """A run of this process, and what another makes of it when it loses the run."""
        after = run.log.first - 1
        async for numbered in run.log.follow(after, self._heartbeat_seconds):
            yield numbered
            after = after if numbered is None else numbered[0]
        if run.log.lost:
            async for numbered in self.follow(run.conversation_id, after):
                yield numbered

    async def follow(
        self, conversation_id: str, after: int, last: int | None = None
    ) -> AsyncIterator[NumberedFrame | None]:
        """What was stored above `after`, then the running turn, wherever it runs, to its end; not above `last`."""
        frames = self._frames.follow(
            conversation_id,
            after,
            local=lambda: self._turns.log_of(conversation_id),
            remote=lambda: self._is_going_on(conversation_id),
            heartbeat_seconds=self._heartbeat_seconds,
        )
        async for numbered in frames:
            yield numbered
            if last is not None and numbered is not None and numbered[0] >= last:
                return

    async def _is_going_on(self, conversation_id: str) -> bool:
        """Whether another process works on a turn of it, or an interrupted one is to be taken up."""
        document = await self._store.get(CONVERSATIONS, conversation_id)
        run = Conversation.from_document(document).run if document else None
        if run is None:
            return False
        return can_be_taken_up(run) or not (self._turns.works_on(run) or self._turns.is_abandoned(run))
