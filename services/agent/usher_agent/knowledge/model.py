"""Documents, their chunks, questions and hits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from usher_shared.contracts.knowledge import Category


@dataclass(frozen=True, slots=True)
class About:
    """What holds for a document or one record of it. No venue or event means: for all of them.

    `valid_until` is the first moment at which it is no longer true.
    """

    title: str
    category: Category
    language: str = "en"
    venue_id: str | None = None
    event_id: str | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def holds_at(self, moment: datetime) -> bool:
        begun = self.valid_from is None or self.valid_from <= moment
        return begun and (self.valid_until is None or moment < self.valid_until)


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a document under one path of headings; paragraphs are parted by an empty line."""

    about: About
    heading: tuple[str, ...]
    text: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is indexed, found and cited. `section` is the path of headings."""

    id: str
    about: About
    section: str
    text: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A source cut into chunks. `version` is a hash of all that its chunks follow from."""

    source: str
    version: str
    title: str
    chunks: Sequence[Chunk]


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for, at which moment: what does not hold then is not found."""

    text: str
    moment: datetime
    category: Category | None = None
    venue_id: str | None = None
    event_id: str | None = None
    limit: int = 4

    def admits(self, about: About) -> bool:
        """Whether a chunk about this may answer it. Every index applies it to what it found, last of all."""
        return (
            about.holds_at(self.moment)
            and (self.category is None or about.category == self.category)
            and (self.venue_id is None or about.venue_id in (None, self.venue_id))
            and (self.event_id is None or about.event_id in (None, self.event_id))
        )


@dataclass(frozen=True, slots=True)
class Hit:
    """`score` is 0 to 1; what lies under the index's floor is no hit."""

    chunk: Chunk
    source: str
    score: float


@dataclass(frozen=True, slots=True)
class Stats:
    """What an index holds. `expired` counts chunks that no longer answer anything at the moment asked about."""

    documents: int
    chunks: int
    expired: int
    by_category: dict[str, int]
    by_venue: dict[str, int]
    built_at: datetime | None
    embedded_with: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is not indexed. `is_fault`: it is of a kind that can be read, and could not be."""

    source: str
    reason: str
    is_fault: bool = False


@dataclass(slots=True)
class BuildReport:
    """What a build did, by source."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unchanged: int = 0
    chunks: int = 0
    skipped: list[Skipped] = field(default_factory=list)


def content_hash(parts: Iterable[bytes]) -> str:
    """SHA-256 in hexadecimal, each part bounded so that no two lists of parts look alike."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def chunk_id(source: str, section: str, page: int | None, text: str, ordinal: int) -> str:
    """The same for the same words at the same place, so that an unchanged chunk keeps its id over builds."""
    named = (source, section, str(page or ""), text, str(ordinal))
    return "kn-" + content_hash(part.encode() for part in named)[:10]
