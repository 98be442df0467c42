"""The invented towns of the tasks: two of them, for tuning and for testing, with no name in common.

A world is a function of its split alone. What it needs of the day is filled in when the catalogue is written
(`catalogue`, format: docs/guides/catalogue.md), since sales and policies have windows.
"""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Literal
from zoneinfo import ZoneInfo

Split = Literal["tune", "test"]
SPLITS: tuple[Split, ...] = ("tune", "test")
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Section:
    """Seats `1..seats` in each of the rows `1..rows`; `id` is its letter in seat ids, rank 1 is best."""

    id: str
    name: str
    rank: int
    rows: int
    seats: int


@dataclass(frozen=True, slots=True)
class Venue:
    id: str
    name: str
    city: str
    time_zone: str
    sections: tuple[Section, ...]
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Show:
    """An event of one task. `prices` by section id in whole dollars; `callings` are what customers call it.

    It starts `days` after the catalogue's day at `time`, or `hours` from the moment the catalogue is written.
    """

    id: str
    name: str
    callings: tuple[str, ...]
    category: str
    performers: tuple[str, ...]
    venue: Venue
    days: int
    time: str
    prices: dict[str, int]
    fee_each: Decimal
    fee_percent: int
    hours: float | None = None
    description: str = ""
    policies: dict[str, Any] = field(default_factory=dict)
    blocked: tuple[str, ...] = ()
    status: str = "on_sale"
    late_sales: int = 0

    def starts(self, now: datetime) -> datetime:
        """The local start, aware. `now` is aware."""
        zone = ZoneInfo(self.venue.time_zone)
        if self.hours is not None:
            return (now + timedelta(hours=self.hours)).astimezone(zone).replace(second=0, microsecond=0)
        day: date = now.astimezone(zone).date() + timedelta(days=self.days)
        hour, minute = map(int, self.time.split(":"))
        return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)

    def section(self, name: str) -> Section:
        return next(section for section in self.venue.sections if name in (section.id, section.name))

    def ticket_minor(self, section: str) -> int:
        """What one ticket of that section costs with its fees, in cents."""
        price = Decimal(self.prices[self.section(section).id])
        fees = self.fee_each + (price * self.fee_percent / 100).quantize(_CENT, ROUND_HALF_EVEN)
        return int((price + fees) * 100)

    def price_minor(self, section: str) -> int:
        return self.prices[self.section(section).id] * 100

    def changed(self, **changes: Any) -> Show:
        return replace(self, **changes)


USUAL_POLICIES: dict[str, Any] = {
    "refund": {"until_hours_before": 24, "fee_percent": 10},
    "exchange": {"until_hours_before": 24, "fee_percent": 5},
    "credit": {"until_hours_before": 12},
    "upgrade": {"until_hours_before": 1},
}


def _pools(split: Split) -> dict[str, Any]:
    pools: dict[str, Any] = json.loads((files("usher_evals") / "data" / f"names_{split}.json").read_text("utf-8"))
    return pools


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


@cache
def venues(split: Split) -> tuple[Venue, ...]:
    """The venues of a split, each with its own figures in its facts."""
    pools = _pools(split)
    found = []
    shift = 3 if split == "test" else 0
    for number, ((city, zone), hall) in enumerate(zip(pools["cities"], pools["halls"], strict=True)):
        names = pools["sections"][number % len(pools["sections"])]
        sections = tuple(
            Section("ABC"[rank], name, rank + 1, rows, seats)
            for rank, (name, rows, seats) in enumerate(zip(names, (4, 6, 5), (10, 12, 12), strict=True))
        )
        facts = {
            "parking": f"Lot {11 + shift + number}, behind the hall, ${9 + shift + number} an evening.",
            "bags": f"Bags up to {20 + shift + number} cm; larger ones cost ${4 + number} at the cloakroom.",
            "doors": f"Doors open {45 + shift + 5 * number} minutes before the start.",
            "food": f"A bar with {2 + shift + number} taps on the first floor.",
            "accessibility": f"Step-free from gate {5 + shift + number}.",
        }
        found.append(Venue(slug(f"{split}-{hall}"), hall, city, zone, sections, facts))
    return tuple(found)


def _named(split: Split) -> Iterator[tuple[str, tuple[str, ...], str, tuple[str, ...]]]:
    """(name, callings, category, performers) of shows whose names share no word, in a mixed order."""
    pools, luck = _pools(split), random.Random(f"names of {split}")
    adjectives, nouns = luck.sample(pools["adjectives"], 40), luck.sample(pools["nouns"], 40)
    bands = [f"{first} {second}" for first, second in zip(adjectives, nouns, strict=True)]
    firsts = list(itertools.islice(itertools.cycle(pools["first"]), len(pools["last"])))
    people = [f"{first} {last}" for first, last in zip(firsts, luck.sample(pools["last"], 40), strict=True)]
    words = [onset + rime for onset in pools["onsets"] for rime in pools["rimes"]]
    invented = [word.capitalize() for word in luck.sample(words, len(words))]
    titles = list(zip(luck.sample(pools["trades"], 24), itertools.cycle(pools["kin"]), strict=False))
    teams = luck.sample(pools["mascots"], 24)
    kinds: list[Iterator[tuple[str, tuple[str, ...], str, tuple[str, ...]]]] = [
        ((name, (name,), "concert", (name,)) for name in bands),
        ((f"The {trade}'s {kin}", (f"The {trade}'s {kin}",), "theatre", ()) for trade, kin in titles),
        ((name, (name,), "comedy", (name,)) for name in people),
        (
            (f"{home} vs. {away}", (f"{home} vs {away}", f"the {home} game", f"{home} against {away}"), "sports", ())
            for home, away in zip(teams[::2], teams[1::2], strict=True)
        ),
        ((word, (word,), "concert", (word,)) for word in invented),
    ]
    while kinds:
        for kind in list(kinds):
            found = next(kind, None)
            if found is None:
                kinds.remove(kind)
            else:
                yield found


class Programme:
    """Deals out shows of a split, each once; the same ones in the same order every time."""

    def __init__(self, split: Split) -> None:
        self.split = split
        self._names = _named(split)
        self._spare: list[tuple[str, tuple[str, ...], str, tuple[str, ...]]] = []
        self._venues = venues(split)
        self._luck = random.Random(f"programme of {split}")
        self._dealt = 0
        self.shows: list[Show] = []

    def deal(self, category: str | None = None, **changes: Any) -> Show:
        """A fresh show on sale in some days, with the usual policies; `changes` are fields of Show."""
        name, callings, kind, performers = self._name(category)
        luck, number = self._luck, self._dealt
        self._dealt += 1
        base = luck.randrange(30, 90)
        show = Show(
            id=f"{self.split}-{slug(name)}",
            name=name,
            callings=callings,
            category=kind,
            performers=performers,
            venue=self._venues[number % len(self._venues)],
            days=4 + number % 37,
            time=luck.choice(("18:30", "19:00", "19:30", "20:00", "20:30")),
            prices={"A": base + luck.randrange(30, 60), "B": base, "C": base - luck.randrange(8, 20)},
            fee_each=Decimal(luck.choice(("0", "2", "2.5", "4"))),
            fee_percent=luck.choice((0, 8, 10)),
            policies=dict(USUAL_POLICIES),
        )
        show = show.changed(**changes)
        self.shows.append(show)
        return show

    def _name(self, category: str | None) -> tuple[str, tuple[str, ...], str, tuple[str, ...]]:
        """The next name of that category; those passed over are dealt later."""
        for found in self._spare:
            if category in (None, found[2]):
                self._spare.remove(found)
                return found
        for found in self._names:
            if category in (None, found[2]):
                return found
            self._spare.append(found)
        raise LookupError(f"the pools of {self.split} have no more names for {category or 'a show'}")


def catalogue(shows: Sequence[Show], now: datetime) -> dict[str, Any]:
    """The catalogue document of these shows and their venues, as the box office imports it."""
    halls = {show.venue.id: show.venue for show in shows}
    return {
        "venues": [_venue(venue) for venue in halls.values()],
        "events": [_event(show, now) for show in shows],
    }


def _venue(venue: Venue) -> dict[str, Any]:
    return {
        "id": venue.id,
        "name": venue.name,
        "city": venue.city,
        "address": f"1 {venue.name} Street, {venue.city}",
        "time_zone": venue.time_zone,
        "facts": venue.facts,
        "sections": [
            {
                "id": section.id,
                "name": section.name,
                "rank": section.rank,
                "rows": [{"from": "1", "to": str(section.rows), "seats": section.seats}],
            }
            for section in venue.sections
        ],
    }


def _event(show: Show, now: datetime) -> dict[str, Any]:
    return {
        "id": show.id,
        "name": show.name,
        "category": show.category,
        "performers": list(show.performers),
        "description": show.description or f"{show.category.capitalize()} at {show.venue.name}.",
        "venue": show.venue.id,
        "starts_at": f"{show.starts(now):%Y-%m-%dT%H:%M}",
        "sales_end_hours_after_start": show.late_sales,
        "status": show.status,
        "currency": "USD",
        "prices": show.prices,
        "fees": {"per_ticket": float(show.fee_each), "percent": show.fee_percent},
        "policies": show.policies,
        "blocked": list(show.blocked),
    }
