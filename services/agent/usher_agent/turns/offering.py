"""A quote becomes a proposal; a proposal that another program asked for is put to the customer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from usher_agent.boxoffice.model import Identity, InvalidCall, check_arguments
from usher_agent.boxoffice.ports import Caller
from usher_agent.confirmations.model import Proposal, proposal_from_quote
from usher_agent.guardrails.marks import escape_tags
from usher_agent.guardrails.untrusted import harmless
from usher_agent.streams.model import tool_call, tool_result
from usher_agent.turns.model import Turn
from usher_agent.turns.prompt import assistant_calls, requested_note, tool_message
from usher_agent.turns.reply import put
from usher_shared.contracts.money import to_major
from usher_shared.contracts.tools.offering import IDENTITY_FIELDS

WAITING = "confirmation_required"


def bind(
    id: str,
    quote: dict[str, Any],
    *,
    asked: tuple[str, Mapping[str, Any]],
    identity: Identity,
    caller: Caller,
    now: datetime,
) -> Proposal:
    """The proposal of a quote for `asked` (action, arguments).

    Raises KeyError, TypeError or ValueError when the quote is broken or is for something else.
    """
    action, arguments = asked
    if quote["action"] != action:
        raise ValueError("the quote is for another action")
    for field in IDENTITY_FIELDS:
        if quote["arguments"].get(field) != arguments.get(field):
            raise ValueError("the quote is for another customer")
    try:
        check_arguments(action, quote["arguments"], identity)
    except InvalidCall as error:
        raise ValueError(error.detail) from error
    words = {key: harmless(str(quote[key])) for key in ("summary", "policy", "event_name") if quote.get(key)}
    return proposal_from_quote(
        id,
        {**quote, **words},  # they are said to the customer, with names that others wrote
        conversation_id=caller.conversation_id,
        customer_id=caller.customer_id,
        client_id=caller.client_id,
        now=now,
    )


def waiting_answer(proposal: Proposal) -> dict[str, Any]:
    """The tool message of a protected call: it was not run."""
    return {
        "status": WAITING,
        "confirmation_id": proposal.id,
        "summary": proposal.summary,
        "total": to_major(proposal.total_minor, proposal.currency),
        "currency": proposal.currency,
        "policy": proposal.policy,
        "expires_at": proposal.expires_at,
    }


def put_offer(turn: Turn, proposal: Proposal) -> None:
    """Make the proposal the turn's own, as if the conversation had led to it."""
    call_id = turn.next_call_id()
    shown = {key: value for key, value in proposal.arguments.items() if key not in IDENTITY_FIELDS}
    arguments = escape_tags(orjson.dumps(shown).decode())
    text = turn.bounded_result(waiting_answer(proposal))
    turn.messages += [
        requested_note(),
        assistant_calls("", [(call_id, proposal.action, arguments)]),
        tool_message(call_id, proposal.action, text),
    ]
    turn.log.emit(*tool_call(call_id, proposal.action, arguments, turn.message_id), tool_result(call_id, text))
    turn.calls.append({"name": proposal.action, "arguments": shown, "status": WAITING, "latency_ms": 0.0})
    turn.proposed = proposal
    put(turn, proposal, f"{turn.opening.message_id}.p")
