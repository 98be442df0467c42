"""A conversation's documents.

`agent_conversations/{id}`: who, how far, what is open, and the running turn (a lease). `agent_turns/{id}:{n}`: one
turn each, with the messages that the model sees again; so that neither grows without bound.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

from usher_shared.clock import Clock, from_timestamp, to_timestamp
from usher_shared.contracts.handover import SpecialistName
from usher_shared.contracts.tools.offering import DEFAULT_METHOD
from usher_shared.errors import Conflict

CONVERSATIONS = "agent_conversations"
TURNS = "agent_turns"
_REMEMBERED_HOLDS = 20
_REMEMBERED_ORDERS = 100
_REMEMBERED_KEYS = 8
_REMEMBERED_TICKETS = 20


class LeaseLost(Conflict):
    """Another process took this turn over; what this one did is found again under its idempotency keys."""

    code = "conversation_busy"

    def __init__(self) -> None:
        super().__init__("another process took this turn over", retry_after_seconds=1.0)


@dataclass(slots=True)
class RunLease:
    """The turn in progress: at most one per conversation. `until` ends the right of `owner` to finish it.

    What follows `text` is what another process needs to finish it as it was begun: who asked and how, the reply's id,
    what the message was taken for at the opening. `attempts` counts the processes that took it up.
    """

    id: str
    owner: str
    until: str
    turn: int
    message_id: str
    started_at: str
    text: str | None = None
    client_id: str = ""
    streaming: bool = False
    key: str | None = None
    attachments: int = 0
    card_removed: bool = False
    reply_id: str = ""
    notes: list[str] = field(default_factory=list)
    decided: list[str] = field(default_factory=list)
    recovered: bool = False
    attempts: int = 0

    @property
    def is_resumable(self) -> bool:
        """Whether somebody can still see its end: on its stream, or by its Idempotency-Key."""
        return self.text is not None and bool(self.reply_id) and (self.streaming or self.key is not None)

    def is_held(self, stored: RunLease | None) -> bool:
        """Whether it is the lease that is stored: one that was taken over has the same id, and another holder."""
        return stored is not None and (stored.id, stored.owner, stored.attempts) == (self.id, self.owner, self.attempts)


@dataclass(slots=True)
class Place:
    """A message that waits for the turns before it. It counts until `until`; `key` is its Idempotency-Key."""

    id: str
    until: str
    key: str | None = None


@dataclass(slots=True)
class Conversation:
    """Times are RFC 3339 text. `pending` is the proposal that waits, or whose outcome is not yet known."""

    id: str
    customer_id: str
    client_id: str
    started_at: str
    updated_at: str
    status: Literal["open", "ended", "erased"] = "open"
    ended_at: str | None = None
    turns: int = 0
    last_frame: int = 0
    last_message_id: str | None = None
    pending: str | None = None
    payment_method_token: str = DEFAULT_METHOD
    holds: list[str] = field(default_factory=list)
    order_ids: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    tool_calls: int = 0
    spent_nanos: int = 0
    specialist: SpecialistName | None = None
    tickets: list[dict[str, str]] = field(default_factory=list)
    last_status: str | None = None
    last_error: str | None = None  # why the last turn failed
    model: dict[str, str] | None = None
    personal: dict[str, str] = field(default_factory=dict)  # what the tokens in its texts stand for
    keys: list[tuple[str, int]] = field(default_factory=list)
    busy: bool = False
    run: RunLease | None = None
    line: list[Place] = field(default_factory=list)
    has_preferences: bool = False  # whether there are preferences of the customer to be read at each turn
    asked: dict[str, Any] | None = None  # preferences (`values`) whose consent is asked for in `message_id`
    digest: dict[str, Any] | None = None  # what turns up to `through` came to: `facts`, a Recollection

    def to_document(self) -> dict[str, Any]:
        document = {name: getattr(self, name) for name in _FIELDS}
        document["run"] = {name: getattr(self.run, name) for name in _RUN_FIELDS} if self.run else None
        document["line"] = [asdict(place) for place in self.line]
        return document

    @staticmethod
    def from_document(document: dict[str, Any]) -> Conversation:
        known = {key: value for key, value in document.items() if key in _FIELDS}
        if known.get("run"):
            known["run"] = RunLease(**known["run"])
        if known.get("line"):
            known["line"] = [Place(**place) for place in known["line"]]
        return Conversation(**known)

    def start_run(self, run: RunLease) -> None:
        self.run = run
        self.busy = True

    def end_run(self) -> None:
        self.run = None
        self.busy = False

    def remember_hold(self, hold_id: str) -> None:
        if hold_id not in self.holds:
            self.holds = [*self.holds, hold_id][-_REMEMBERED_HOLDS:]

    def forget_hold(self, hold_id: str | None) -> None:
        self.holds = [kept for kept in self.holds if kept != hold_id]

    def remember_key(self, key: str, turn: int) -> None:
        """The request with that Idempotency-Key led to that turn."""
        self.keys = [*self.keys, (key, turn)][-_REMEMBERED_KEYS:]

    def turn_of(self, key: str) -> int | None:
        return next((turn for known, turn in self.keys if known == key), None)

    def remember_ticket(self, ticket_id: str, reason: str, at: str) -> None:
        """A person has a matter of this conversation: `ticket_id, reason, at` of the first time."""
        if all(known["ticket_id"] != ticket_id for known in self.tickets):
            self.tickets = [*self.tickets, {"ticket_id": ticket_id, "reason": reason, "at": at}][-_REMEMBERED_TICKETS:]

    def remember_order(self, order_id: str) -> None:
        if order_id not in self.order_ids:
            self.order_ids = [*self.order_ids, order_id][-_REMEMBERED_ORDERS:]


_FIELDS = frozenset(f.name for f in fields(Conversation))
_RUN_FIELDS = frozenset(f.name for f in fields(RunLease))


def new_conversation(id: str, customer_id: str, client_id: str, now: datetime) -> Conversation:
    moment = to_timestamp(now)
    return Conversation(id, customer_id, client_id, moment, moment)


def turn_document_id(conversation_id: str, number: int) -> str:
    return f"{conversation_id}:{number:06d}"


def is_next(conversation: Conversation, place_id: str | None, now: datetime) -> bool:
    """Whether nobody who still waits stands before that place (before a newcomer, when there is none)."""
    for place in conversation.line:
        if place.id == place_id:
            return True
        if from_timestamp(place.until) > now:
            return False
    return True


def lease_is_live(run: RunLease | None, clock: Clock) -> bool:
    return run is not None and from_timestamp(run.until) > clock.now()


Outcome = Literal["purchased", "upgraded", "refunded", "answered", "abandoned", "failed"]

_OUTCOMES: tuple[tuple[str, Outcome], ...] = (
    ("create_order", "purchased"),
    ("upgrade_tickets", "upgraded"),
    ("exchange_order", "upgraded"),  # the tickets were moved
    ("refund_order", "refunded"),
    ("credit_order", "refunded"),  # the tickets were given back
)


def outcome_of(conversation: Conversation) -> Outcome:
    """What came of it: a sale before all else; abandoned when something was offered or held and left."""
    for action, outcome in _OUTCOMES:
        if action in conversation.actions:
            return outcome
    if conversation.last_status == "failed":
        return "failed"
    if conversation.pending or conversation.holds or not conversation.turns:
        return "abandoned"
    return "answered"
