"""Turns whose process died: taken up where they stand when somebody can still see their end, written down if not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from usher_agent.confirmations.model import PROPOSALS, UNFINISHED, Proposal
from usher_agent.conversations.model import (
    CONVERSATIONS,
    TURNS,
    Conversation,
    RunLease,
    lease_is_live,
    turn_document_id,
)
from usher_agent.guardrails.marks import escape_tags
from usher_agent.streams.log import FRAMES, last_frame
from usher_agent.streams.model import run_error
from usher_agent.turns.model import Opening, OpeningRules, TurnCommand
from usher_agent.turns.prompt import interrupted_note, note, user_message
from usher_shared.clock import Clock, from_timestamp, to_timestamp
from usher_shared.documents import DocumentStore, Transaction
from usher_shared.personal import Vault

MOST_ATTEMPTS = 3  # processes that take one turn up: a turn that kills them all has to end


def is_dead(run: RunLease, rules: OpeningRules, clock: Clock) -> bool:
    """Whether nobody works on that run any more."""
    if run.owner == rules.owner:
        return not rules.is_running(run.id)
    return not lease_is_live(run, clock)


def can_be_taken_up(run: RunLease) -> bool:
    return run.is_resumable and run.attempts < MOST_ATTEMPTS


def bury(tx: Transaction, conversation: Conversation, run: RunLease, last: int, frames_expire_at: str) -> None:
    """Write down the turn that a process left unfinished, and end its stream."""
    number = max(conversation.last_frame, last) + 1
    tx.set(
        FRAMES,
        f"{conversation.id}:{number:012d}",
        {
            "conversation_id": conversation.id,
            "run_id": run.id,
            "first": number,
            "last": number,
            "frames": [run_error("the answer was interrupted; please send the message again", "interrupted")],
            "expires_at": frames_expire_at,
        },
    )
    _write_down(tx, conversation, run, number)


def _write_down(tx: Transaction, conversation: Conversation, run: RunLease, last: int) -> None:
    vault = Vault(conversation.personal)
    text = vault.hide(run.text) if run.text else None
    conversation.personal = vault.values
    messages = [user_message(escape_tags(text)), interrupted_note()] if text else []
    tx.set(
        TURNS,
        turn_document_id(conversation.id, run.turn),
        {
            "conversation_id": conversation.id,
            "number": run.turn,
            "run_id": run.id,
            "started_at": run.started_at,
            "ended_at": run.until,
            "status": "failed",
            "error_code": "interrupted",
            "user": {"message_id": run.message_id, "text": text} if text else None,
            "assistant": None,
            "messages": messages,
        },
    )
    conversation.turns = run.turn
    conversation.last_frame = last
    conversation.last_status, conversation.last_error = "failed", "interrupted"
    conversation.end_run()


async def give_up(store: DocumentStore, opening: Opening) -> None:
    """Write the turn down as interrupted; its stream was ended by the process that began it."""

    async def fn(tx: Transaction) -> None:
        document = await tx.get(CONVERSATIONS, opening.conversation.id)
        conversation = Conversation.from_document(document) if document else None
        if conversation is None or conversation.run is None or not opening.lease.is_held(conversation.run):
            return
        last = await last_frame(tx, conversation.id)
        _write_down(tx, conversation, conversation.run, max(last, conversation.last_frame))
        tx.set(CONVERSATIONS, conversation.id, conversation.to_document())

    await store.transaction(fn)


async def take_over(
    store: DocumentStore, clock: Clock, rules: OpeningRules, conversation_id: str
) -> tuple[TurnCommand, Opening] | None:
    """The right to finish the conversation's interrupted turn, as it was begun; None if there is none to finish.

    A turn that was taken up often enough is written down as interrupted instead.
    """

    async def fn(tx: Transaction) -> tuple[TurnCommand, Opening] | None:
        document = await tx.get(CONVERSATIONS, conversation_id)
        conversation = Conversation.from_document(document) if document else None
        if conversation is None or conversation.run is None or conversation.status != "open":
            return None
        run = conversation.run
        if not run.is_resumable or not is_dead(run, rules, clock):
            return None
        if not can_be_taken_up(run):
            last = await last_frame(tx, conversation_id)
            bury(tx, conversation, run, last, to_timestamp(clock.now() + rules.frame_retention))
            tx.set(CONVERSATIONS, conversation_id, conversation.to_document())
            return None
        proposals: dict[str, Proposal] = {}
        for id in {*run.decided, conversation.pending} - {None}:
            found = await tx.get(PROPOSALS, str(id))
            if found is not None:
                proposals[str(id)] = Proposal.from_document(found)
        now = clock.now()
        conversation.run = replace(
            run, owner=rules.owner, until=to_timestamp(now + rules.lease), attempts=run.attempts + 1
        )
        tx.set(CONVERSATIONS, conversation_id, conversation.to_document())
        return _command(conversation, run), _opening(conversation, conversation.run, proposals)

    return await store.transaction(fn)


def _command(conversation: Conversation, run: RunLease) -> TurnCommand:
    return TurnCommand(
        client_id=run.client_id,
        customer_id=conversation.customer_id,
        conversation_id=conversation.id,
        message=run.text,
        attachments=run.attachments,
        card_removed=run.card_removed,
        streaming=run.streaming,
        key=run.key,
    )


def _opening(conversation: Conversation, run: RunLease, proposals: dict[str, Proposal]) -> Opening:
    """As the opening transaction left it; what is said from now on are messages of their own."""
    pending = proposals.get(conversation.pending or "")
    return Opening(
        conversation=conversation,
        run_id=run.id,
        number=run.turn,
        message_id=f"{run.reply_id}.a{run.attempts}",
        user_message_id=run.message_id,
        started=from_timestamp(run.started_at),
        execute=pending if pending is not None and pending.state in UNFINISHED else None,
        open=pending if pending is not None and pending.state == "pending" else None,
        recovered=run.recovered,
        notes=[note(text) for text in run.notes],
        decided=list(run.decided),
        changed=[proposal for id, proposal in proposals.items() if id in run.decided],
        taken_up=True,
    )


def new_lease(opening: Opening, command: TurnCommand, rules: OpeningRules, now: datetime) -> RunLease:
    """The lease of a turn that begins."""
    return RunLease(
        id=opening.run_id,
        owner=rules.owner,
        until=to_timestamp(now + rules.lease),
        turn=opening.number,
        message_id=opening.user_message_id,
        started_at=to_timestamp(now),
        text=command.message,
        client_id=command.client_id,
        streaming=command.streaming,
        key=command.key,
        attachments=command.attachments,
        card_removed=command.card_removed,
        reply_id=opening.message_id,
        notes=[told["content"] for told in opening.notes],
        decided=opening.decided,
        recovered=opening.recovered,
    )
