"""How well customers' own words are understood, measured on a corpus of annotated dialogues.

`intent` (find or buy) is judged on each dialogue's first annotated user turn, the slots on every user turn that
informs of them. The day of the corpus is 2019-03-01, which is how the Schema-Guided Dialogue dataset (Rastogi et al.,
2020) was written.
"""

import re
from calendar import monthrange
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

from usher_evals.corpus import Dialogue, Turn, read_dialogues

CORPUS_TODAY = date(2019, 3, 1)

Kind = Literal["intent", "tickets", "city", "date", "event"]
KINDS: tuple[Kind, ...] = ("intent", "tickets", "city", "date", "event")

_INTENTS = {"FindEvents": "find", "BuyEventTickets": "buy"}
_SLOTS: dict[str, Kind] = {
    "number_of_seats": "tickets",
    "number_of_tickets": "tickets",
    "city": "city",
    "city_of_event": "city",
    "date": "date",
    "event_name": "event",
}
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_CITIES = {
    "ny": "new york",
    "nyc": "new york",
    "new york city": "new york",
    "la": "los angeles",
    "lax": "los angeles",
    "sf": "san francisco",
    "sfo": "san francisco",
    "san fran": "san francisco",
    "sd": "san diego",
    "dc": "washington",
    "washington dc": "washington",
    "district of columbia": "washington",
    "philly": "philadelphia",
    "chi-town": "chicago",
    "atl": "atlanta",
    "vegas": "las vegas",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class CorpusCatalogue:
    """The names in the file's own search results."""

    events: tuple[str, ...]
    cities: tuple[str, ...]


@dataclass(frozen=True)
class TurnReading:
    """What was understood of one user turn; None where nothing was. `any_date`: the customer leaves the day open."""

    intent: str | None = None
    tickets: int | None = None
    city: str | None = None
    day: date | None = None
    any_date: bool = False
    event: str | None = None


UnderstandTurn = Callable[[list[tuple[str, str]], str, CorpusCatalogue, date], TurnReading]


@dataclass(frozen=True)
class Judgement:
    """One thing asked of one turn: what the annotators listed, what was understood, and whether that is right."""

    kind: Kind
    dialogue_id: str
    text: str
    listed: tuple[str, ...]
    understood: str | None
    right: bool


def measure_understanding(path: Path, understand_turn: UnderstandTurn) -> dict[str, Any]:
    """Share right of intent, tickets, city, date and event, 0..1 to four places, with how many of each under `n`.

    A kind that the file does not hold has share None. Raises CorpusError where the file cannot be read.
    """
    asked: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for judgement in judge_turns(path, understand_turn):
        asked[judgement.kind] += 1
        right[judgement.kind] += judgement.right
    shares: dict[str, Any] = {kind: round(right[kind] / asked[kind], 4) if asked[kind] else None for kind in KINDS}
    return shares | {"n": {kind: asked[kind] for kind in KINDS}}


def judge_turns(path: Path, understand_turn: UnderstandTurn) -> Iterator[Judgement]:
    """Every judgement of a corpus file, in file order. Raises CorpusError where the file cannot be read."""
    dialogues = list(read_dialogues(path))
    catalogue = read_catalogue(dialogues)
    for dialogue in dialogues:
        yield from _judge_dialogue(dialogue, catalogue, understand_turn)


def read_catalogue(dialogues: Iterable[Dialogue]) -> CorpusCatalogue:
    """The event and city names of all search results, each once, in order of appearance."""
    events: dict[str, None] = {}
    cities: dict[str, None] = {}
    for dialogue in dialogues:
        for turn in dialogue.turns:
            for result in turn.results:
                for key, names in (("event_name", events), ("city", cities), ("city_of_event", cities)):
                    if result.get(key):
                        names.setdefault(result[key])
    return CorpusCatalogue(tuple(events), tuple(cities))


def _judge_dialogue(
    dialogue: Dialogue, catalogue: CorpusCatalogue, understand_turn: UnderstandTurn
) -> Iterator[Judgement]:
    history: list[tuple[str, str]] = []
    seen_first = False
    for turn in dialogue.turns:
        if turn.speaker == "user" and turn.acts:
            wanted = dict(_listed_slots(turn))
            if not seen_first and turn.intent in _INTENTS:
                wanted["intent"] = (_INTENTS[turn.intent],)
            seen_first = True
            if wanted:
                reading = understand_turn(list(history), turn.text, catalogue, CORPUS_TODAY)
                for kind, listed in wanted.items():
                    found = _understood(reading, kind)
                    matches = any(_same(kind, value, reading) for value in listed)
                    yield Judgement(kind, dialogue.dialogue_id, turn.text, listed, found, matches)
        history.append((turn.speaker, turn.text))


def _listed_slots(turn: Turn) -> Iterator[tuple[Kind, tuple[str, ...]]]:
    for act in turn.acts:
        if act.name == "INFORM" and act.slot in _SLOTS:
            yield _SLOTS[act.slot], act.values


def _understood(reading: TurnReading, kind: Kind) -> str | None:
    if kind == "date" and reading.day is None and reading.any_date:
        return "dontcare"
    value = reading.day if kind == "date" else getattr(reading, kind)
    return None if value is None else str(value)


def _same(kind: Kind, listed: str, reading: TurnReading) -> bool:
    found = _understood(reading, kind)
    if found is None:
        return False
    if kind == "date":
        day = resolve_date(listed, CORPUS_TODAY)
        return found == (day.isoformat() if day else _plain(listed))
    if kind == "city":
        return _city(found) == _city(listed)
    if kind == "tickets":
        return _number(found) == _number(listed)
    return _plain(found) == _plain(listed)


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def _number(text: str) -> str:
    plain = _plain(text)
    return str(_NUMBERS.index(plain)) if plain in _NUMBERS else plain


def _city(text: str) -> str:
    """A city without its state or country, short forms spelt out."""
    plain = _plain(text).replace(".", "")
    name = re.sub(r",.*$|\s+(?:az|bc|ca|ga|or|wa|uk)$", "", plain)
    return _CITIES.get(plain, _CITIES.get(name, name))


def resolve_date(text: str, today: date) -> date | None:
    """The day that an annotated date names, weeks running from Monday; None for a form the corpus does not use."""
    plain = _plain(text).removeprefix("on ").removeprefix("the ")
    near = {"today": 0, "later today": 0, "tonight": 0, "tomorrow": 1, "day after tomorrow": 2}
    if plain in near:
        return today + timedelta(days=near[plain])
    number = re.search(r"\b(\d{1,2})(?:st|nd|rd|th)?\b", plain)
    if number:
        named = re.search(rf"\b({'|'.join(_MONTHS)})", plain)
        month = _MONTHS.index(named[1]) + 1 if named else today.month
        day = int(number[1])
        return date(today.year, month, day) if 1 <= day <= monthrange(today.year, month)[1] else None
    weekday = next((index for index, name in enumerate(_DAYS) if name in plain), None)
    if weekday is None:
        return None
    monday = today - timedelta(days=today.weekday())
    return monday + timedelta(days=weekday + (7 if "next" in plain or weekday < today.weekday() else 0))
