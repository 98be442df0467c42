"""What is understood of one customer message: the intent and the details named in it.

Plain frozen dataclasses; nothing here reads text. A slot is None (or an empty tuple) when the message does not
speak of it. Money is integer minor units (cents), days are calendar dates in the zone of `UnderstandingContext.now`.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum


class Intent(StrEnum):
    """What the customer wants of this turn."""

    FIND = "find"
    BUY = "buy"
    HOLD = "hold"
    UPGRADE = "upgrade"
    ORDERS = "orders"
    REFUND = "refund"
    EXCHANGE = "exchange"
    RELEASE = "release"
    QUESTION = "question"
    HUMAN = "human"
    GREET = "greet"
    THANKS = "thanks"
    BYE = "bye"
    AFFIRM = "affirm"
    DENY = "deny"
    INFORM = "inform"  # details alone, mostly the answer to what was asked ("four", "on Saturday")
    OTHER = "other"


class Topic(StrEnum):
    """What a question is about; REFUND_POLICY and EXCHANGE_POLICY ask for the rule, not for the refund itself."""

    PARKING = "parking"
    POLICY = "policy"
    REFUND_POLICY = "refund_policy"
    EXCHANGE_POLICY = "exchange_policy"
    TIME = "time"
    DATE = "date"
    DOORS = "doors"
    PRICE = "price"
    FEES = "fees"
    SEATING = "seating"
    AVAILABILITY = "availability"
    ACCESSIBILITY = "accessibility"
    VENUE = "venue"
    TRANSPORT = "transport"
    BAGS = "bags"
    FOOD = "food"
    AGE = "age"
    TRANSFER = "transfer"  # passing tickets on to somebody else
    PROGRAMME = "programme"  # who plays, what it is
    DELIVERY = "delivery"
    PAYMENT = "payment"
    CAPABILITIES = "capabilities"
    OTHER = "other"


class Category(StrEnum):
    """A kind of event."""

    SPORTS = "sports"
    MUSIC = "music"
    THEATRE = "theatre"
    COMEDY = "comedy"
    DANCE = "dance"
    OPERA = "opera"
    FAMILY = "family"
    FESTIVAL = "festival"


class TimeOfDay(StrEnum):
    """A part of the day."""

    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"
    NIGHT = "night"


class Comparative(StrEnum):
    """How the customer wants the next offer to differ from the last one."""

    CHEAPER = "cheaper"
    DEARER = "dearer"
    BETTER = "better"
    CLOSER = "closer"
    FARTHER = "farther"
    LOWER = "lower"
    HIGHER = "higher"
    EARLIER = "earlier"
    LATER = "later"
    OTHER = "other"  # "something else", "anything else?"


@dataclass(frozen=True)
class DateMention:
    """A day or an inclusive range of days, and the words that named it."""

    start: date
    end: date
    surface: str

    @property
    def is_single_day(self) -> bool:
        """Whether one day was named."""
        return self.start == self.end

    def covers(self, day: date) -> bool:
        """Whether `day` lies in the range."""
        return self.start <= day <= self.end


@dataclass(frozen=True)
class CityMention:
    """A city as written and its common full name ("NYC" -> "New York")."""

    surface: str
    name: str
    known: bool = True  # False: taken from the sentence pattern alone


@dataclass(frozen=True)
class EventMention:
    """An event, artist or team. `hint` is the catalogue name it matched, else None; `score` is 0..100."""

    surface: str
    hint: str | None = None
    score: float = 0.0

    @property
    def name(self) -> str:
        """The catalogue's name where there is one, else the customer's words."""
        return self.hint or self.surface


@dataclass(frozen=True)
class ClockTime:
    """A time of day named by the clock, 24-hour ("the 8 pm show" -> 20:00)."""

    hour: int
    minute: int
    surface: str


@dataclass(frozen=True)
class CatalogueHints:
    """Names the catalogue knows; all optional, matching is fuzzy for events and exact for the rest."""

    events: tuple[str, ...] = ()
    performers: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()
    venues: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()


@dataclass(frozen=True)
class UnderstandingContext:
    """What surrounds the message.

    `now` is aware, in the customer's or venue's zone: "tonight" is its date. `last_assistant` is the text just before
    the message (what was asked or offered); `history` the (speaker, text) pairs before it, oldest first, speakers
    "user" and anything else.
    """

    now: datetime
    last_assistant: str = ""
    hints: CatalogueHints = field(default_factory=CatalogueHints)
    history: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Slots:
    """The details named in one message."""

    quantity: int | None = None
    quantity_delta: int | None = None  # "two more", "one less": relative to what was said before
    dates: tuple[DateMention, ...] = ()
    any_date: bool = False  # "any day works"
    time_of_day: TimeOfDay | None = None
    clock: ClockTime | None = None
    city: CityMention | None = None
    event: EventMention | None = None
    venue: str | None = None
    category: Category | None = None
    section: str | None = None
    section_refused: str | None = None  # "not the balcony"
    row: str | None = None
    seat_ids: tuple[str, ...] = ()  # full seat ids such as A-5-12
    seat_numbers: tuple[str, ...] = ()  # "seats 12 and 13"
    max_price_each: int | None = None  # minor units a seat
    max_price_total: int | None = None  # minor units for all seats together
    min_price_each: int | None = None
    max_price_delta: int | None = None  # minor units more, for an upgrade
    delta_per_seat: bool = False  # the difference was said to be a seat's, not the order's
    comparatives: tuple[Comparative, ...] = ()
    superlative: Comparative | None = None  # "the cheapest", "best seats": CHEAPER, BETTER, CLOSER ...
    adjacent: bool | None = None  # False: "doesn't matter", "can be split up"
    aisle: bool | None = None
    accessible: bool | None = None
    ordinal: int | None = None  # 1-based choice from the last offer; -1 is the last one
    order_id: str | None = None
    hold_id: str | None = None

    @property
    def date(self) -> DateMention | None:
        """The date to act on: the last one named, so that a correction wins."""
        return self.dates[-1] if self.dates else None


@dataclass(frozen=True)
class Understanding:
    """One message understood. `confidence` is 0..1; `topic` is set when the message asks something.

    `correction` says that the message takes back or changes what stood before ("no, four", "actually make it 3");
    `negated` that it turns something down. `also` holds weaker intents of the same message, best first
    ("thanks, can I buy two?" is BUY with THANKS in `also`).
    """

    intent: Intent
    confidence: float
    slots: Slots = field(default_factory=Slots)
    topic: Topic | None = None
    also: tuple[Intent, ...] = ()
    correction: bool = False
    negated: bool = False
