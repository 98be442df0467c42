"""Payment card numbers: refused and never stored."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

from usher_shared.personal.shape import may_pay, shape

CARD_REPLACEMENT = "[card number removed]"

# between the digits of a card and between its parts: spaces, dashes and dots of any script, commas, line ends
_SEPARATOR = r"[\s.,\-_/\u00a0\u2007\u2009\u200b\u202f\u2010-\u2015]"
# whatever stands together and has the digits of a card at least; an expiry date or a security code may be among them
_RUN = re.compile(rf"\d(?:{_SEPARATOR}{{0,3}}\d){{12,}}")
_GROUP = re.compile(r"\d+")
_SHORTEST, _LONGEST = 13, 19
# https://en.wikipedia.org/wiki/Payment_card_number: what the issuers' numbers begin with, by their length
_ISSUED = re.compile(
    r"4\d{12}|3(?:0[0-59]|[689]\d)\d{11}|(?:3[47]\d\d|1\d{3}|2131)\d{11}|(?:[3-6]|2[2-7]|8[12]|9792)\d*(?<=\d{16})|"
    r"(?:3[05689]|5[06-8]|6|220)\d*(?<=\d{17})|(?:4|3[05689]|5[06-8]|6|220)\d*(?<=\d{19})"
)
_USUAL = {(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 1), (4, 4, 4, 4, 3)}
_LOOSE = frozenset(".,\n\r\t")


def _passes_luhn(digits: str) -> bool:
    total = 0
    for index, character in enumerate(reversed(digits)):
        value = int(character)
        if index % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def _is_card(digits: str) -> bool:
    return _ISSUED.fullmatch(digits) is not None and len(set(digits)) > 1 and _passes_luhn(digits)


def _counts_up(parts: list[str]) -> bool:
    """Whether it is a row of numbers, such as seats side by side."""
    steps = {int(after) - int(before) for before, after in pairwise(parts)}
    return len(parts) > 2 and len(steps) == 1 and steps != {0}


def _are_set_apart(parts: list[str], *, loosely: bool) -> bool:
    """Whether somebody writes a card's digits in such groups; with dots, commas or line ends prices look alike."""
    lengths = tuple(map(len, parts))
    if lengths in _USUAL or set(lengths) == {1}:
        return True
    return not loosely and (len(set(lengths)) == 1 or min(lengths[:-1]) >= 3) and not _counts_up(parts)


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Where cards stand: groups of digits that together have a card's length, beginning and check digit."""
    for run in _RUN.finditer(text):
        groups = list(_GROUP.finditer(text, *run.span()))
        done = run.start()
        for first, group in enumerate(groups):
            if group.start() < done:
                continue
            for last in range(min(len(groups), first + _LONGEST) - 1, first - 1, -1):  # the longest first
                if _holds_card(text, groups[first : last + 1]):
                    yield group.start(), groups[last].end()
                    done = groups[last].end()
                    break


def _holds_card(text: str, groups: list[re.Match[str]]) -> bool:
    start, end = groups[0].start(), groups[-1].end()
    if end - start > 4 * _LONGEST:
        return False
    parts = [group.group() for group in groups]
    digits = "".join(parts)
    if not _SHORTEST <= len(digits) <= _LONGEST or not _is_card(digits):
        return False
    if len(parts) == 1:  # neither the fraction of a number nor a part of an id
        return not _is_fraction(text, start) and not _in_id(text, start, end)
    return _are_set_apart(parts, loosely=not _LOOSE.isdisjoint(text[start:end]))


def _is_fraction(text: str, start: int) -> bool:
    return text[start - 1 : start] == "." and text[max(0, start - 2) : start - 1].isdigit()


def _in_id(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    return before == "_" or (before.isalpha() and after.isalpha())


def _plain_digits(text: str) -> str:
    """The digits of other scripts and full width as 0 to 9, one character for one."""
    if text.isascii():
        return text
    return "".join(
        str(unicodedata.digit(c)) if not c.isascii() and unicodedata.digit(c, None) is not None else c for c in text
    )


def contains_card(text: str) -> bool:
    """Whether a number in the text has the length, the issuer and the check digit of a payment card."""
    return any(True for _ in _spans(_plain_digits(text)))


def mask_cards(text: str) -> str:
    """The text with every number that passes for a payment card's replaced."""
    if text.isascii() and not may_pay(shape(text)):
        return text
    for start, end in reversed([*_spans(_plain_digits(text))]):
        text = text[:start] + CARD_REPLACEMENT + text[end:]
    return text
