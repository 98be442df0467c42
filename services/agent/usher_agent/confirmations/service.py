"""Deciding on a proposal, and carrying out what was approved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from usher_agent.boxoffice.model import UNRESOLVED
from usher_agent.boxoffice.ports import BoxOffice, Caller
from usher_agent.boxoffice.service import OutcomeUnknown, describe_error, send_once
from usher_agent.confirmations.model import PROPOSALS, Decision, Proposal
from usher_shared.clock import Clock
from usher_shared.documents import DocumentStore
from usher_shared.errors import Conflict, Gone, NotFound, UsherError

Result = Literal["done", "refused", "unknown", "unresolved"]


@dataclass(frozen=True, slots=True)
class Execution:
    """What came of an approved proposal; `answer` is the tool's answer or its error.

    `unknown` is asked again; `unresolved` is an end: nobody but a person finds out what became of it.
    """

    result: Result
    answer: dict[str, Any]
    code: str | None = None


async def find_proposal(store: DocumentStore, id: str, customer_id: str) -> Proposal:
    """The customer's own proposal. Raises NotFound, for another customer's too."""
    document = await store.get(PROPOSALS, id)
    if document is None or document["customer_id"] != customer_id:
        raise NotFound(f"there is no confirmation {id}", code="confirmation_not_found")
    return Proposal.from_document(document)


def check_decidable(proposal: Proposal, decision: Decision, clock: Clock) -> None:
    """Return if the decision may be recorded now. Raises Gone (expired) or Conflict (decided, superseded)."""
    if proposal.state == "pending":
        if proposal.has_expired(clock.now()):
            raise Gone("this offer has expired; nothing was charged", code="confirmation_expired")
        return
    if proposal.state == "expired":
        raise Gone("this offer has expired; nothing was charged", code="confirmation_expired")
    if proposal.decision is None:
        raise Conflict("this offer was replaced by another; nothing was charged", code="confirmation_superseded")
    if proposal.decision != decision:
        verb = "approved" if proposal.decision == "approve" else "rejected"
        raise Conflict(f"this was {verb} already", code="confirmation_decided", extra={"decision": proposal.decision})


async def execute(box: BoxOffice, proposal: Proposal, *, timeout_seconds: float) -> Execution:
    """Carry out an approved proposal. The confirmation's id is the idempotency key: however often, once."""
    caller = Caller(proposal.client_id, proposal.customer_id, proposal.conversation_id)
    try:
        answer = await send_once(
            box,
            proposal.action,
            proposal.arguments,
            caller,
            idempotency_key=proposal.id,
            confirmation=proposal.confirmation(),
            timeout_seconds=timeout_seconds,
        )
    except OutcomeUnknown as error:
        detail = "no answer yet: it is not known whether this was done; it is being checked under the same reference"
        return Execution("unknown", {"error": "status_unknown", "detail": detail}, error.cause.code)
    except UsherError as error:
        return Execution("unresolved" if error.code == UNRESOLVED else "refused", describe_error(error), error.code)
    return Execution("done", answer)
