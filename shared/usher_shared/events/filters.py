"""Subscription filters: the part of Pub/Sub's filter syntax that the topology uses.

Conditions `attributes.KEY = "VALUE"`, `attributes.KEY != "VALUE"` and `hasPrefix(attributes.KEY, "VALUE")`, joined by
AND (https://cloud.google.com/pubsub/docs/subscription-message-filter). Subscribers check them too: not every bus does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

_KEY = r"attributes\.(?P<{name}>[A-Za-z_][A-Za-z0-9_-]*)"
_VALUE = r'"(?P<{name}>[^"\\]*)"'
_CONDITION = re.compile(
    rf"{_KEY.format(name='key')}\s*(?P<operator>!?=)\s*{_VALUE.format(name='value')}"
    rf"|hasPrefix\(\s*{_KEY.format(name='prefixed')}\s*,\s*{_VALUE.format(name='prefix')}\s*\)"
)


@lru_cache
def _parse(filter: str) -> tuple[tuple[str, str, str], ...]:
    """(key, operator, value) of each condition. Raises ValueError for what lies outside the part we know."""
    conditions = []
    for text in filter.split(" AND ") if filter else ():
        found = _CONDITION.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"not a filter that subscribers can check: {filter!r}")
        if found["key"] is not None:
            conditions.append((found["key"], found["operator"], found["value"]))
        else:
            conditions.append((found["prefixed"], "prefix", found["prefix"]))
    return tuple(conditions)


def check_filter(filter: str) -> str:
    """The filter itself. Raises ValueError if `matches` could not tell what it lets through."""
    _parse(filter)
    return filter


def matches(filter: str, attributes: Mapping[str, str]) -> bool:
    """Whether a message with these attributes passes; an empty filter lets everything through."""
    return all(_holds(attributes.get(key), operator, value) for key, operator, value in _parse(filter))


def _holds(actual: str | None, operator: str, value: str) -> bool:
    if operator == "!=":  # also of a message without the attribute
        return actual != value
    if operator == "prefix":
        return actual is not None and actual.startswith(value)
    return actual == value
