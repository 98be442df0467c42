"""Which of an event's sections a customer means: by code, by name, by a part of a name, or as general admission."""

import re
from collections.abc import Sequence

from usher_inference.playbook import phrases
from usher_shared.contracts.money import to_minor
from usher_shared.contracts.tools import EventInfo, SectionInfo

# What customers call a place without a seat, whatever the house calls it.
_GENERAL = frozenset(("standing", "standing room", "floor standing", "general admission", "ga", "pit"))
_CODE = re.compile(r"[a-z]{1,2}\d{0,3}|\d{1,3}[a-z]?", re.IGNORECASE)


def is_code(wanted: str) -> bool:
    """Whether the words are a section's own short code ("P", "F2", "104"), which the box office looks up as it is."""
    return _CODE.fullmatch(wanted) is not None and wanted.casefold() not in _GENERAL


def sections_called(info: EventInfo, wanted: str) -> list[SectionInfo]:
    """The section of that code or name, else those of the area of that name ("lower bowl"); for "standing" and its
    like the sections of general admission. Empty when the house has none such."""
    low = wanted.casefold().removeprefix("the ").removeprefix("section ").strip()
    exact = [s for s in info.sections if low in (s.section.casefold(), s.name.casefold())]
    if exact:
        return exact[:1]
    words = low.split()
    if low in _GENERAL:
        general = [section for section in info.sections if section.general_admission]
        return (
            [s for s in general if low == "floor standing" and "floor" in _words(s)] or general or _named(info, words)
        )
    return _named(info, words) or [s for s in info.sections if len(low) > 3 and low in s.name.casefold()]


def _named(info: EventInfo, words: Sequence[str]) -> list[SectionInfo]:
    return [section for section in info.sections if words and {*words} <= {*_words(section)}]


def _words(section: SectionInfo) -> list[str]:
    return re.findall(r"\w+", section.name.casefold())


def sections_named(info: EventInfo, wanted: str, max_minor: int | None) -> list[str]:
    """The section of that code or name, else the best three with free seats of those that are called so."""
    called = sections_called(info, wanted)
    fitting = [s for s in called if s.available > 0 and (max_minor is None or _least(s, info) <= max_minor)]
    return [section.section for section in sorted(fitting or called[:1], key=lambda s: -s.price.max)[:3]]


def sections_but(info: EventInfo, avoided: str, max_minor: int | None, *, cheapest: bool) -> list[str]:
    """Up to four sections with free seats outside the avoided part, the dearest or the cheapest first."""
    shunned = {section.section for section in sections_called(info, avoided)} if avoided else set()
    left = [
        section
        for section in info.sections
        if section.available > 0
        and section.section not in shunned
        and (max_minor is None or _least(section, info) <= max_minor)
    ]
    ranked = sorted(left, key=lambda section: section.price.min if cheapest else -section.price.max)
    return [section.section for section in ranked[:4]]


def _least(section: SectionInfo, info: EventInfo) -> int:
    return to_minor(section.price.min, info.currency)


def areas(info: EventInfo) -> list[str]:
    """The names of the parts of the house, without the sections' own numbers."""
    return list(dict.fromkeys(section.name.rstrip("0123456789 ") or section.name for section in info.sections))[:10]


def names(info: EventInfo) -> list[str]:
    """All that a section of the house may be called: codes, names, areas."""
    said = [word for s in info.sections for word in (s.section, s.name)] + areas(info)
    return [name for name in dict.fromkeys(said) if not re.match(r"section\b", name, re.IGNORECASE)]


def told(info: EventInfo | None, wanted: str) -> str:
    """A section as it is spoken of: "section P", "Pitch Standing", "“the terrace”"."""
    if is_code(wanted):
        return f"section {wanted}"
    called = sections_called(info, wanted) if info else []
    return called[0].name if len(called) == 1 else phrases.quoted(wanted)
