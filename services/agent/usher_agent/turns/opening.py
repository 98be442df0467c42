"""The transaction that opens a turn: takes the lease, and records what the message means for an open proposal.

A yes is durable here, with its evidence, before the box office hears of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from usher_agent.confirmations.model import PROPOSALS, UNFINISHED, Decision, Proposal
from usher_agent.confirmations.service import check_decidable
from usher_agent.consent import Consent, classify_consent
from usher_agent.conversations.model import (
    CONVERSATIONS,
    TURNS,
    Conversation,
    RunLease,
    lease_is_live,
    new_conversation,
    turn_document_id,
)
from usher_agent.streams.log import FRAMES, last_frame
from usher_agent.streams.model import run_error
from usher_agent.turns.model import Opening, TurnCommand
from usher_agent.turns.prompt import approved_note, declined_note, expired_note, interrupted_note, user_message
from usher_agent.turns.safety import escape_tags
from usher_shared.clock import Clock, to_timestamp
from usher_shared.documents import DocumentStore, Transaction
from usher_shared.errors import Conflict, Gone, NotFound
from usher_shared.ids import IdGenerator

_BUSY_RETRY_SECONDS = 1.0


class OfferMade(Conflict):
    """The conversation that an offer was to begin has its offer: another request of the same kind was faster."""

    code = "offer_made"


@dataclass(frozen=True, slots=True)
class OpeningRules:
    """`owner` names this process; `is_running` tells whether it still works on a run of that id."""

    owner: str
    lease: timedelta
    frame_retention: timedelta
    is_running: Callable[[str], bool]


async def open_turn(
    store: DocumentStore, clock: Clock, ids: IdGenerator, rules: OpeningRules, *, command: TurnCommand, run_id: str
) -> Opening:
    """Begin a turn.

    Raises NotFound (another customer's), Conflict (`conversation_busy`, `conversation_ended`, OfferMade, a proposal
    decided otherwise) and Gone (an expired proposal, when the turn is a decision on it).
    """
    conversation_id = command.conversation_id or ids.new("CONV")
    message_id, user_message_id = ids.new("MSG"), ids.new("MSG")

    async def fn(tx: Transaction) -> Opening:
        now = clock.now()
        document = await tx.get(CONVERSATIONS, conversation_id)
        if document is None:
            if command.message is None and command.offer is None:
                raise NotFound(f"there is no conversation {conversation_id}")
            conversation = new_conversation(conversation_id, command.customer_id, command.client_id, now)
        else:
            conversation = Conversation.from_document(document)
            if command.offer is not None and conversation.last_message_id is not None:
                raise OfferMade("the same was asked at the same time", retry_after_seconds=_BUSY_RETRY_SECONDS)
        _check_open(conversation, command, rules, clock)
        if command.key is not None and conversation.turn_of(command.key) is not None:
            raise Conflict(
                "this request was answered", code="conversation_busy", retry_after_seconds=_BUSY_RETRY_SECONDS
            )
        pending = await tx.get(PROPOSALS, conversation.pending) if conversation.pending else None
        interrupted = conversation.run
        frames = await last_frame(tx, conversation_id) if interrupted else 0
        if interrupted is not None:
            _bury(tx, conversation, interrupted, frames, to_timestamp(now + rules.frame_retention))
        opening = Opening(
            conversation=conversation,
            run_id=run_id,
            number=conversation.turns + 1,
            message_id=message_id,
            user_message_id=user_message_id,
            started=now,
        )
        if command.decision is not None and conversation.pending != command.decision[0]:
            raise Conflict("this offer was replaced or settled already", code="confirmation_superseded")
        if pending is not None:
            unanswered = interrupted is not None and interrupted.text is not None
            _answer_proposal(opening, Proposal.from_document(pending), command, clock, unanswered=unanswered)
        if command.payment_method_token:
            conversation.payment_method_token = command.payment_method_token
        if command.message is not None or command.decision is not None:
            conversation.updated_at = to_timestamp(now)
        conversation.start_run(
            RunLease(
                id=run_id,
                owner=rules.owner,
                until=to_timestamp(now + rules.lease),
                turn=opening.number,
                message_id=user_message_id,
                started_at=to_timestamp(now),
                text=command.message,
            )
        )
        for proposal in opening.changed:
            tx.set(PROPOSALS, proposal.id, proposal.to_document())
        tx.set(CONVERSATIONS, conversation_id, conversation.to_document())
        return opening

    return await store.transaction(fn)


def _check_open(conversation: Conversation, command: TurnCommand, rules: OpeningRules, clock: Clock) -> None:
    if conversation.customer_id != command.customer_id:
        raise NotFound(f"there is no conversation {conversation.id}")
    if conversation.status == "erased":
        raise Gone("this conversation was erased", code="conversation_erased")
    unfinished_business = command.message is None and command.decision is None
    if conversation.status != "open" and not (unfinished_business and conversation.status == "ended"):
        raise Conflict("this conversation has ended; start a new one", code="conversation_ended")
    run = conversation.run
    if run is None or (run.owner == rules.owner and not rules.is_running(run.id)):
        return
    if lease_is_live(run, clock):
        raise Conflict(
            "this conversation is still answering an earlier message",
            code="conversation_busy",
            retry_after_seconds=_BUSY_RETRY_SECONDS,
        )


def _bury(tx: Transaction, conversation: Conversation, run: RunLease, last: int, frames_expire_at: str) -> None:
    """Write down the turn that a process left unfinished, and end its stream."""
    messages = [user_message(escape_tags(run.text)), interrupted_note()] if run.text else []
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
            "user": {"message_id": run.message_id, "text": run.text} if run.text else None,
            "assistant": None,
            "messages": messages,
        },
    )
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
    conversation.turns = run.turn
    conversation.last_frame = number
    conversation.end_run()


def _answer_proposal(
    opening: Opening, proposal: Proposal, command: TurnCommand, clock: Clock, *, unanswered: bool
) -> None:
    """Settle what this turn means for the proposal that the conversation points at.

    `unanswered`: another message came in between, whose answer was cut off.
    """
    if proposal.state in UNFINISHED:
        opening.execute, opening.recovered = proposal, True
        opening.decided.append(proposal.id)
        return
    if proposal.state != "pending":
        opening.conversation.pending = None
        return
    if command.decision is not None:
        check_decidable(proposal, command.decision[1], clock)
        _decide(opening, proposal, command.decision[1], {"kind": "endpoint", "run_id": opening.run_id}, clock)
    elif proposal.has_expired(clock.now()):
        proposal.move("expired", clock.now())
        opening.notes.append(expired_note(proposal.id))
        _drop(opening, proposal)
    elif command.message is None or proposal.message_id != opening.conversation.last_message_id:
        proposal.move("superseded", clock.now())  # a yes now would answer something else than this proposal
        _drop(opening, proposal)
    else:
        _classify(opening, proposal, command.message, clock, unanswered=unanswered)


def _classify(opening: Opening, proposal: Proposal, message: str, clock: Clock, *, unanswered: bool) -> None:
    evidence = {
        "kind": "message",
        "message_id": opening.user_message_id,
        "presented_in": proposal.message_id or "",
    }
    match classify_consent(message, proposal.context()):
        case Consent.YES if not unanswered:  # else it may answer what came in between: the proposal is put again
            _decide(opening, proposal, "approve", evidence, clock)
        case Consent.NO:
            _decide(opening, proposal, "reject", evidence, clock)
        case _:
            opening.open = proposal


def _decide(opening: Opening, proposal: Proposal, decision: Decision, evidence: dict[str, str], clock: Clock) -> None:
    proposal.decide(decision, evidence, clock.now())
    opening.decided.append(proposal.id)
    if decision == "approve":
        opening.execute = proposal
        opening.changed.append(proposal)
        if evidence["kind"] == "endpoint":
            opening.notes.append(approved_note(proposal.id))
    else:
        opening.notes.append(declined_note(proposal.id))
        _drop(opening, proposal)


def _drop(opening: Opening, proposal: Proposal) -> None:
    opening.changed.append(proposal)
    opening.conversation.pending = None
