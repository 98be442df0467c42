"""What is said about a document: in its front matter, beside it, by where it lies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import PurePosixPath
from typing import Any

from usher_agent.knowledge.model import About
from usher_shared.contracts.knowledge import CATEGORIES, Category

# what a record, a front matter or a file beside may say, and what each is called here
KEYS = {
    "title": "title",
    "category": "category",
    "language": "language",
    "venue": "venue_id",
    "venue_id": "venue_id",
    "event": "event_id",
    "event_id": "event_id",
    "valid_from": "valid_from",
    "valid_until": "valid_until",
    "expires": "valid_until",
}
_LONGEST_VALUE = 200
_CALLED: dict[str, Category] = {
    **dict.fromkeys(("parking", "garage", "garages"), "parking"),
    **dict.fromkeys(("concessions", "concession", "food", "drinks", "menu", "bars"), "concessions"),
    **dict.fromkeys(("team", "teams"), "team"),
    **dict.fromkeys(("policies", "policy", "rules", "terms"), "policies"),
    **dict.fromkeys(("venue", "visit", "accessibility"), "venue"),
}
_FRONT = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)


class BadMetadata(ValueError):
    """What is said about a document makes no sense; it is not indexed, for it might be read after its end."""


def of_path(source: str) -> About:
    """`venues/<id>/…` and `events/<id>/…` are about these; a folder or file name may tell the category."""
    path = PurePosixPath(source)
    title = re.sub(r"[-_]+", " ", path.name.split(".")[0]).strip() or path.name
    about = About(title=title[:1].upper() + title[1:], category="venue")
    for name, below in zip(path.parts, path.parts[1:-1], strict=False):
        if name == "venues":
            about = replace(about, venue_id=below)
        elif name == "events":
            about = replace(about, event_id=below)
    for part in path.parts:
        for word in re.split(r"[^a-z]+", part.lower()):
            if word in _CALLED:
                about = replace(about, category=_CALLED[word])
    return about


def split_front_matter(text: str) -> tuple[dict[str, str], str]:
    """`key: value` lines between two lines of `---` at the very start, and the rest. Raises BadMetadata."""
    found = _FRONT.match(text)
    if found is None:
        return {}, text
    given: dict[str, str] = {}
    for line in found.group(1).splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, colon, value = line.partition(":")
        if not colon:
            raise BadMetadata(f"front matter: {line.strip()[:60]!r} is no `key: value`")
        given[key.strip().lower()] = value.strip().strip("\"'")
    unknown = sorted(set(given) - set(KEYS))
    if unknown:
        raise BadMetadata(f"front matter: {', '.join(unknown)[:100]} is not known; there are {', '.join(KEYS)}")
    return given, text[found.end() :]


def describe(about: About, given: Mapping[str, Any], zone: tzinfo) -> About:
    """`about` with what is given; other keys are passed over. A date ends, or begins, with its day in `zone`.

    Raises BadMetadata.
    """
    changes: dict[str, Any] = {}
    for key, name in KEYS.items():
        value = given.get(key)
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        if not isinstance(value, str):
            raise BadMetadata(f"{key} has to be text")
        text = value.strip()
        if len(text) > _LONGEST_VALUE:
            raise BadMetadata(f"{key} is longer than {_LONGEST_VALUE} characters")
        if name == "category":
            if text not in CATEGORIES:
                raise BadMetadata(f"category {text[:40]!r} is not one of {', '.join(CATEGORIES)}")
            changes[name] = text
        elif name in ("valid_from", "valid_until"):
            changes[name] = _moment(key, text, zone, end=name == "valid_until")
        else:
            changes[name] = text
    described = replace(about, **changes)
    if described.valid_from and described.valid_until and described.valid_until <= described.valid_from:
        raise BadMetadata("valid_until lies before valid_from")
    return described


def _moment(key: str, text: str, zone: tzinfo, *, end: bool) -> datetime:
    try:
        if len(text) == 10:
            day = date.fromisoformat(text) + timedelta(days=1 if end else 0)
            return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise BadMetadata(f"{key}: {text[:40]!r} is no date such as 2027-06-30") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
