"""Levels of availability, and what was last announced of them."""

from __future__ import annotations

from pydantic import Field

from usher_shared.events.catalogue import AvailabilityLevel, SectionAvailability
from usher_tools.events.model import Stored

_FEW = 10  # a tenth of the capacity


def level_of(available: int, capacity: int) -> AvailabilityLevel:
    if available <= 0:
        return "sold_out"
    return "few" if available * _FEW <= capacity else "available"


class Announced(Stored):
    """Collection `availability`, id = the event's: the levels that listeners know of."""

    level: AvailabilityLevel = "available"
    sections: dict[str, AvailabilityLevel] = Field(default_factory=dict)


def announced(total: AvailabilityLevel, sections: list[SectionAvailability]) -> Announced:
    return Announced(level=total, sections={section.section: section.level for section in sections})
