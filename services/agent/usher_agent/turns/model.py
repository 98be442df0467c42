"""A turn in the making: what started it, what it has come to so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson

from usher_agent.boxoffice.model import Identity, ToolCall
from usher_agent.boxoffice.ports import Caller
from usher_agent.confirmations.model import Decision, Proposal
from usher_agent.conversations.model import Conversation, RunLease
from usher_agent.guardrails.untrusted import fence
from usher_agent.models.spending import Spending
from usher_agent.specialists.model import FRONT_DESK
from usher_agent.streams.log import RunLog
from usher_agent.turns.past import Past
from usher_agent.turns.prompt import Message
from usher_shared.contracts.handover import Route, SpecialistName
from usher_shared.contracts.preferences import Preferences
from usher_shared.personal import Vault

_LARGEST_RESULT = 24_000
_LARGEST_TURN = 240_000
_SMALL_RESULT = 2_000

Status = Literal["ok", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class TurnCommand:
    """What asks for a turn: the customer's message, a decision on a proposal, or (neither) unfinished business.

    `offer` is a new proposal that another program asked for, put to the customer in a conversation of its own.
    `place` names the message in the conversation's line: with one it waits for the turns before it; `in_line`: it
    was given the place, and is withdrawn when that is gone.
    """

    client_id: str
    customer_id: str
    conversation_id: str | None = None
    message: str | None = None
    decision: tuple[str, Decision] | None = None
    offer: Proposal | None = None
    payment_method_token: str | None = None
    attachments: int = 0
    card_removed: bool = False
    streaming: bool = False
    key: str | None = None
    place: str | None = None
    in_line: bool = False


@dataclass(frozen=True, slots=True)
class OpeningRules:
    """`owner` names this process; `is_running` tells whether it still works on a run of that id.

    `lease` and `place` are how long a run and a place in line count without being renewed.
    """

    owner: str
    lease: timedelta
    place: timedelta
    longest_line: int
    frame_retention: timedelta
    is_running: Callable[[str], bool]


@dataclass(slots=True)
class Opening:
    """What the opening transaction established; the lease on the conversation is held.

    `execute` is the proposal whose yes is recorded and whose outcome is not; `open` the one that waits.
    `taken_up`: another process had begun the turn.
    """

    conversation: Conversation
    run_id: str
    number: int
    message_id: str
    user_message_id: str
    started: datetime
    execute: Proposal | None = None
    open: Proposal | None = None
    recovered: bool = False
    notes: list[Message] = field(default_factory=list)
    decided: list[str] = field(default_factory=list)
    changed: list[Proposal] = field(default_factory=list)
    taken_up: bool = False
    preferences: Preferences | None = None

    @property
    def lease(self) -> RunLease:
        """The right to finish the turn, as this process has it."""
        lease = self.conversation.run
        if lease is None:
            raise RuntimeError("a turn without a lease")
        return lease


@dataclass(slots=True)
class Sources:
    """What the reply's statements rest on. `found` are passages by id, once documents were searched.

    `uncited`: the model was told already that its answer named no source.
    """

    found: dict[str, dict[str, Any]] | None = None
    uncited: bool = False
    citations: list[dict[str, Any]] = field(default_factory=list)

    def add(self, passages: Iterable[dict[str, Any]]) -> None:
        """What a search found, which may be nothing."""
        self.found = (self.found or {}) | {passage["id"]: passage for passage in passages}


@dataclass(slots=True)
class Turn:
    """The turn as it grows. `messages` are what the model sees of it later; `calls` are ToolCallViews.

    `past` is what an earlier process had come to in it. `keys` are the calls' idempotency keys, `named` counts each
    tool's calls.
    """

    command: TurnCommand
    opening: Opening
    caller: Caller
    identity: Identity
    log: RunLog
    vault: Vault = field(default_factory=Vault)  # the conversation's personal data, which texts have tokens for
    history: list[Message] = field(default_factory=list)
    digest: dict[str, Any] | None = None  # of the turns that no longer fit beside this one
    room: int = _LARGEST_TURN  # characters of tool answers that the model may get to read
    messages: list[Message] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    past: Past | None = None
    call_count: int = 0
    keys: dict[str, str] = field(default_factory=dict)
    named: dict[str, int] = field(default_factory=dict)
    result_characters: int = 0
    reply: str = ""
    preface: str = ""
    message_id: str = ""
    specialist: SpecialistName = FRONT_DESK
    passed_by: list[SpecialistName] = field(default_factory=list)  # who had this turn before, after hand-overs
    route: Route | None = None
    status: Status = "ok"
    error_code: str | None = None
    cancelled: bool = False
    doubted: bool = False  # a reply was refused by the output check once
    asks_to_keep: dict[str, Any] = field(default_factory=dict)  # preferences that need the customer's consent
    keeps_preferences: bool = False
    proposed: Proposal | None = None
    proposing: bool = False  # the step that is taken up has a proposal, which is put anew after its other calls
    holds: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    seats_touched: bool = False
    replaced: bool = False  # the turn's proposal took the place of an open one
    tickets: dict[str, str] = field(default_factory=dict)  # by support ticket: why a person has this now
    order_ids: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    executed: tuple[Proposal, dict[str, Any]] | None = None
    spending: Spending = field(default_factory=Spending)
    sources: Sources = field(default_factory=Sources)

    @property
    def conversation_id(self) -> str:
        return self.opening.conversation.id

    @property
    def lease(self) -> RunLease:
        return self.opening.lease

    @property
    def charged_nanos(self) -> int:
        """What the conversation has cost with this turn, as a budget counts it."""
        return self.opening.conversation.spent_nanos + self.spending.nanos

    @property
    def is_silent(self) -> bool:
        """A look after unfinished business that learnt nothing: no turn for the customer to see."""
        command, execute = self.command, self.opening.execute
        return (
            command.message is None
            and command.decision is None
            and command.offer is None
            and (execute is None or execute.state in ("approved", "executing"))
        )

    @property
    def is_programs(self) -> bool:
        """Whether it settles what another program asked for: nobody is talking, so there is nothing for the model."""
        decided = (p for p in self.opening.changed if p.id in self.opening.decided)
        return self.command.decision is not None and any(p.request is not None for p in decided)

    def next_call_id(self) -> str:
        """A call id of our own: models repeat theirs, and results are matched by id."""
        self.call_count += 1
        return f"call_{self.opening.number}_{self.call_count}"

    def make_call(self, name: str, arguments: str, call_id: str | None = None) -> ToolCall:
        """A call of this turn, with its idempotency key: the n-th call of that tool in that turn, in every attempt."""
        id = self.next_call_id()
        id = call_id or id
        self.named[name] = count = self.named.get(name, 0) + 1
        self.keys[id] = f"{self.conversation_id}:{self.opening.number}:{name[:64]}:{count}"
        return ToolCall(id, name, arguments)

    def idempotency_key(self, call_id: str) -> str:
        """The same for every attempt at this call of this turn, and for no other call."""
        return self.keys[call_id]

    def keep_extras(self, extras: Sequence[dict[str, Any] | None]) -> None:
        """What the model wants back with the calls of the last message, for the rest of this turn."""
        for call, extra in zip(self.messages[-1]["tool_calls"], extras, strict=True):
            if extra is not None:
                call["extra_content"] = extra

    def forget_extras(self) -> None:
        """They are large, and no later turn needs them."""
        for message in self.messages:
            for call in message.get("tool_calls", ()):
                call.pop("extra_content", None)

    def bounded_result(self, answer: dict[str, Any]) -> str:
        """A tool's answer as JSON text for the model: harmless, and short enough to be kept."""
        room = self.room - self.result_characters
        text = bounded_json(answer, max(_SMALL_RESULT, min(_LARGEST_RESULT, room)))
        self.result_characters += len(text)
        return self.vault.hide(fence(text), prose=False)


def bounded_json(answer: dict[str, Any], limit: int) -> str:
    """JSON of at most about `limit` characters: the longest lists are halved, and said to be, until it fits."""
    text = orjson.dumps(answer).decode()
    if len(text) <= limit:
        return text
    shortened = orjson.loads(text)
    while len(text) > limit:
        lists = [key for key, value in shortened.items() if isinstance(value, list) and len(value) > 1]
        if not lists:
            return orjson.dumps({"error": "answer_too_long", "detail": text[: limit // 2]}).decode()
        longest = max(lists, key=lambda key: len(orjson.dumps(shortened[key])))
        shortened[longest] = shortened[longest][: len(shortened[longest]) // 2]
        shortened["shortened"] = True
        text = orjson.dumps(shortened).decode()
    return text
