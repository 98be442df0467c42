"""Feedback: kept, and announced in the same transaction."""

from __future__ import annotations

from usher_gateway.feedback.model import FeedbackRecorded
from usher_gateway.replay.model import Answer
from usher_shared.clock import Clock, to_timestamp
from usher_shared.contracts.chat import ConversationView, FeedbackRequest
from usher_shared.contracts.identity import Principal
from usher_shared.documents import DocumentStore, Transaction
from usher_shared.errors import NotFound
from usher_shared.events.catalogue import FeedbackReceived
from usher_shared.events.envelope import event
from usher_shared.idempotency import IdempotencyRecords, Lease
from usher_shared.ids import IdGenerator
from usher_shared.outbox import Outbox
from usher_shared.personal import redact
from usher_shared.telemetry import current_traceparent


class FeedbackDesk:
    def __init__(
        self,
        store: DocumentStore,
        outbox: Outbox,
        records: IdempotencyRecords,
        clock: Clock,
        ids: IdGenerator,
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._records = records
        self._clock = clock
        self._ids = ids

    async def record(
        self, principal: Principal, conversation: ConversationView, given: FeedbackRequest, lease: Lease | None
    ) -> Answer:
        """Keep the customer's feedback on a reply; a later one on the same reply replaces it.

        Of its comment, personal data and card numbers are not kept.

        `conversation` is the customer's own. Raises NotFound unless it has that reply. With a lease the
        Idempotency-Key's record is finished in the same transaction.
        """
        if not any(m.message_id == given.message_id and m.role == "assistant" for m in conversation.messages):
            raise NotFound("the conversation has no such reply")
        now = self._clock.now()
        recorded = FeedbackRecorded(
            feedback_id=self._ids.new("FB"),
            conversation_id=given.conversation_id,
            message_id=given.message_id,
        )
        comment = redact(given.comment) if given.comment else given.comment
        answer = Answer(201, recorded.model_dump_json().encode())
        announcement = event(
            id=self._ids.new("EVT"),
            type="usher.feedback_received.v1",
            source="usher/gateway",
            time=now,
            subject=given.conversation_id,
            ordering_key=given.conversation_id,
            traceparent=current_traceparent(),
            data=FeedbackReceived(
                conversation_id=given.conversation_id,
                message_id=given.message_id,
                customer_id=principal.customer_id,
                rating=given.rating,
                comment=comment,
            ),
        )
        document = {
            "feedback_id": recorded.feedback_id,
            "conversation_id": given.conversation_id,
            "message_id": given.message_id,
            "client_id": principal.client_id,
            "customer_id": principal.customer_id,
            "rating": given.rating,
            "comment": comment,
            "created_at": to_timestamp(now),
        }

        async def keep(tx: Transaction) -> None:
            if lease is not None:
                await self._records.check(tx, lease)
            tx.set("feedback", f"{given.conversation_id}:{given.message_id}", document)
            self._outbox.add(tx, announcement)
            if lease is not None:
                self._records.finish(tx, lease, answer.status, answer.to_record())

        with self._outbox.nudging():
            await self._store.transaction(keep)
        return answer
