"""Payment card numbers: refused and never stored."""

from __future__ import annotations

import re
import unicodedata

from usher_shared.personal.shape import may_pay, shape

CARD_REPLACEMENT = "[card number removed]"

_SEPARATOR = r"[ .\-_/\u00a0\u2007\u2009\u200b\u202f\u2010-\u2015]"
# 13 to 19 digits, alone or in groups set apart by one or two separators; the fractions of numbers are none
_DIGITS = re.compile(rf"(?<![\d.,])\d(?:{_SEPARATOR}{{0,2}}\d){{12,18}}(?!\d)")
_OTHER = re.compile(r"\D")


def _passes_luhn(digits: str) -> bool:
    total = 0
    for index, character in enumerate(reversed(digits)):
        value = int(character)
        if index % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def _is_card(number: str) -> bool:
    digits = _OTHER.sub("", number)
    # no card begins with 0 or 1, but for the airlines' own of 15 digits
    return digits[0] not in "0" and len(set(digits)) > 1 and _passes_luhn(digits)


def _plain_digits(text: str) -> str:
    """The digits of other scripts and full width as 0 to 9, one character for one."""
    if text.isascii():
        return text
    return "".join(
        str(unicodedata.digit(c)) if not c.isascii() and unicodedata.digit(c, None) is not None else c for c in text
    )


def contains_card(text: str) -> bool:
    """Whether a number in the text has the length and the check digit of a payment card."""
    return any(_is_card(found.group()) for found in _DIGITS.finditer(_plain_digits(text)))


def mask_cards(text: str) -> str:
    """The text with every number that passes for a payment card's replaced."""
    if text.isascii() and not may_pay(shape(text)):
        return text
    plain = _plain_digits(text)
    spans = [found.span() for found in _DIGITS.finditer(plain) if _is_card(found.group())]
    for start, end in reversed(spans):
        text = text[:start] + CARD_REPLACEMENT + text[end:]
    return text
