"""Carrying out, within a turn, what the customer said yes to."""

from __future__ import annotations

import time
from typing import Any

import orjson

from usher_agent.boxoffice.ports import BoxOffice
from usher_agent.confirmations.model import Proposal
from usher_agent.confirmations.service import Execution, execute
from usher_agent.guardrails.marks import escape_tags
from usher_agent.streams.model import step_finished, step_started, tool_call, tool_result
from usher_agent.turns.model import Turn
from usher_agent.turns.outcomes import read_execution
from usher_agent.turns.prompt import assistant_calls, tool_message
from usher_agent.turns.reply import preface
from usher_agent.turns.wording import done, refused
from usher_shared.clock import Clock
from usher_shared.contracts.tools.offering import IDENTITY_FIELDS

_STEP = "confirmed"
_STATUS = {"done": "ok", "refused": "error", "unknown": "unknown", "unresolved": "unknown"}


async def carry_out(box: BoxOffice, clock: Clock, turn: Turn, *, timeout_seconds: float) -> None:
    """Send the approved proposal of the turn's opening; the call and its result become part of the turn."""
    proposal = turn.opening.execute
    if proposal is None:
        return
    past = turn.past.named(_STEP) if turn.past is not None else None
    call_id = turn.next_call_id()
    shown = {key: value for key, value in proposal.arguments.items() if key not in IDENTITY_FIELDS}
    arguments = escape_tags(orjson.dumps(shown).decode())
    turn.messages.append(assistant_calls("", [(call_id, proposal.action, arguments)]))
    if past is None:
        turn.log.emit(step_started(_STEP), *tool_call(call_id, proposal.action, arguments, turn.message_id))
    started = time.perf_counter()
    known = read_execution(past.results.get(call_id, "")) if past is not None else None
    execution = known or await execute(box, proposal, timeout_seconds=timeout_seconds)
    latency_ms = (time.perf_counter() - started) * 1000
    _settle(turn, proposal, execution, clock)
    text = turn.bounded_result(execution.answer)
    turn.messages.append(tool_message(call_id, proposal.action, text))
    if past is None or call_id not in past.results:
        turn.log.emit(tool_result(call_id, text))
    if past is None or not past.finished:
        turn.log.emit(step_finished(_STEP))
    status = _STATUS[execution.result]
    turn.calls.append(
        {"name": proposal.action, "arguments": shown, "status": status, "latency_ms": round(latency_ms, 3)}
    )
    if execution.result == "refused":
        preface(turn, refused(execution.code or "", str(execution.answer.get("detail", ""))))
    elif execution.result == "done" and turn.opening.recovered and turn.command.message:
        # the model answers the newer message, so that what became of the earlier yes is told first
        preface(turn, done(proposal.action, execution.answer))
    if turn.command.streaming:
        await turn.log.flush()


def _settle(turn: Turn, proposal: Proposal, execution: Execution, clock: Clock) -> None:
    answer: dict[str, Any] = execution.answer
    turn.executed = (proposal, answer)
    proposal.error_code = execution.code
    if proposal.request is not None and execution.result != "unknown":
        proposal.outcome = answer
    if execution.result == "done":
        proposal.move("done", clock.now())
        turn.actions.append(proposal.action)
        turn.order_ids += [id for name in ("order_id", "new_order_id") if isinstance(id := answer.get(name), str)]
        if isinstance(proposal.arguments.get("hold_id"), str):
            turn.released.append(proposal.arguments["hold_id"])
    elif execution.result == "refused":
        proposal.move("failed", clock.now())
    elif execution.result == "unresolved":
        proposal.move("failed", clock.now())
        turn.status, turn.error_code = "failed", execution.code
        if isinstance(ticket_id := answer.get("ticket_id"), str):
            turn.tickets[ticket_id] = execution.code or "unresolved"
    else:
        proposal.move("executing", clock.now())
        turn.status, turn.error_code = "failed", "status_unknown"
