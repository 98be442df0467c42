"""The seed catalogue: four invented venues with some forty events around a day, the same for the same day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

Json = dict[str, Any]

_ARENA, _THEATRE, _CLUB, _STADIUM = "lakefront-arena", "marquee-theatre", "cellar-door", "pacific-bowl"
HOME_TIME_ZONE = "America/Chicago"  # the arena's, where something is on tonight
_LATE_HOUR = 21
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _section(id: str, name: str, rank: int, rows: Json) -> Json:
    return {"id": id, "name": name, "rank": rank, "rows": [rows]}


def _ring(first: int, count: int, name: str, rank: int, rows: Json, *, best: int) -> list[Json]:
    """Sections around a pitch; those nearest to number `best` rank first."""
    order = sorted(range(first, first + count), key=lambda number: (abs(number - best), number))
    ranks = {number: rank + place for place, number in enumerate(order)}
    return [_section(str(n), f"{name} {n}", ranks[n], rows) for n in range(first, first + count)]


def _arena() -> Json:
    floor = {"from": "1", "to": "10", "seats": 14}
    lower = {"from": "A", "to": "L", "seats": 16, "accessible": [1, 2]}
    upper = {"from": "A", "to": "N", "seats": 18}
    return {
        "id": _ARENA,
        "name": "Lakefront Arena",
        "city": "Chicago",
        "city_aliases": ["Chi", "Windy City"],
        "address": "1200 Lakefront Drive, Chicago, IL 60605",
        "time_zone": "America/Chicago",
        "facts": {
            "parking": "Garage C on Lakefront Drive, 1,800 spaces, $28; it opens three hours before the start.",
            "bags": "Bags up to 14 x 14 x 6 inches; backpacks are not allowed. Lockers cost $10 at gate 2.",
            "doors": "Doors open 90 minutes before the start.",
            "accessibility": "Wheelchair seats are on the lower bowl; lifts are at gates 1 and 4.",
            "food": "Fourteen stands and two bars; cards only. Empty water bottles may be brought.",
            "transit": "Red Line to Roosevelt, then ten minutes on foot.",
        },
        "sections": [
            *(_section(f"F{n}", f"Floor {n}", n, floor) for n in (1, 2, 3)),
            *_ring(101, 12, "Lower Bowl", 10, lower, best=106),
            *_ring(201, 12, "Upper Bowl", 30, upper, best=206),
        ],
    }


def _theatre() -> Json:
    def side(step_from: int) -> Json:
        return {"from": "A", "to": "P", "seats": {"from": step_from, "to": step_from + 22, "step": 2}}

    centre = {"from": "A", "to": "P", "seats": {"from": 101, "to": 114}}
    return {
        "id": _THEATRE,
        "name": "Marquee Theatre",
        "city": "New York",
        "city_aliases": ["NYC", "New York City", "Manhattan", "Broadway"],
        "address": "245 West 44th Street, New York, NY 10036",
        "time_zone": "America/New_York",
        "facts": {
            "parking": "No parking of its own; the 44th Street garage is opposite.",
            "bags": "Small bags only; there is a cloakroom in the lobby, free of charge.",
            "doors": "Doors open 45 minutes before the start. Latecomers are seated at a pause.",
            "accessibility": "Step-free from the street to row P of the orchestra; hearing loops at every seat.",
            "food": "Bars on every level; drinks may be ordered for the interval.",
            "age": "Children under 4 are not admitted.",
        },
        "sections": [
            {
                "id": "OC",
                "name": "Orchestra Center",
                "rank": 1,
                "rows": [
                    {"from": "A", "to": "N", "seats": {"from": 101, "to": 114}},
                    {"names": ["P"], "seats": {"from": 101, "to": 112}, "accessible": [101, 102, 111, 112]},
                ],
            },
            _section("OL", "Orchestra Left", 2, side(1)),
            _section("OR", "Orchestra Right", 3, side(2)),
            _section("MZ", "Mezzanine", 4, {**centre, "to": "H"}),
            _section("BC", "Balcony", 5, {**centre, "to": "J"}),
        ],
    }


def _club() -> Json:
    return {
        "id": _CLUB,
        "name": "The Cellar Door",
        "city": "London",
        "address": "18 Tanner Yard, London SE1 3LH",
        "time_zone": "Europe/London",
        "facts": {
            "parking": "No parking nearby; London Bridge station is eight minutes on foot.",
            "bags": "Bags larger than A4 are left at the cloakroom (£2).",
            "doors": "Doors open an hour before the start.",
            "accessibility": "A stair lift leads to the cellar; table T12 has room for two wheelchairs.",
            "food": "Small plates at the tables until 22:00.",
            "age": "18 and over after 21:00.",
        },
        "sections": [
            {
                "id": "T",
                "name": "Tables",
                "rank": 1,
                "rows": [
                    {"from": "1", "to": "11", "seats": 4},
                    {"names": ["12"], "seats": 4, "accessible": [3, 4]},
                ],
            },
            _section("S", "Stools", 2, {"from": "1", "to": "6", "seats": 12}),
            _section("G", "Gallery", 3, {"from": "A", "to": "D", "seats": 15}),
        ],
    }


def _stadium() -> Json:
    lower = {"from": "1", "to": "16", "seats": 22}
    upper = {"from": "1", "to": "14", "seats": 24}
    accessible = {"from": "1", "to": "16", "seats": 22, "accessible": [21, 22]}
    return {
        "id": _STADIUM,
        "name": "Pacific Bowl",
        "city": "Los Angeles",
        "city_aliases": ["LA"],
        "address": "3900 Harbor Boulevard, Los Angeles, CA 90021",
        "time_zone": "America/Los_Angeles",
        "facts": {
            "parking": "Lots A to F, $40 at the gate, $30 ahead; tailgating in lot F only.",
            "bags": "Clear bags up to 12 x 6 x 12 inches and small clutches.",
            "doors": "Gates open two hours before the start.",
            "accessibility": "Wheelchair seats are at the ends of the rows in sections 109 to 112.",
            "food": "Fifty stands; refillable cups.",
            "weather": "Events go ahead in rain; a delay for lightning may last up to two hours.",
        },
        "sections": [
            *_ring(101, 8, "Field Level", 5, lower, best=108),
            *_ring(109, 4, "Midfield", 1, accessible, best=110),
            *_ring(113, 4, "End Zone", 20, lower, best=113),
            *_ring(301, 16, "Upper Deck", 40, upper, best=308),
            {"id": "P", "name": "Pitch Standing", "rank": 15, "capacity": 6000, "accessible": 60},
        ],
    }


def _arena_prices(scale: float, *, floor: bool) -> dict[str, float]:
    prices = {str(n): float(round(110 * scale)) for n in range(101, 113)}
    prices.update({str(n): float(round(140 * scale)) for n in (105, 106, 107)})
    prices.update({str(n): float(round(45 * scale)) for n in range(201, 213)})
    if floor:
        prices.update({f"F{n}": float(round((250 - 30 * n) * scale)) for n in (1, 2, 3)})
    return prices


def _theatre_prices(scale: float) -> dict[str, float]:
    base = {"OC": 145.0, "OL": 115.0, "OR": 115.0, "MZ": 89.0, "BC": 49.5}
    return {id: round(price * scale * 2) / 2 for id, price in base.items()}


def _club_prices(scale: float) -> dict[str, float]:
    return {"T": round(32 * scale, 2), "S": round(24 * scale, 2), "G": round(18 * scale, 2)}


def _stadium_prices(scale: float, *, standing: bool) -> dict[str, float]:
    bands = ((101, 109, 95.0), (109, 113, 165.0), (113, 117, 70.0), (301, 317, 38.0))
    prices = {str(n): float(round(price * scale)) for first, end, price in bands for n in range(first, end)}
    return {**prices, "P": float(round(60 * scale))} if standing else prices


_FEES: dict[str, Json] = {
    _ARENA: {"per_ticket": 4.5, "percent": 10},
    _THEATRE: {"per_ticket": 6.0},
    _CLUB: {"percent": 8},
    _STADIUM: {"per_ticket": 3.0, "percent": 12},
}
_TAXES: dict[str, list[Json]] = {
    _CLUB: [{"name": "VAT", "percent": 20, "included": True, "on": "price_and_fees"}],
}
_POLICIES: dict[str, Json] = {
    _ARENA: {
        "refund": {"until_hours_before": 24, "fee_percent": 10},
        "upgrade": {"until_hours_before": -2},
        "exchange": {"until_hours_before": 48, "fee_percent": 5},
        "credit": {"until_hours_before": 0},
        "resale": "Tickets may be passed on to another person free of charge.",
    },
    _THEATRE: {
        "refund": {"until_hours_before": 48, "fee_percent": 0},
        "upgrade": {"until_hours_before": 2},
        "exchange": {"until_hours_before": 48, "fee_percent": 10},
        "credit": {"until_hours_before": 2, "fees_refundable": False},
    },
    _CLUB: {
        "refund": {"until_hours_before": 72, "fee_percent": 15, "fees_refundable": True},
        "upgrade": {"until_hours_before": 0},
        "exchange": "Tickets cannot be exchanged.",
    },
    _STADIUM: {
        "upgrade": {"until_hours_before": 3},
        "exchange": "Tickets cannot be exchanged.",
        "refund": {"until_hours_before": 168, "fee_percent": 20},
    },
}

# days from today, local time, id, name, category, performers, price scale, description
_Row = tuple[int, str, str, str, str, list[str], float, str]
_COMETS, _TIDE = "Chicago Comets", "Los Angeles Tide"
_EVENTS: dict[str, list[_Row]] = {
    _ARENA: [
        (-7, "19:30", "comets-stags", "Chicago Comets vs. Granite Stags", "sports", [_COMETS, "Granite Stags"], 1.0,
         "Professional basketball, regular season."),
        (0, "19:30", "comets-gulls", "Chicago Comets vs. Harbor Gulls", "sports", [_COMETS, "Harbor Gulls"], 1.0,
         "Professional basketball, regular season. Rally towels for the first 2,000 fans."),
        (1, "20:00", "neon-harbor", "Neon Harbor: Midnight Signals Tour", "concert", ["Neon Harbor", "Velvet Static"],
         1.2, "Synth pop in the round, with Velvet Static opening."),
        (3, "19:00", "comets-foxes", "Chicago Comets vs. River City Foxes", "sports", [_COMETS, "River City Foxes"],
         0.9, "Professional basketball, regular season."),
        (6, "19:30", "paper-lanterns", "The Paper Lanterns", "concert", ["The Paper Lanterns"], 1.0,
         "An evening of folk rock with strings."),
        (8, "14:00", "ice-voyage", "Ice Voyage: Under the Northern Sky", "family", ["Ice Voyage Company"], 0.6,
         "A skating show for all ages, two hours with an interval."),
        (8, "18:30", "ice-voyage-evening", "Ice Voyage: Under the Northern Sky (evening)", "family",
         ["Ice Voyage Company"], 0.6, "A skating show for all ages, two hours with an interval."),
        (12, "20:00", "iron-meridian", "Iron Meridian: Forge World Tour", "concert", ["Iron Meridian"], 1.3,
         "Heavy metal with fire. Ear protection is handed out."),
        (15, "19:30", "comets-wolves", "Chicago Comets vs. Prairie Wolves", "sports", [_COMETS, "Prairie Wolves"], 1.1,
         "Professional basketball, a local rivalry."),
        (21, "20:00", "juno-vale", "Juno Vale: Slow Weather", "concert", ["Juno Vale"], 1.4,
         "The singer's only Midwest date this season."),
        (33, "19:30", "comets-pilots", "Chicago Comets vs. Bay Pilots", "sports", [_COMETS, "Bay Pilots"], 1.0,
         "Professional basketball, regular season."),
        (47, "19:00", "brick-giants", "Monster Brick Giants Live", "family", ["Brick Giants"], 0.7,
         "Robots of bricks, twelve feet tall, race and wrestle."),
    ],
    _THEATRE: [
        (0, "19:00", "clockmaker-0", "The Clockmaker's Daughter", "theatre", ["Marquee Repertory"], 1.0,
         "A musical in two acts about a town where time stands still. 2 hours 30 minutes."),
        (1, "19:00", "glass-lighthouse-1", "The Glass Lighthouse", "theatre", ["Marquee Repertory", "Ines Moreau"], 1.1,
         "A drama of two sisters and a storm. 1 hour 50 minutes, no interval."),
        (2, "14:00", "clockmaker-2", "The Clockmaker's Daughter (matinee)", "theatre", ["Marquee Repertory"], 0.9,
         "A musical in two acts about a town where time stands still. 2 hours 30 minutes."),
        (2, "19:00", "clockmaker-2e", "The Clockmaker's Daughter", "theatre", ["Marquee Repertory"], 1.1,
         "A musical in two acts about a town where time stands still. 2 hours 30 minutes."),
        (4, "19:00", "glass-lighthouse-4", "The Glass Lighthouse", "theatre", ["Marquee Repertory", "Ines Moreau"], 1.0,
         "A drama of two sisters and a storm. 1 hour 50 minutes, no interval."),
        (7, "11:00", "moon-mice", "Moon Mice and the Cheese Comet", "family", ["Puddle Lane Puppets"], 0.4,
         "Puppets for children from 4 and their grown-ups. 55 minutes."),
        (9, "20:00", "felix-arden", "Felix Arden: Mildly Furious", "comedy", ["Felix Arden"], 0.6,
         "Stand-up about neighbours, queues and other emergencies."),
        (14, "19:00", "clockmaker-14", "The Clockmaker's Daughter", "theatre", ["Marquee Repertory"], 1.0,
         "A musical in two acts about a town where time stands still. 2 hours 30 minutes."),
        (20, "19:30", "swan-harbour", "Swan Harbour", "theatre", ["Hudson Dance Collective"], 1.2,
         "A full-length ballet with live orchestra."),
        (28, "19:00", "glass-lighthouse-28", "The Glass Lighthouse", "theatre", ["Marquee Repertory", "Ines Moreau"],
         1.0, "A drama of two sisters and a storm. 1 hour 50 minutes, no interval."),
    ],
    _CLUB: [
        (0, "20:30", "late-laughs-0", "Late Laughs with Nadia Brook", "comedy", ["Nadia Brook", "Tom Pell"], 1.0,
         "Three comedians, one host, no heckling."),
        (1, "21:00", "blue-ledger", "The Blue Ledger Quartet", "concert", ["The Blue Ledger Quartet"], 1.1,
         "Late jazz by candle light."),
        (3, "20:00", "secret-sparrow", "Secret Sparrow (album launch)", "concert", ["Secret Sparrow"], 1.4,
         "The new album, played once from start to end."),
        (5, "20:30", "improv-cellar", "Improv in the Cellar", "comedy", ["The Understudies"], 0.8,
         "Scenes made up from what the audience shouts."),
        (7, "20:30", "late-laughs-7", "Late Laughs with Nadia Brook", "comedy", ["Nadia Brook", "Ravi Oyelaran"], 1.0,
         "Three comedians, one host, no heckling."),
        (10, "20:00", "marigold-line", "The Marigold Line", "concert", ["The Marigold Line"], 1.0,
         "Soul and rhythm with a seven-piece band."),
        (13, "15:00", "story-cellar", "Story Cellar for Small People", "family", ["Aunt Wren"], 0.5,
         "Stories with shadow figures for children from 5."),
        (24, "20:30", "late-laughs-24", "Late Laughs with Nadia Brook", "comedy", ["Nadia Brook"], 1.0,
         "Three comedians, one host, no heckling."),
    ],
    _STADIUM: [
        (-3, "13:05", "tide-miners", "Los Angeles Tide vs. Silver Miners", "sports", [_TIDE, "Silver Miners"], 1.0,
         "Professional football, league match."),
        (2, "17:15", "tide-redhawks", "Los Angeles Tide vs. Desert Red Hawks", "sports", [_TIDE, "Desert Red Hawks"],
         1.0, "Professional football, league match."),
        (5, "19:00", "solar-parade", "Solar Parade Stadium Tour", "concert", ["Solar Parade", "Kid Cobalt"], 1.5,
         "Two hours of pop on a stage 60 metres wide; Kid Cobalt opens."),
        (9, "13:05", "tide-bisons", "Los Angeles Tide vs. Plains Bisons", "sports", [_TIDE, "Plains Bisons"], 0.9,
         "Professional football, league match."),
        (16, "13:05", "tide-harriers", "Los Angeles Tide vs. Northern Harriers", "sports", [_TIDE, "Northern Harriers"],
         1.2, "Professional football, a rivalry since 1974."),
        (19, "18:00", "lantern-festival", "Lantern Night Festival", "family", ["Lantern Makers of the Bay"], 0.5,
         "Ten thousand lanterns, music and food from noon to night."),
        (26, "19:00", "echo-canyon", "Echo Canyon: Farewell Tour", "concert", ["Echo Canyon"], 1.6,
         "The last West Coast night of a forty-year run."),
        (30, "13:05", "tide-comrades", "Los Angeles Tide vs. Union Comrades", "sports", [_TIDE, "Union Comrades"], 1.0,
         "Professional football, cup quarter-final."),
        (40, "10:00", "motor-rodeo", "Motor Rodeo", "sports", ["Motor Rodeo Riders"], 0.6,
         "Trucks, jumps and mud."),
        (60, "13:05", "tide-stags", "Los Angeles Tide vs. Granite Stags FC", "sports", [_TIDE, "Granite Stags FC"], 1.0,
         "Professional football, league match."),
    ],
}  # fmt: skip

# nearly sold out: a pair and a single seat are left
_GLASS_LIGHTHOUSE_BLOCKED = [
    "OC",
    "OL",
    "OR",
    *(f"MZ-{row}" for row in _LETTERS[:8] if row != "C"),
    "MZ-C-101..106",
    "MZ-C-109..114",
    *(f"BC-{row}" for row in _LETTERS[:10] if row != "F"),
    "BC-F-101..103",
    "BC-F-105..114",
]
_BLOCKED: dict[str, list[str]] = {
    "glass-lighthouse-1": _GLASS_LIGHTHOUSE_BLOCKED,
    "secret-sparrow": ["T", "S", "G"],  # sold out
    "neon-harbor": ["F1", "F2", "101", "102", "105", "106", "107", "111", "112"],
    "comets-gulls": ["101-A", "106-A", "106-B", "107-A", "112"],
}
_CANCELLED = {"motor-rodeo"}
_STANDING = {"lantern-festival", "echo-canyon"}  # general admission on the stadium's pitch


def _prices(venue: str, id: str, category: str, scale: float) -> dict[str, float]:
    if venue == _ARENA:
        return _arena_prices(scale, floor=category == "concert")
    if venue == _THEATRE:
        return _theatre_prices(scale)
    return _club_prices(scale) if venue == _CLUB else _stadium_prices(scale, standing=id in _STANDING)


def _event(venue: str, row: _Row, today: date, hour: int) -> Json:
    days, time, id, name, category, performers, scale, description = row
    # the arena's evening is still on when somebody looks late: it began within this hour
    late = f"{hour:02}:00" if venue == _ARENA and days == 0 and hour >= _LATE_HOUR else None
    return {
        "id": id,
        "name": name,
        "category": category,
        "performers": performers,
        "description": description,
        "venue": venue,
        "starts_at": f"{today + timedelta(days=days)}T{late or time}",
        "sales_end_hours_after_start": 2 if venue == _ARENA else 0,
        "status": "cancelled" if id in _CANCELLED else "on_sale",
        "currency": "GBP" if venue == _CLUB else "USD",
        "prices": _prices(venue, id, category, scale),
        "fees": _FEES[venue],
        "taxes": _TAXES.get(venue, []),
        "policies": _POLICIES[venue],
        "blocked": _BLOCKED.get(id, []),
    }


def seed_catalogue(today: date, hour: int = 12) -> Json:
    """A catalogue document (docs/guides/catalogue.md) with events from a week before `today` to two months after.

    `hour` is the hour at the arena: something is on tonight there at any time of day.

    Tonight there are a game in the arena, a musical and a comedy night; tomorrow's `glass-lighthouse-1` has three
    seats left, `secret-sparrow` none. Ids do not depend on the day: importing the catalogue of a later day moves the
    same events on.
    """
    return {
        "venues": [_arena(), _theatre(), _club(), _stadium()],
        "events": [_event(venue, row, today, hour) for venue, rows in _EVENTS.items() for row in rows],
    }
