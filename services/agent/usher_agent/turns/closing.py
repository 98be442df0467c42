"""The transaction that closes a turn: the turn, its frames, its proposals, its events and the lease, together."""

from __future__ import annotations

from typing import Any

from usher_agent.confirmations.model import PROPOSALS, Proposal
from usher_agent.conversations.model import CONVERSATIONS, TURNS, Conversation, LeaseLost, turn_document_id
from usher_agent.streams.model import custom, interrupt, run_finished
from usher_agent.turns.model import Turn
from usher_shared.clock import Clock, to_timestamp
from usher_shared.documents import AlreadyExists, DocumentStore, Transaction
from usher_shared.events import Event
from usher_shared.events.catalogue import ChatTurnCompleted, ErrorOccurred
from usher_shared.events.envelope import event
from usher_shared.ids import IdGenerator
from usher_shared.outbox import Outbox
from usher_shared.telemetry import current, current_traceparent

SOURCE = "usher/agent"


def render_response(turn: Turn, default_model: str) -> dict[str, Any]:
    """As ChatResponse."""
    proposal = turn.proposed or turn.opening.open
    return {
        "conversation_id": turn.conversation_id,
        "message_id": turn.message_id,
        "reply": turn.vault.show(turn.reply),
        "agent": turn.specialist,
        "tool_calls": turn.calls,
        "confirmation": proposal.view() if proposal else None,
        "citations": turn.sources.citations,
        "model": turn.spending.model or {"name": default_model, "version": "unknown", "variant": "default"},
        "usage": turn.spending.usage(),
    }


def emit_end(turn: Turn, response: dict[str, Any]) -> None:
    """The last frames of a turn: its confirmation, the whole response, the outcome."""
    confirmation = response["confirmation"]
    outcome: dict[str, Any] = {"type": "success"}
    if turn.status == "cancelled":
        outcome = {"type": "cancelled"}
    elif confirmation:
        outcome = interrupt(confirmation)
    for citation in response["citations"]:
        turn.log.emit(custom("citation", citation))
    for ticket_id, reason in turn.tickets.items():
        given = {"from": turn.specialist, "to": "person", "reason": reason, "ticket_id": ticket_id}
        turn.log.emit(custom("handoff", given))
    if confirmation:
        turn.log.emit(custom("confirmation", confirmation))
    result = {"status": turn.status, "message_id": turn.message_id, "error_code": turn.error_code}
    turn.log.emit(custom("turn", response), run_finished(turn.conversation_id, turn.opening.run_id, outcome, result))


def _turn_document(turn: Turn, response: dict[str, Any], ended_at: str) -> dict[str, Any]:
    command, opening = turn.command, turn.opening
    return {
        "conversation_id": turn.conversation_id,
        "number": opening.number,
        "run_id": opening.run_id,
        "started_at": to_timestamp(opening.started),
        "ended_at": ended_at,
        "status": turn.status,
        "error_code": turn.error_code,
        "user": {"message_id": opening.user_message_id, "text": turn.vault.hide(command.message)}
        if command.message
        else None,
        "assistant": {"message_id": turn.message_id, "text": turn.reply},
        "agent": turn.specialist,
        "route": turn.route.model_dump() if turn.route else None,
        "messages": turn.messages,
        "tool_calls": turn.calls,
        "citations": turn.sources.citations,
        "confirmation": response["confirmation"],
        "model": response["model"],
        "usage": response["usage"],
    }


def _apply(turn: Turn, conversation: Conversation, open_proposal: Proposal | None, moment: str) -> None:
    """What the turn means for its conversation."""
    conversation.turns = turn.opening.number
    conversation.last_message_id = turn.message_id
    conversation.updated_at = moment
    conversation.pending = open_proposal.id if open_proposal else None
    conversation.tool_calls += len(turn.calls)
    conversation.spent_nanos += turn.spending.nanos
    if turn.command.key is not None:
        conversation.remember_key(turn.command.key, turn.opening.number)
    conversation.specialist = turn.specialist
    conversation.last_status, conversation.last_error = turn.status, turn.error_code
    conversation.digest = turn.digest or conversation.digest
    asks = turn.asks_to_keep
    conversation.asked = {"message_id": turn.message_id, "values": asks} if asks else None
    conversation.has_preferences = conversation.has_preferences or turn.keeps_preferences
    conversation.personal = turn.vault.values
    conversation.model = turn.spending.model or conversation.model
    for ticket_id, reason in turn.tickets.items():
        conversation.remember_ticket(ticket_id, reason, moment)
    for hold in turn.holds:
        conversation.remember_hold(hold)
    for hold in turn.released:
        conversation.forget_hold(hold)
    for order in turn.order_ids:
        conversation.remember_order(order)
    conversation.actions = list(dict.fromkeys([*conversation.actions, *turn.actions]))
    conversation.end_run()


def _open_proposal(turn: Turn) -> Proposal | None:
    """The proposal that the conversation points at from now on."""
    execute = turn.opening.execute
    if execute is not None and execute.state in ("approved", "executing"):
        return execute
    return turn.proposed or turn.opening.open


def turn_events(turn: Turn, ids: IdGenerator, clock: Clock) -> list[Event]:
    """`chat_turn_completed`, and `error_occurred` for a turn that failed."""
    now = clock.now()
    spending = turn.spending
    model = spending.model or {}
    completed = ChatTurnCompleted(
        conversation_id=turn.conversation_id,
        message_id=turn.message_id,
        customer_id=turn.caller.customer_id,
        client_id=turn.caller.client_id,
        turn=turn.opening.number,
        agent=turn.specialist,
        status=turn.status,
        duration_ms=round((now - turn.opening.started).total_seconds() * 1000, 3),
        model_calls=spending.calls,
        tool_calls=[{key: call[key] for key in ("name", "status", "latency_ms")} for call in turn.calls],
        prompt_tokens=spending.prompt_tokens,
        completion_tokens=spending.completion_tokens,
        cached_tokens=spending.cached_tokens,
        cost_nanos=spending.cost_nanos,
        models_passed_over=spending.passed_over,
        remembered_calls=spending.kept_answers,
        model_name=model.get("name"),
        model_version=model.get("version"),
        variant=model.get("variant"),
        error_code=turn.error_code,
    )
    common: dict[str, Any] = {
        "source": SOURCE,
        "time": now,
        "subject": turn.conversation_id,
        "ordering_key": turn.conversation_id,
        "traceparent": current_traceparent(),
    }
    events = [event(id=ids.new("EVT"), type="usher.chat_turn_completed.v1", data=completed, **common)]
    if turn.error_code is not None and turn.status == "failed":
        context = current()
        error = ErrorOccurred(
            service="agent",
            code=turn.error_code,
            detail=f"a turn failed: {turn.error_code}",
            request_id=context.request_id if context else None,
            conversation_id=turn.conversation_id,
        )
        events.append(event(id=ids.new("EVT"), type="usher.error_occurred.v1", data=error, **common))
    return events


async def give_back(store: DocumentStore, turn: Turn) -> None:
    """End a run that learnt nothing new: only the lease and the proposal's state are written."""

    async def fn(tx: Transaction) -> None:
        stored = await tx.get(CONVERSATIONS, turn.conversation_id)
        conversation = Conversation.from_document(stored) if stored else None
        if conversation is None or not turn.lease.is_held(conversation.run):
            return
        conversation.end_run()
        tx.set(CONVERSATIONS, conversation.id, conversation.to_document())
        proposal = turn.opening.execute
        if proposal is not None:
            tx.set(PROPOSALS, proposal.id, proposal.to_document())

    await store.transaction(fn)


async def close_turn(
    store: DocumentStore, outbox: Outbox, clock: Clock, *, turn: Turn, response: dict[str, Any], events: list[Event]
) -> None:
    """Commit the turn and give the lease back. Raises LeaseLost when it was taken over; then nothing is written."""
    opening = turn.opening
    now = to_timestamp(clock.now())
    proposals = {p.id: p for p in (opening.execute, opening.open, turn.proposed, *opening.changed) if p is not None}
    for proposal in proposals.values():
        if (
            proposal.decision is not None
            and proposal.answer is None
            and proposal.state not in ("approved", "executing")
        ):
            proposal.answer = response
    document = _turn_document(turn, response, now)
    open_proposal = _open_proposal(turn)

    async def fn(tx: Transaction) -> None:
        stored = await tx.get(CONVERSATIONS, turn.conversation_id)
        conversation = Conversation.from_document(stored) if stored else None
        if conversation is None or not turn.lease.is_held(conversation.run):
            raise LeaseLost
        before, conversation.last_frame = conversation.last_frame, await turn.log.record(tx)
        document["frames"] = [before + 1, conversation.last_frame]
        _apply(turn, conversation, open_proposal, now)
        tx.set(CONVERSATIONS, turn.conversation_id, conversation.to_document())
        tx.set(TURNS, turn_document_id(turn.conversation_id, opening.number), document)
        for proposal in proposals.values():
            tx.set(PROPOSALS, proposal.id, proposal.to_document())
        for emitted in events:
            outbox.add(tx, emitted)

    with outbox.nudging():
        try:
            await store.transaction(fn)
        except AlreadyExists as error:  # a process that had lost the turn wrote frames after it was taken up here
            raise LeaseLost from error
