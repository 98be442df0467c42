"""What is known at this point of a conversation: wishes, facts from tools, the hold, the proposal, this turn."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from usher_inference.playbook.beyond import Beyond
from usher_inference.playbook.parts import Part
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.transcript import Done, Failure, Proposed
from usher_inference.understanding import ClockTime, DateMention, TimeOfDay, Topic, Understanding
from usher_shared.contracts.tools import (
    EventInfo,
    EventSummary,
    Hold,
    Inventory,
    OrderView,
    Quote,
    SeatOffer,
    StoreCredit,
    WaitListEntry,
)

Listed = TypeVar("Listed", bound=EventSummary)


class Task(StrEnum):
    """What the customer is about."""

    NONE = "none"
    PURCHASE = "purchase"
    UPGRADE = "upgrade"
    REFUND = "refund"
    EXCHANGE = "exchange"  # until it is known which order and what instead: then a purchase that the tickets pay
    CREDIT = "credit"
    OPTIONS = "options"  # what may be done with tickets that cannot be used
    BALANCE = "balance"
    JOIN = "join"
    LEAVE = "leave"
    WAITING = "waiting"
    TAKE = "take"  # seats that the wait list brought
    PAPERS = "papers"
    ORDERS = "orders"
    RELEASE = "release"
    HUMAN = "human"


@dataclass(slots=True)
class Wish:
    """What the customer wants to buy, as said so far. Money is in minor units."""

    query: str | None = None
    date: DateMention | None = None
    time_of_day: TimeOfDay | None = None
    clock: ClockTime | None = None
    city: str | None = None
    venue: str | None = None  # beside the name of an event: where it is to be
    category: str | None = None
    browsing: bool = False  # "what's on?": a search without any criterion is what is wanted
    quantity: int | None = None
    section: str | None = None
    row: str | None = None
    avoid: str | None = None  # a section, or a part of the house, that will not do
    near: str | None = None  # the section last shown, where a row named alone is looked for first
    seat_numbers: tuple[str, ...] = ()
    seat_ids: tuple[str, ...] = ()
    each: int | None = None
    total: int | None = None
    apart_is_fine: bool = False
    accessible: bool = False
    cheapest: bool = False
    passed: frozenset[str] = frozenset()  # seats offered and turned down
    other_than: frozenset[str] = frozenset()  # events that would not do
    buying: bool = False  # asked to buy: hold without another question
    holding: bool = False  # asked to hold only
    over_is_fine: bool = False  # the total may exceed what was first said
    relative: bool = False  # `each` came of "cheaper than those", so it holds for that event only
    accepted: tuple[str, ...] = ()  # seats the customer said yes to
    repeats: bool = False  # "as last time": what the last order says fills what is not said
    keeps_credit: bool = False  # store credit is not to pay

    def seat_terms(self) -> tuple[object, ...]:
        """Whatever decides which seats suit; a hold made under other terms is stale."""
        return (
            self.quantity,
            self.section,
            self.row,
            self.avoid,
            self.seat_numbers,
            self.seat_ids,
            self.each,
            self.total,
            self.apart_is_fine,
            self.accessible,
            self.cheapest,
            self.passed,
        )

    def has_criteria(self) -> bool:
        return bool(self.query or self.date or self.city or self.category or self.browsing)

    def limit_each(self, quantity: int) -> int | None:
        """The most a seat may cost, in minor units."""
        limits = [limit for limit in (self.each, self.total // quantity if self.total else None) if limit is not None]
        return min(limits) if limits else None


@dataclass(slots=True)
class Turn:
    """The customer's newest message and what was done about it since."""

    text: str = ""
    heard: Understanding | None = None
    topic: Topic | None = None  # what is asked, now or before the playbook asked back
    question: str = ""  # the words it was asked in
    beyond: Beyond | None = None  # no flow can serve the message
    asked: Asked | None = None  # what the assistant's text before it asked
    affirmed: bool = False
    refused: bool = False
    declined: Proposed | None = None  # the proposal that this message turned down
    declined_action: str = ""
    declined_arguments: dict[str, Any] = field(default_factory=dict)
    carried_out: bool = False  # the yes of this message was carried out: its outcome is said by the agent already
    order_chosen: bool = False  # from those listed before
    order_words: str = ""  # what was said of the order in question
    exchanging: bool = False  # it speaks of an exchange
    requested: bool = False  # it asks for something beside the plain intents
    order_terms_changed: bool = False
    compared: tuple[str, str] | None = None  # events that it asks to compare, as named
    too_many: int | None = None  # seats asked for beyond what one order may have, with others held
    misheard: int = 0  # messages in a row that could not be understood, this one included
    early: bool = False  # written before the open proposal was shown
    lost_hold: bool = False  # the hold had run out when the message came
    seat_terms_changed: bool = False
    gives_back: bool = False  # "cancel it", said of an order
    renamed: bool = False  # words that answer no question are taken for another event's name
    unsure_what: bool = False  # "the other one": of the seats or of the events
    alone: bool = False  # no colleague took the message over
    answered: bool = False  # a text followed it: the turn is over
    done: list[Done] = field(default_factory=list)

    def failures(self, tool: str) -> list[Failure]:
        return [step.result for step in self.done if step.tool == tool and isinstance(step.result, Failure)]

    def tried(self, tool: str, arguments: dict[str, Any]) -> Failure | None:
        """The failure of exactly this call in this turn."""
        key = call_key(arguments)
        for step in self.done:
            if step.tool == tool and isinstance(step.result, Failure) and call_key(step.arguments) == key:
                return step.result
        return None


@dataclass(frozen=True, slots=True)
class Kept:
    """What is under way while a question about another event is answered."""

    focus: str
    name: str
    wish: Wish
    task: Task
    hold: Hold | None
    offer: tuple[SeatOffer, ...]
    proposal: Proposed | None
    action: str


@dataclass(slots=True)
class Dialogue:
    """The state rebuilt from the messages."""

    now: datetime
    zone: ZoneInfo
    offered_tools: frozenset[str]
    task: Task = Task.NONE
    wish: Wish = field(default_factory=Wish)
    turn: Turn = field(default_factory=Turn)
    events: dict[str, EventSummary] = field(default_factory=dict)
    infos: dict[str, EventInfo] = field(default_factory=dict)
    searches: dict[str, tuple[str, ...]] = field(default_factory=dict)
    gone: dict[str, Literal["cancelled", "past"]] = field(default_factory=dict)  # events refused since
    listed: tuple[str, ...] = ()  # events as last listed to the customer
    focus: str | None = None  # the event in question
    former: str | None = None  # the event of the last purchase, while it is open whether it is meant again
    checks: dict[str, Inventory] = field(default_factory=dict)
    most_seats: int | None = None  # in one order, as the box office said
    offer: tuple[SeatOffer, ...] = ()  # the seats that the last text offered
    hold: Hold | None = None
    hold_stale: bool = False
    proposal: Proposed | None = None
    proposal_action: str = ""
    proposal_arguments: dict[str, Any] = field(default_factory=dict)
    orders: dict[str, OrderView] = field(default_factory=dict)
    orders_listed: bool = False  # `orders` is the whole list, still true
    order_choices: tuple[str, ...] = ()  # orders as last listed to the customer
    order_focus: str | None = None
    upgrade_delta: int | None = None
    upgrade_section: str | None = None
    upgrade_any: bool = False
    order_pool: tuple[str, ...] = ()  # orders that what was said fits
    order_unknown: str = ""  # what was said of an order where none fits
    part: Part | None = None  # of an order: the seats to give back
    exchanged: str | None = None  # the order whose tickets pay for the purchase
    entries: dict[str, WaitListEntry] = field(default_factory=dict)  # of the wait list
    entries_listed: bool = False
    entry_focus: str | None = None
    credits: StoreCredit | None = None
    kept: Kept | None = None  # until the question about another event is answered
    declined_since: bool = False  # the last purchase was turned down, and nothing was wished for since
    declines: int = 0  # payments declined in a row
    trouble: str = ""  # the message after which a person was offered
    later: tuple[str, ...] = ()  # other requests of the same message, to be taken up when the first is done
    reminded: int = 0  # how often the first of them was offered
    quotes: dict[str, Quote] = field(default_factory=dict)  # what an order of a hold comes to, by the hold's id
    first_request: str = ""
    last_text: str = ""
    said: list[str] = field(default_factory=list)  # the assistant's last few texts

    @property
    def event(self) -> EventSummary | None:
        """The event in question, with all that is known of it."""
        return self.infos.get(self.focus or "") or self.events.get(self.focus or "")

    @property
    def currency(self) -> str:
        event = self.event
        return event.currency if event else "USD"

    def order_terms(self) -> tuple[object, ...]:
        """Whatever decides how an order is to be changed."""
        return (self.order_focus, self.part, self.upgrade_delta, self.upgrade_section, self.upgrade_any)

    def as_known(self, event: Listed) -> Listed:
        """The event as it was told, but for a status that a refusal has shown to be out of date."""
        status = self.gone.get(event.event_id)
        return event.model_copy(update={"status": status}) if status else event

    def lose_event(self, event_id: str, status: Literal["cancelled", "past"]) -> None:
        """The event cannot be had any more, whatever was heard of it before; its seats are not kept."""
        self.gone[event_id] = status
        if event_id in self.events:
            self.events[event_id] = self.as_known(self.events[event_id])
        if event_id in self.infos:
            self.infos[event_id] = self.as_known(self.infos[event_id])
        self.hold, self.hold_stale = None, False
        self.checks.clear()
        self.wish.accepted = ()

    def put_on_sale(self, event_id: str) -> None:
        """The event has seats again, whatever was heard of it before."""
        self.infos.pop(event_id, None)
        if event_id in self.events:
            self.events[event_id] = self.events[event_id].model_copy(update={"status": "on_sale"})
        self.checks.clear()

    def can(self, tool: str) -> bool:
        return tool in self.offered_tools


def call_key(arguments: dict[str, Any]) -> str:
    """Equal for equal arguments."""
    return json.dumps({k: v for k, v in arguments.items() if v is not None}, sort_keys=True, default=str)
