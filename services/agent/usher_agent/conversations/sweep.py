"""The regular look for what was left open: unfinished confirmations, silent conversations, leases of the dead."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import replace
from datetime import timedelta

from usher_agent.confirmations.model import PROPOSALS, UNFINISHED, Proposal
from usher_agent.conversations.model import CONVERSATIONS, Conversation
from usher_agent.conversations.service import Conversations
from usher_agent.settings import Settings
from usher_agent.turns.model import TurnCommand
from usher_agent.turns.service import Turns
from usher_shared.clock import Clock, to_timestamp
from usher_shared.documents import DocumentStore, Filter, Query
from usher_shared.errors import Conflict, UsherError

_LOG = logging.getLogger(__name__)
_BATCH = 100


class Sweep:
    """One per process; several processes may sweep the same store."""

    def __init__(
        self,
        *,
        store: DocumentStore,
        clock: Clock,
        turns: Turns,
        conversations: Conversations,
        settings: Settings,
        owner: str,
    ) -> None:
        self._store = store
        self._clock = clock
        self._turns = turns
        self._conversations = conversations
        self._settings = settings
        self._owner = owner
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Void the leases of an earlier life of this process, if it is the only one; then sweep regularly."""
        if self._settings.single_process:
            await self._void_leases()
        self._task = asyncio.create_task(self._repeat(), name="conversation-sweep")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def run(self) -> None:
        """Take up interrupted turns, settle what was approved and not finished, complete what is long silent."""
        await self._take_up_interrupted()
        await self._settle_unfinished()
        limit = to_timestamp(self._clock.now() - timedelta(seconds=self._settings.idle_seconds))
        query = Query(
            CONVERSATIONS,
            (Filter("status", "==", "open"), Filter("updated_at", "<=", limit)),
            order_by="updated_at",
            limit=_BATCH,
        )
        for document in (await self._store.query(query)).documents:
            with contextlib.suppress(Conflict):  # it woke up in the meantime
                await self._conversations.complete_idle(Conversation.from_document(document.data))

    async def _repeat(self) -> None:
        while True:
            try:
                await self.run()
            except Exception as error:  # whatever it was, the next round has to happen
                _LOG.error("the sweep failed and will be repeated", exc_info=error)
            await asyncio.sleep(self._settings.sweep_seconds)

    async def _void_leases(self) -> None:
        past = to_timestamp(self._clock.now())
        query = Query(CONVERSATIONS, (Filter("busy", "==", True),), order_by="updated_at", limit=_BATCH)
        while True:
            page = await self._store.query(query)
            for document in page.documents:
                conversation = Conversation.from_document(document.data)
                if conversation.run is not None and conversation.run.owner != self._owner:
                    conversation.run.until = past
                    await self._store.set(CONVERSATIONS, conversation.id, conversation.to_document())
            if page.next_cursor is None:
                return
            query = replace(query, after=page.next_cursor)

    async def _take_up_interrupted(self) -> None:
        query = Query(CONVERSATIONS, (Filter("busy", "==", True),), order_by="updated_at", limit=_BATCH)
        for document in (await self._store.query(query)).documents:
            run = Conversation.from_document(document.data).run
            if run is None or not self._turns.is_abandoned(run):
                continue
            try:
                await self._turns.take_up(document.id)
            except UsherError as error:
                _LOG.warning("a turn was not taken up", extra={"run_id": run.id, "code": error.code})

    async def _settle_unfinished(self) -> None:
        for state in UNFINISHED:
            query = Query(PROPOSALS, (Filter("state", "==", state),), order_by="updated_at", limit=_BATCH)
            for document in (await self._store.query(query)).documents:
                proposal = Proposal.from_document(document.data)
                command = TurnCommand(
                    client_id=proposal.client_id,
                    customer_id=proposal.customer_id,
                    conversation_id=proposal.conversation_id,
                )
                try:
                    await self._turns.say(command)
                except UsherError as error:  # busy: its own turn is at it; anything else: the next round
                    _LOG.info("not settled yet", extra={"confirmation_id": proposal.id, "code": error.code})
