"""Reading, ending and erasing conversations; the sweep for what was left open."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any, Literal

from usher_agent.boxoffice.ports import BoxOffice, Caller
from usher_agent.confirmations.model import PROPOSALS, UNFINISHED, Proposal
from usher_agent.conversations.history import History
from usher_agent.conversations.model import (
    CONVERSATIONS,
    TURNS,
    Conversation,
    lease_is_live,
    outcome_of,
)
from usher_agent.memory.customers import Customers
from usher_agent.settings import Settings
from usher_agent.streams.log import FRAMES
from usher_agent.turns.model import TurnCommand
from usher_agent.turns.service import Turns
from usher_shared.clock import Clock, from_timestamp, to_timestamp
from usher_shared.documents import DocumentStore, Filter, Query, Transaction
from usher_shared.errors import Conflict, Gone, NotFound, UsherError
from usher_shared.events.catalogue import ConversationCompleted
from usher_shared.events.envelope import event
from usher_shared.ids import IdGenerator
from usher_shared.outbox import Outbox
from usher_shared.personal import Vault
from usher_shared.telemetry import current_traceparent

_LOG = logging.getLogger(__name__)
_SHOWN_TURNS = 200
_BATCH = 100
_RELEASE_SECONDS = 5.0

Reason = Literal["ended", "idle"]


class Conversations:
    def __init__(
        self,
        *,
        store: DocumentStore,
        outbox: Outbox,
        box: BoxOffice,
        clock: Clock,
        ids: IdGenerator,
        history: History,
        turns: Turns,
        customers: Customers,
        settings: Settings,
        owner: str,
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._box = box
        self._clock = clock
        self._ids = ids
        self._history = history
        self._turns = turns
        self._customers = customers
        self._settings = settings
        self._owner = owner

    async def find(self, id: str, customer_id: str) -> Conversation:
        """The customer's own conversation. Raises NotFound (another's too) and Gone (erased)."""
        document = await self._store.get(CONVERSATIONS, id)
        if document is None or document["customer_id"] != customer_id:
            raise NotFound(f"there is no conversation {id}")
        conversation = Conversation.from_document(document)
        if conversation.status == "erased":
            raise Gone("this conversation was erased", code="conversation_erased")
        return conversation

    async def view(self, id: str, customer_id: str) -> dict[str, Any]:
        """As ConversationView, with the newest messages. Raises as `find`."""
        conversation = await self.find(id, customer_id)
        page = await self._store.query(
            Query(
                TURNS,
                (Filter("conversation_id", "==", id),),
                order_by="number",
                descending=True,
                limit=_SHOWN_TURNS,
            )
        )
        messages = []
        vault = Vault(conversation.personal)
        for document in reversed(page.documents):
            for role, at in (("user", "started_at"), ("assistant", "ended_at")):
                said = document.data[role]
                if said:
                    messages.append({**said, "text": vault.show(said["text"]), "role": role, "at": document.data[at]})
        pending = await self._store.get(PROPOSALS, conversation.pending) if conversation.pending else None
        proposal = Proposal.from_document(pending) if pending else None
        waits = proposal is not None and proposal.state == "pending" and not proposal.has_expired(self._clock.now())
        return {
            "conversation_id": id,
            "customer_id": customer_id,
            "status": conversation.status,
            "started_at": conversation.started_at,
            "messages": messages,
            "confirmation": proposal.view() if proposal and waits else None,
            "order_ids": conversation.order_ids,
            "tickets": conversation.tickets,
        }

    async def is_running(self, id: str) -> bool:
        """Whether another process works on a turn of it."""
        document = await self._store.get(CONVERSATIONS, id)
        run = Conversation.from_document(document).run if document else None
        return run is not None and run.owner != self._owner and lease_is_live(run, self._clock)

    async def end(self, id: str, customer_id: str) -> None:
        """Complete the conversation; again is no error. Raises NotFound, Gone, Conflict (`conversation_busy`)."""
        conversation = await self.find(id, customer_id)
        if conversation.status == "open":
            await self._finish_business(conversation)
            await self._complete(conversation, "ended", "ended")

    async def cancel(self, id: str, customer_id: str) -> bool:
        """Stop the running turn and withdraw the messages that wait behind it; whether there was either.

        Raises NotFound, Gone, Conflict (the turn runs in another process).
        """
        conversation = await self.find(id, customer_id)
        called_off = bool(conversation.line) and await self._turns.call_off(id)
        if self._turns.cancel(id):
            return True
        if await self.is_running(id):
            raise Conflict(
                "the turn runs in another process; it ends by itself", code="conversation_busy", retry_after_seconds=1.0
            )
        return called_off

    async def erase(self, id: str, customer_id: str) -> None:
        """Remove every text; a tombstone keeps the id from being used again. Again is no error."""
        try:
            conversation = await self.find(id, customer_id)
        except Gone:
            conversation = None
        if conversation is not None:
            await self._finish_business(conversation)
            if await self._is_unsettled(conversation.id):
                raise Conflict(
                    "it is not known yet whether a confirmed action went through; try again soon",
                    code="confirmation_unsettled",
                    retry_after_seconds=self._settings.sweep_seconds,
                )
            await self._complete(conversation, "ended", "erased")
        self._history.forget(id)
        self._turns.forget(id)
        await self._customers.forget(customer_id, learnt_in=id)
        for collection, order in ((TURNS, "number"), (FRAMES, "last")):
            await self._delete_all(collection, id, order)
        await self._strip_proposals(id)

    async def _delete_all(self, collection: str, conversation_id: str, order: str) -> None:
        query = Query(collection, (Filter("conversation_id", "==", conversation_id),), order_by=order, limit=_BATCH)
        while page := (await self._store.query(query)).documents:
            ids = [document.id for document in page]

            async def fn(tx: Transaction, ids: list[str] = ids) -> None:
                for id in ids:
                    tx.delete(collection, id)

            await self._store.transaction(fn)

    async def _strip_proposals(self, conversation_id: str) -> None:
        """Proposals stay as the record of what was agreed; the replies kept with them go, and what is words in them."""
        cursor: str | None = None
        while True:
            page = await self._store.query(
                Query(
                    PROPOSALS,
                    (Filter("conversation_id", "==", conversation_id),),
                    order_by="created_at",
                    limit=_BATCH,
                    after=cursor,
                )
            )

            for document in page.documents:
                proposal = Proposal.from_document(document.data)
                proposal.strip()
                if (stripped := proposal.to_document()) != document.data:
                    await self._store.set(PROPOSALS, document.id, stripped)
            cursor = page.next_cursor
            if cursor is None:
                return

    async def _finish_business(self, conversation: Conversation) -> None:
        """Learn what became of an approved proposal before the conversation is closed."""
        pending = await self._store.get(PROPOSALS, conversation.pending) if conversation.pending else None
        if pending is not None and pending["state"] in UNFINISHED:
            await self._turns.say(
                TurnCommand(
                    client_id=conversation.client_id,
                    customer_id=conversation.customer_id,
                    conversation_id=conversation.id,
                )
            )

    async def _is_unsettled(self, id: str) -> bool:
        document = await self._store.get(CONVERSATIONS, id)
        pending = await self._store.get(PROPOSALS, document["pending"]) if document and document["pending"] else None
        return pending is not None and pending["state"] in UNFINISHED

    async def complete_idle(self, conversation: Conversation) -> None:
        """Complete a conversation that has been silent for long. Raises Conflict when it is answering just now."""
        await self._complete(conversation, "idle", "ended")

    async def _complete(self, found: Conversation, reason: Reason, status: Literal["ended", "erased"]) -> None:
        """Close it and announce it, in one transaction and once; then give back what it still holds."""
        now = self._clock.now()
        event_id = self._ids.new("EVT")

        async def fn(tx: Transaction) -> Conversation | None:
            document = await tx.get(CONVERSATIONS, found.id)
            if document is None:
                return None
            conversation = Conversation.from_document(document)
            pending = await tx.get(PROPOSALS, conversation.pending) if conversation.pending else None
            if conversation.run is not None and self._holds_lease(conversation):
                raise Conflict(
                    "this conversation is still answering a message",
                    code="conversation_busy",
                    retry_after_seconds=1.0,
                )
            was_open = conversation.status == "open"
            if conversation.status in (status, "erased"):
                return None
            if reason == "idle" and not self._is_idle(conversation):
                return None
            if was_open:
                conversation.ended_at = to_timestamp(now)
                self._outbox.add(tx, self._completed(event_id, conversation, reason))
            proposal = Proposal.from_document(pending) if pending else None
            if proposal is not None and proposal.state == "pending":
                proposal.move("superseded", now)
                tx.set(PROPOSALS, proposal.id, proposal.to_document())
                conversation.pending = None
            holds, conversation.holds = conversation.holds, []
            conversation.status = status
            if status == "erased":
                conversation.personal = {}
                conversation.digest = conversation.asked = None
                conversation.line = []
            conversation.end_run()
            tx.set(CONVERSATIONS, conversation.id, conversation.to_document())
            conversation.holds = holds
            return conversation

        with self._outbox.nudging():
            closed = await self._store.transaction(fn)
        if closed is not None:
            self._history.forget(found.id)
            self._turns.forget(found.id)
            await self._release(closed)

    def _holds_lease(self, conversation: Conversation) -> bool:
        run = conversation.run
        if run is not None and run.owner == self._owner:
            return self._turns.works_on(run)
        return lease_is_live(run, self._clock)

    def _is_idle(self, conversation: Conversation) -> bool:
        idle = timedelta(seconds=self._settings.idle_seconds)
        return from_timestamp(conversation.updated_at) + idle <= self._clock.now()

    def _completed(self, event_id: str, conversation: Conversation, reason: Reason) -> Any:
        outcome = outcome_of(conversation)
        model = conversation.model or {}
        now = self._clock.now()
        data = ConversationCompleted(
            conversation_id=conversation.id,
            customer_id=conversation.customer_id,
            client_id=conversation.client_id,
            started_at=from_timestamp(conversation.started_at),
            ended_at=now,
            reason=reason,
            outcome=outcome,
            success=outcome not in ("abandoned", "failed"),
            turns=conversation.turns,
            tool_calls=conversation.tool_calls,
            order_ids=conversation.order_ids,
            model_name=model.get("name"),
            model_version=model.get("version"),
            variant=model.get("variant"),
        )
        return event(
            id=event_id,
            type="usher.conversation_completed.v1",
            source="usher/agent",
            time=now,
            data=data,
            subject=conversation.id,
            ordering_key=conversation.id,
            traceparent=current_traceparent(),
        )

    async def _release(self, conversation: Conversation) -> None:
        """Give the seats back at once; a hold that cannot be reached runs out by itself."""
        caller = Caller(conversation.client_id, conversation.customer_id, conversation.id)
        for hold in conversation.holds:
            try:
                await self._box.run(
                    "release_hold",
                    {"hold_id": hold},
                    caller,
                    idempotency_key=f"{conversation.id}:end:{hold}",
                    timeout_seconds=_RELEASE_SECONDS,
                )
            except UsherError as error:
                _LOG.info("a hold was left to expire", extra={"hold_id": hold, "code": error.code})
