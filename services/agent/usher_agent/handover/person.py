"""Handing a matter to a person: a support ticket with what was said and tried, noted with the conversation.

The ticket holds a bounded part of the conversation and its id; the whole is read where it is kept, so that it is
erased with it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from usher_agent.boxoffice.model import PreparedCall, ToolCall
from usher_agent.boxoffice.ports import BoxOffice
from usher_agent.boxoffice.service import ToolOutcome, run_call
from usher_agent.handover.transcript import transcript
from usher_agent.turns.model import Turn
from usher_shared.personal import redact

TICKET_TOOL: Final = "open_support_ticket"
_MOST: Final = 4_000  # characters of a ticket's details, by the tool's contract
_OF_THE_MODEL = 1_400
_OF_THE_TRIES = 400
_UNSETTLED = "asked"
# failures of ours. Not `status_unknown` and `outcome_unresolved`: those are told and settled on their own, the first by
# the turn's recovery, the second with a ticket that the box office opened
_OURS: Final = frozenset(
    {
        "model_unavailable",
        "model_timeout",
        "model_failed",
        "model_invalid",
        "reply_withheld",
        "turn_timeout",
        "step_limit",
        "internal_error",
        "interrupted",
    }
)


def with_transcript(turn: Turn, item: PreparedCall) -> PreparedCall:
    """The call that opens a ticket, with what was tried and said; what is shown of it stays the model's own."""
    details = compose(turn, str(item.arguments["details"]))
    subject = redact(str(item.arguments["subject"]))
    return replace(item, arguments={**item.arguments, "subject": subject, "details": details})


def compose(turn: Turn, matter: str) -> str:
    """A ticket's details: the matter, what was tried, and the newest of what was said."""
    conversation = turn.opening.conversation
    tried = [f"{call['name']} ({call['status']})" for call in turn.calls if call["name"] != TICKET_TOOL]
    known = [
        f"Tried: {', '.join(tried)}"[:_OF_THE_TRIES] if tried else "",
        f"Done before: {', '.join(conversation.actions)}" if conversation.actions else "",
        f"Orders: {', '.join(conversation.order_ids[-5:])}" if conversation.order_ids else "",
        f"Seats on hold: {', '.join(conversation.holds[-3:])}" if conversation.holds else "",
        f"Conversation {turn.conversation_id}, turn {turn.opening.number}; the newest of it:",
    ]
    head = "\n".join([redact(matter)[:_OF_THE_MODEL], "", *filter(None, known)])
    return f"{head}\n{transcript([*turn.history, *turn.messages], _MOST - len(head) - 1)}"[:_MOST]


def note_ticket(turn: Turn, tool: str, outcome: ToolOutcome) -> None:
    """Remember the ticket that a call opened, or that the box office opened instead of doing what is not allowed."""
    ticket_id = outcome.answer.get("ticket_id")
    if not isinstance(ticket_id, str):
        return
    if tool == TICKET_TOOL and outcome.status == "ok":
        turn.tickets[ticket_id] = "asked"
    elif outcome.answer.get("ticket_status") == _UNSETTLED:
        turn.tickets[ticket_id] = str(outcome.answer.get("error"))


def failed_again(turn: Turn) -> bool:
    """Whether this turn and the one before it failed for reasons of our own."""
    return turn.status == "failed" and {turn.error_code, turn.opening.conversation.last_error} <= _OURS


async def call_person(box: BoxOffice, turn: Turn, *, timeout_seconds: float) -> None:
    """Open a ticket for a customer who got no full answer twice; when that fails too, the apology has to do."""
    failures = f"{turn.opening.conversation.last_error}, {turn.error_code}"
    details = compose(turn, f"The customer got no full answer twice in a row ({failures}). Please get in touch.")
    arguments: dict[str, Any] = {"subject": "A conversation got no answer", "details": details}
    call = PreparedCall(ToolCall("", TICKET_TOOL, ""), "write", arguments, arguments)
    key = f"{turn.conversation_id}:given-up:{turn.opening.number}"
    outcome = await run_call(box, call, turn.caller, idempotency_key=key, timeout_seconds=timeout_seconds)
    if outcome.status == "ok" and isinstance(outcome.answer.get("ticket_id"), str):
        turn.tickets[outcome.answer["ticket_id"]] = "failures"
