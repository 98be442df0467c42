"""Language understanding of the offline engine: what a customer message asks for and the details it names."""

from usher_inference.understanding.model import (
    CatalogueHints,
    Category,
    CityMention,
    ClockTime,
    Comparative,
    DateMention,
    EventMention,
    Intent,
    Slots,
    TimeOfDay,
    Topic,
    Understanding,
    UnderstandingContext,
)
from usher_inference.understanding.service import understand, understand_dialogue

__all__ = [
    "CatalogueHints",
    "Category",
    "CityMention",
    "ClockTime",
    "Comparative",
    "DateMention",
    "EventMention",
    "Intent",
    "Slots",
    "TimeOfDay",
    "Topic",
    "Understanding",
    "UnderstandingContext",
    "understand",
    "understand_dialogue",
]
