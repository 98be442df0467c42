"""The transaction that opens a turn: takes the lease, and records what the message means for an open proposal.

A yes is durable here, with its evidence, before the box office hears of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from usher_agent.confirmations.model import PROPOSALS, UNFINISHED, Decision, Proposal
from usher_agent.confirmations.service import check_decidable
from usher_agent.consent import Consent, classify_consent
from usher_agent.conversations.model import (
    CONVERSATIONS,
    Conversation,
    Place,
    is_next,
    new_conversation,
)
from usher_agent.guardrails.distress import read_distress
from usher_agent.memory.customers import CUSTOMERS, learn, preferences_of
from usher_agent.streams.log import last_frame
from usher_agent.turns.interrupted import bury, can_be_taken_up, is_dead, new_lease
from usher_agent.turns.model import Opening, OpeningRules, TurnCommand
from usher_agent.turns.prompt import (
    approved_note,
    declined_note,
    early_note,
    expired_note,
    preferences_kept_note,
    preferences_refused_note,
)
from usher_shared.clock import Clock, from_timestamp, to_timestamp
from usher_shared.documents import DocumentStore, Transaction
from usher_shared.errors import Conflict, Gone, NotFound, RateLimited
from usher_shared.ids import IdGenerator

_BUSY_RETRY_SECONDS = 1.0
_FULL_RETRY_SECONDS = 2.0


class OfferMade(Conflict):
    """The conversation that an offer was to begin has its offer: another request of the same kind was faster."""

    code = "offer_made"


class Busy(Conflict):
    """A turn of the conversation is not done yet. `interrupted`: nobody works on it, and it has to be taken up."""

    code = "conversation_busy"

    def __init__(self, *, interrupted: bool = False) -> None:
        detail = "this conversation is still answering an earlier message"
        super().__init__(detail, retry_after_seconds=_BUSY_RETRY_SECONDS)
        self.interrupted = interrupted


class Answered(Busy):
    """The request with this Idempotency-Key was answered meanwhile."""


class Withdrawn(Conflict):
    """The customer cancelled the message while it waited."""

    code = "message_withdrawn"

    def __init__(self) -> None:
        super().__init__("this was cancelled before it was answered")


class LineFull(RateLimited):
    """As many messages as may already wait for their turn in this conversation."""

    code = "conversation_queue_full"


@dataclass(frozen=True, slots=True)
class InLine:
    """The message waits: under its place, or (not `placed`) with an earlier request of the same Idempotency-Key."""

    placed: bool
    interrupted: bool


async def open_turn(
    store: DocumentStore, clock: Clock, ids: IdGenerator, rules: OpeningRules, *, command: TurnCommand, run_id: str
) -> Opening | InLine:
    """Begin a turn; or, for a command with a place, stand in line behind the turns before it.

    Raises NotFound (another customer's), Conflict (Busy, `conversation_ended`, OfferMade, a proposal decided
    otherwise), Withdrawn, LineFull, and Gone (an expired proposal, when the turn is a decision on it).
    """
    conversation_id = command.conversation_id or ids.new("CONV")
    message_id, user_message_id = ids.new("MSG"), ids.new("MSG")

    async def fn(tx: Transaction) -> Opening | InLine:
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
        _check_open(conversation, command)
        standing = _standing(conversation, command, rules, clock)
        if standing is not None:
            if command.place is None:
                raise Busy(interrupted=standing == "interrupted")
            return _stand_in_line(tx, conversation, command, rules, now, interrupted=standing == "interrupted")
        queued = any(place.id == command.place for place in conversation.line)
        conversation.line = [place for place in conversation.line if place.id != command.place]
        pending = await tx.get(PROPOSALS, conversation.pending) if conversation.pending else None
        known = None
        if document is None or conversation.has_preferences or conversation.asked is not None:
            known = await tx.get(CUSTOMERS, command.customer_id)
        interrupted = conversation.run
        frames = await last_frame(tx, conversation_id) if interrupted else 0
        if interrupted is not None:
            bury(tx, conversation, interrupted, frames, to_timestamp(now + rules.frame_retention))
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
            # a message that waited was written before the last reply: it cannot mean what was put there
            unanswered = queued or (interrupted is not None and interrupted.text is not None)
            _answer_proposal(opening, Proposal.from_document(pending), command, clock, unanswered=unanswered)
        known = _hear_about_preferences(tx, opening, command, known, queued=queued) or known
        opening.preferences = preferences_of(known)
        conversation.has_preferences = opening.preferences is not None
        if command.payment_method_token:
            conversation.payment_method_token = command.payment_method_token
        if command.message is not None or command.decision is not None:
            conversation.updated_at = to_timestamp(now)
        conversation.start_run(new_lease(opening, command, rules, now))
        for proposal in opening.changed:
            tx.set(PROPOSALS, proposal.id, proposal.to_document())
        tx.set(CONVERSATIONS, conversation_id, conversation.to_document())
        return opening

    return await store.transaction(fn)


def _hear_about_preferences(
    tx: Transaction, opening: Opening, command: TurnCommand, known: dict[str, Any] | None, *, queued: bool
) -> dict[str, Any] | None:
    """Whether the message answers the question if preferences may be kept; what is known then, after a yes."""
    conversation = opening.conversation
    asked, conversation.asked = conversation.asked, None
    if asked is None or command.message is None or opening.decided or queued:
        return None
    if asked["message_id"] != conversation.last_message_id:
        return None
    match classify_consent(command.message):
        case Consent.YES:
            now = to_timestamp(opening.started)
            learnt = learn(known, asked["values"], conversation.id, now, agreed=True)
            if learnt is not None:
                tx.set(CUSTOMERS, command.customer_id, learnt)
            opening.notes.append(preferences_kept_note())
            return learnt
        case Consent.NO:
            opening.notes.append(preferences_refused_note())
    return None


def _check_open(conversation: Conversation, command: TurnCommand) -> None:
    if conversation.customer_id != command.customer_id:
        raise NotFound(f"there is no conversation {conversation.id}")
    if conversation.status == "erased":
        raise Gone("this conversation was erased", code="conversation_erased")
    unfinished_business = command.message is None and command.decision is None
    if conversation.status != "open" and not (unfinished_business and conversation.status == "ended"):
        raise Conflict("this conversation has ended; start a new one", code="conversation_ended")
    if command.key is not None and conversation.turn_of(command.key) is not None:
        raise Answered
    if command.in_line and all(place.id != command.place for place in conversation.line):
        raise Withdrawn


def _standing(
    conversation: Conversation, command: TurnCommand, rules: OpeningRules, clock: Clock
) -> Literal["running", "interrupted"] | None:
    """What has to be over before this command: None when it is its turn."""
    run = conversation.run
    if run is not None and not is_dead(run, rules, clock):
        return "running"
    if run is not None and can_be_taken_up(run):
        return "interrupted"
    return "running" if conversation.line and not is_next(conversation, command.place, clock.now()) else None


def _stand_in_line(
    tx: Transaction,
    conversation: Conversation,
    command: TurnCommand,
    rules: OpeningRules,
    now: datetime,
    *,
    interrupted: bool,
) -> InLine:
    """Take or keep a place; a repeated request takes none of its own."""
    line = conversation.line
    mine = next((place for place in line if place.id == command.place), None)
    if mine is None and command.key is not None:
        run = conversation.run
        if command.key in {run.key if run else None, *(place.key for place in line)}:
            return InLine(placed=False, interrupted=interrupted)
    until = to_timestamp(now + rules.place)
    if mine is not None:
        mine.until = until
    else:
        line = [place for place in line if from_timestamp(place.until) > now]
        if len(line) >= rules.longest_line:
            raise LineFull("too many messages wait for an answer here", retry_after_seconds=_FULL_RETRY_SECONDS)
        conversation.line = [*line, Place(command.place or "", until, command.key)]
    tx.set(CONVERSATIONS, conversation.id, conversation.to_document())
    return InLine(placed=True, interrupted=interrupted)


def _answer_proposal(
    opening: Opening, proposal: Proposal, command: TurnCommand, clock: Clock, *, unanswered: bool
) -> None:
    """Settle what this turn means for the proposal that the conversation points at.

    `unanswered`: another message came in between, whose answer the customer had not seen.
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
    if read_distress(message) is not None:  # whatever else it says, it is no yes
        opening.open = proposal
        return
    match classify_consent(message, proposal.context()):
        case Consent.YES if not unanswered:  # else it may answer what came in between: the proposal is put again
            _decide(opening, proposal, "approve", evidence, clock)
        case Consent.NO:
            _decide(opening, proposal, "reject", evidence, clock)
        case Consent.YES:
            opening.notes.append(early_note(proposal.id))
            opening.open = proposal
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
