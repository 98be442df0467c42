"""A proposal: an action that charges, moves or refunds, offered at one total and waiting for the customer's yes.

pending -> approved -> (executing ->) done | failed;  pending -> rejected | superseded | expired.
`approved` is written before the box office is called, with the evidence; `executing` when it was called and gave
no answer: the same confirmation id is then sent again until the outcome is known. `failed` is an end without a known
effect: refused, or unresolved.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Literal, cast

from usher_agent.boxoffice.model import UNRESOLVED
from usher_agent.consent import Action, ProposalContext, read_proposal
from usher_shared.clock import from_timestamp, to_timestamp
from usher_shared.contracts.confirmations import Confirmation, ProtectedAction, fingerprint
from usher_shared.contracts.money import format_money, to_major
from usher_shared.contracts.tools.offering import TEXT_FIELDS

PROPOSALS = "agent_proposals"

State = Literal["pending", "approved", "executing", "done", "failed", "rejected", "superseded", "expired"]
UNFINISHED = ("approved", "executing")
Decision = Literal["approve", "reject"]

_ACTIONS = {
    "create_order": Action.BUY,
    "upgrade_tickets": Action.UPGRADE,
    "refund_order": Action.REFUND,
    "exchange_order": Action.EXCHANGE,
    "credit_order": Action.CREDIT,
}


@dataclass(slots=True)
class Proposal:
    """`message_id` is the assistant's message that stated it last; `answer` the reply that its decision got.

    `request` names what another program asked for, where it was not the conversation that led here: then `outcome` is
    the tool's answer or its error, and `told` says that the program has heard of an ending without an effect.
    """

    id: str
    conversation_id: str
    customer_id: str
    client_id: str
    state: State
    action: str
    arguments: dict[str, Any]
    fingerprint: str
    quote_id: str
    total_minor: int
    currency: str
    summary: str
    policy: str
    event_name: str
    seats: list[dict[str, Any]]
    expires_at: str
    created_at: str
    updated_at: str
    message_id: str | None = None
    decision: Decision | None = None
    decided_at: str | None = None
    evidence: dict[str, str] | None = None
    error_code: str | None = None
    answer: dict[str, Any] | None = None
    request: str | None = None
    outcome: dict[str, Any] | None = None
    told: bool = False

    def to_document(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _FIELDS}

    @staticmethod
    def from_document(document: dict[str, Any]) -> Proposal:
        return Proposal(**{key: value for key, value in document.items() if key in _FIELDS})

    def move(self, state: State, now: datetime) -> None:
        self.state = state
        self.updated_at = to_timestamp(now)

    def strip(self) -> None:
        """Leave what was agreed, without anybody's words. Only for a proposal that nothing is sent for any more."""
        self.answer = None
        self.arguments = {name: value for name, value in self.arguments.items() if name not in TEXT_FIELDS}

    def has_expired(self, now: datetime) -> bool:
        return from_timestamp(self.expires_at) <= now

    def decide(self, decision: Decision, evidence: dict[str, str], now: datetime) -> None:
        """Record the customer's answer."""
        self.decision = decision
        self.evidence = evidence
        self.decided_at = to_timestamp(now)
        self.move("approved" if decision == "approve" else "rejected", now)

    @property
    def is_unresolved(self) -> bool:
        """Whether it was sent, and only a person can find out what became of it."""
        return self.state == "failed" and self.error_code == UNRESOLVED

    def view(self) -> dict[str, Any]:
        """As ConfirmationView."""
        return {
            "id": self.id,
            "action": self.action,
            "summary": self.summary,
            "total": to_major(self.total_minor, self.currency),
            "currency": self.currency,
            "policy": self.policy,
            "expires_at": self.expires_at,
        }

    def context(self) -> ProposalContext:
        """What the classifier of the customer's reply may take as restated."""
        places = {(seat.get("section"), seat.get("row")) for seat in self.seats}
        section = None
        if len(places) == 1:
            (where,) = places
            section = f"section {where[0]} row {where[1]}"
        return replace(
            read_proposal(self.summary),
            quantity=len(self.seats) or None,
            total=format_money(abs(self.total_minor), self.currency),
            event=self.event_name or None,
            section=section,
            action=_ACTIONS.get(self.action, Action.BUY),
        )

    def confirmation(self) -> Confirmation:
        """The recorded yes, for the box office. The state has to be approved or executing."""
        if self.state not in UNFINISHED or self.decided_at is None or self.evidence is None:
            raise ValueError(f"proposal {self.id} is {self.state}: there is no yes to send")
        return Confirmation(
            id=self.id,
            quote_id=self.quote_id,
            action=cast(ProtectedAction, self.action),
            fingerprint=self.fingerprint,
            total_minor=self.total_minor,
            currency=self.currency,
            customer_id=self.customer_id,
            confirmed_at=from_timestamp(self.decided_at),
            evidence="message" if self.evidence["kind"] == "message" else "endpoint",
        )


_FIELDS = frozenset(f.name for f in fields(Proposal))


def proposal_from_quote(
    id: str, quote: dict[str, Any], *, conversation_id: str, customer_id: str, client_id: str, now: datetime
) -> Proposal:
    """A pending proposal bound to the quote (tools' Quote answer). Raises KeyError, ValueError for a broken quote."""
    moment = to_timestamp(now)
    return Proposal(
        id=id,
        conversation_id=conversation_id,
        customer_id=customer_id,
        client_id=client_id,
        state="pending",
        action=quote["action"],
        arguments=quote["arguments"],
        fingerprint=fingerprint(quote["action"], quote["arguments"]),
        quote_id=quote["quote_id"],
        total_minor=int(quote["total_minor"]),
        currency=quote["currency"],
        summary=str(quote["summary"]),
        policy=str(quote["policy"]),
        event_name=str(quote.get("event_name") or ""),
        seats=list(quote.get("seats") or ()),
        expires_at=to_timestamp(from_timestamp(quote["expires_at"])),
        created_at=moment,
        updated_at=moment,
    )
