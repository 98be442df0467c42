"""What one rush is: who comes, for what, and the catalogue that it needs."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from usher_tools.catalogue.model import Catalogue

CLUB, HALL = "rush-club", "rush-hall"
"""The two events: single seats for the buyers; one large section for the parties."""
SECTION = "S"
_CLUB_ROW, _HALL_ROW = 10, 40
_SMALLEST, _LARGEST = 2, 6


@dataclass(frozen=True, slots=True)
class Party:
    """So many people who want to sit together."""

    customer: str
    size: int
    accessible: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Times in seconds. The caps are what the box office is set to and what the sweep holds it to."""

    buyers: int = 500
    seats: int = 50
    parties: int = 100
    section_seats: int = 2000
    attackers: int = 20
    seed: int = 1
    arrival_seconds: float = 1.0
    attack_seconds: float = 75.0
    patience_seconds: float = 300.0
    max_seats_per_hold: int = 12
    max_live_holds: int = 3
    max_held_seats: int = 24
    max_hold_seconds: float = 60.0
    hold_chain_gap_seconds: float = 60.0

    def settings(self) -> dict[str, str]:
        """The box office's environment variables."""
        return {
            "USHER_TOOLS_KEEP_ROWS_WHOLE": "true",
            "USHER_TOOLS_MAX_SEATS_PER_HOLD": str(self.max_seats_per_hold),
            "USHER_TOOLS_MAX_HELD_SEATS": str(self.max_held_seats),
            "USHER_TOOLS_MAX_LIVE_HOLDS": str(self.max_live_holds),
            "USHER_TOOLS_MAX_HOLD_SECONDS": str(self.max_hold_seconds),
            "USHER_TOOLS_HOLD_CHAIN_GAP_SECONDS": str(self.hold_chain_gap_seconds),
        }

    @property
    def capacity(self) -> dict[str, int]:
        """Seats by event; the hall's in whole rows."""
        return {CLUB: self.seats, HALL: self._hall_rows * _HALL_ROW}

    @property
    def _hall_rows(self) -> int:
        return max(self.section_seats // _HALL_ROW, 2)

    def chance(self, who: str) -> random.Random:
        """The source of one customer's choices, the same for the same seed."""
        return random.Random(f"{self.seed}:{who}")

    def arrivals(self) -> list[tuple[float, str]]:
        """When each buyer comes, in order: (seconds after the start, customer)."""
        chance = self.chance("arrivals")
        return sorted((chance.uniform(0, self.arrival_seconds), f"buyer-{n}") for n in range(self.buyers))

    def groups(self) -> list[Party]:
        """The parties: of 2 to 6, every tenth in need of wheelchair seats."""
        chance = self.chance("parties")
        return [Party(f"party-{n}", chance.randint(_SMALLEST, _LARGEST), n % 10 == 0) for n in range(self.parties)]

    def catalogue(self) -> Catalogue:
        """A club of `seats` seats, and a hall of one section whose front quarter has wheelchair seats at its ends."""
        full, rest = divmod(self.seats, _CLUB_ROW)
        club = [{"from": "1", "to": str(full), "seats": _CLUB_ROW}] if full else []
        club += [{"names": [str(full + 1)], "seats": rest}] if rest else []
        rows = self._hall_rows
        front = max(rows // 4, 1)
        ends = [1, 2, 3, 4, _HALL_ROW - 3, _HALL_ROW - 2, _HALL_ROW - 1, _HALL_ROW]
        hall = [
            {"from": "1", "to": str(front), "seats": _HALL_ROW, "accessible": ends},
            {"from": str(front + 1), "to": str(rows), "seats": _HALL_ROW},
        ]
        evening = (datetime.now(UTC) + timedelta(days=7)).strftime("%Y-%m-%dT19:30")
        places = {CLUB: ("Rush Club", club), HALL: ("Rush Hall", hall)}
        return Catalogue.model_validate(
            {
                "venues": [
                    {
                        "id": f"{id}-venue",
                        "name": name,
                        "city": "Chicago",
                        "address": "1 Main Street",
                        "time_zone": "America/Chicago",
                        "sections": [{"id": SECTION, "name": "Stalls", "rows": seats}],
                    }
                    for id, (name, seats) in places.items()
                ],
                "events": [
                    {
                        "id": id,
                        "name": f"On-sale morning at the {name}",
                        "category": "concert",
                        "venue": f"{id}-venue",
                        "starts_at": evening,
                        "currency": "USD",
                        "prices": {SECTION: 80},
                        "fees": {"per_ticket": 2.5, "percent": 10},
                    }
                    for id, (name, _) in places.items()
                ],
            }
        )


ON_FIRESTORE = Plan(buyers=30, seats=6, parties=8, section_seats=400, attackers=2, attack_seconds=10.0)
"""What the emulator bears, where every conflict between processes takes seconds."""
