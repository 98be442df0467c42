"""JSON and CSV: each record is a part; what a record says about itself (venue, end, …) holds for it alone."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import tzinfo
from typing import Any

from usher_agent.knowledge.model import About, Part
from usher_agent.knowledge.reading.about import KEYS, describe

_NAMES = ("heading", "question", "name", "item", "topic")
_TEXTS = ("text", "answer", "description")
_DEEPEST = 12
_MOST_RECORDS = 20_000


class BadRecords(ValueError):
    """No JSON or CSV that can be read; says why."""


def read_json(text: str, about: About, zone: tzinfo) -> list[Part]:
    """Records with a text, lists of them, or plain facts, nested as they like. Raises BadRecords, BadMetadata."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRecords("it is no valid JSON") from error
    parts: list[Part] = []
    for part in _walk(value, about, (), zone, 0):
        parts.append(part)
        if len(parts) > _MOST_RECORDS:
            raise BadRecords(f"it has more than {_MOST_RECORDS} records")
    return parts


def _walk(value: Any, about: About, heading: tuple[str, ...], zone: tzinfo, depth: int) -> Iterator[Part]:
    if depth > _DEEPEST:
        raise BadRecords(f"it is nested more than {_DEEPEST} deep")
    if isinstance(value, list):
        if all(not isinstance(item, (dict, list)) for item in value):
            yield from _part(about, heading, "\n".join(filter(None, map(_said, value))))
        else:
            for item in value:
                yield from _walk(item, about, heading, zone, depth + 1)
    elif isinstance(value, Mapping):
        yield from _record(value, about, heading, zone, depth)
    else:
        yield from _part(about, heading, _said(value))


def _record(
    record: Mapping[str, Any], about: About, heading: tuple[str, ...], zone: tzinfo, depth: int
) -> Iterator[Part]:
    own = {key: record[key] for key in KEYS if key in record}
    about = describe(about, own, zone)
    named = next((key for key in _NAMES if isinstance(record.get(key), str) and record[key].strip()), None)
    if named:
        heading = (*heading, record[named].strip())
    facts = []
    for key, value in record.items():
        if key in KEYS or key == named or isinstance(value, Mapping) or _is_nested(value):
            continue
        said = ", ".join(filter(None, map(_said, value))) if isinstance(value, list) else _said(value)
        if said:
            facts.append(said if key in _TEXTS else f"{_words(key)}: {said}{'' if said[-1] in '.!?' else '.'}")
    yield from _part(about, heading, "\n".join(facts))
    for key, value in record.items():
        if key not in KEYS and (isinstance(value, Mapping) or _is_nested(value)):
            below = heading if key in ("sections", "documents", "records", "items") else (*heading, _words(key))
            yield from _walk(value, about, below, zone, depth + 1)


def _is_nested(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value)


def read_csv(text: str, about: About, zone: tzinfo) -> list[Part]:
    """Rows below a header, parted by commas, semicolons or tabs. Raises BadRecords, BadMetadata."""
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter, strict=True)
    parts: list[Part] = []
    try:
        for number, row in enumerate(reader):
            if number >= _MOST_RECORDS:
                raise BadRecords(f"it has more than {_MOST_RECORDS} rows")
            if None in row or None in row.values():
                raise BadRecords(f"row {number + 2} has not as many cells as the header")
            clean = {(key or "").strip().lower(): (value or "").strip() for key, value in row.items()}
            parts += _row(clean, about, zone)
    except csv.Error as error:
        raise BadRecords(f"it is no valid CSV: {error}") from error
    return parts


def _row(row: dict[str, str], about: About, zone: tzinfo) -> Iterator[Part]:
    about = describe(about, {key: value for key, value in row.items() if key in KEYS}, zone)
    facts = {key: value for key, value in row.items() if key not in KEYS and value}
    named = next((key for key in _NAMES if key in facts), next(iter(facts), None))
    if named is None:
        return
    heading = (facts.pop(named),)
    lines = [value for key, value in facts.items() if key in _TEXTS]
    told = "; ".join(f"{_words(key)}: {value}" for key, value in facts.items() if key not in _TEXTS)
    whole = " ".join([*lines, f"{heading[0]}. {told}." if told else ""]).strip()
    yield from _part(about, heading, whole or heading[0])


def _part(about: About, heading: tuple[str, ...], text: str) -> Iterator[Part]:
    if text.strip():
        yield Part(about, tuple(name[:200] for name in heading), text.strip())


def _said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value).split())


def _words(key: str) -> str:
    return " ".join(key.replace("_", " ").split())[:80]
