"""Cutting a part into chunks: whole sentences, about CHUNK characters, the last sentence repeated in the next one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from usher_agent.knowledge.model import Chunk, Part, chunk_id

CHUNK = 600  # characters, at most but for a longer word
OVERLAP = 150  # characters of the sentence before, at most, that a follow-up chunk begins with

_END = re.compile(r"[.!?…]+[\"'”’)\]]*\s+(?=[\"'“‘(\[]?[A-Z0-9ÀÖÜÉ£$€])")
_ABBREVIATED = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|st|no|vs|approx|incl|min|max|tel|dept|jr|sr|e\.g|i\.e|a\.m|p\.m)|\b[A-Z])\.$", re.IGNORECASE
)
_HEADINGS = " > "
_ENDED = ".!?…:;,\"'”’)]"


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph; a line that is an item of a list is one of its own."""
    found: list[str] = []
    for line in text.split("\n"):
        start = 0
        for end in _END.finditer(line):
            if _ABBREVIATED.search(line[start : end.end()].rstrip()):
                continue
            found.append(line[start : end.end()].strip())
            start = end.end()
        found.append(line[start:].strip())
    return [sentence for sentence in found if sentence]


def cut(source: str, parts: Sequence[Part]) -> list[Chunk]:
    """The chunks of a document, in order, each with an id of its own."""
    chunks: list[Chunk] = []
    seen: dict[tuple[str, int | None, str], int] = {}
    for part in parts:
        section = _HEADINGS.join(part.heading)
        for text in _pack(part.text):
            place = (section, part.page, text)
            seen[place] = seen.get(place, 0) + 1
            id = chunk_id(source, section, part.page, text, seen[place])
            chunks.append(Chunk(id, part.about, section, text, part.page))
    return chunks


def _pack(text: str) -> Iterator[str]:
    held: list[str] = []
    length = 0
    for sentence in _bounded(sentences(text)):
        if held and length + len(sentence) + 2 > CHUNK:
            yield _joined(held)
            held = [held[-1]] if len(held[-1]) <= OVERLAP and len(held[-1]) + len(sentence) < CHUNK else []
            length = sum(len(kept) + 2 for kept in held)
        held.append(sentence)
        length += len(sentence) + 2
    if held:
        yield _joined(held)


def _joined(held: Sequence[str]) -> str:
    """Sentences in a row; what has no end of its own, such as an item of a list, gets a semicolon."""
    ended = [one if one[-1] in _ENDED else f"{one};" for one in held[:-1]]
    return " ".join([*ended, held[-1]])


def _bounded(found: Sequence[str]) -> Iterator[str]:
    """Sentences as they are; one that is longer than a chunk in pieces, at spaces where there are any."""
    for sentence in found:
        rest = sentence
        while len(rest) > CHUNK:
            at = rest.rfind(" ", CHUNK // 2, CHUNK)
            at = at if at > 0 else CHUNK
            yield rest[:at].strip()
            rest = rest[at:].strip()
        if rest:
            yield rest
