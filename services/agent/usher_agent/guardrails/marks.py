"""What must not pass: card numbers, and text that poses as the chat template's own marks."""

from __future__ import annotations

import re

CARD_REPLACEMENT = "[card number removed]"

# 13 to 19 digits, alone or in groups set apart by single spaces, dots or dashes
_DIGITS = re.compile(r"(?<![\d.,])\d(?:[ .\-]?\d){12,18}(?![\d])")
_TAG = re.compile(r"<(?=\|[a-zA-Z_]|/?(?:tool_call|tool_response|tools|think)\b)", re.IGNORECASE)
_LONGEST_TAG = 16


def _passes_luhn(digits: str) -> bool:
    total = 0
    for index, character in enumerate(reversed(digits)):
        value = int(character)
        if index % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def contains_card(text: str) -> bool:
    """Whether a number in the text has the length and the check digit of a payment card."""
    return any(_passes_luhn(re.sub(r"\D", "", found.group())) for found in _DIGITS.finditer(text))


def mask_cards(text: str) -> str:
    """The text with every number that passes for a payment card's replaced."""
    if sum(character.isdigit() for character in text) < 13:
        return text

    def replace(found: re.Match[str]) -> str:
        return CARD_REPLACEMENT if _passes_luhn(re.sub(r"\D", "", found.group())) else found.group()

    return _DIGITS.sub(replace, text)


def escape_tags(text: str) -> str:
    """The text with the marks of chat templates made harmless: their `<` becomes `‹`."""
    return _TAG.sub("‹", text) if "<" in text else text


def has_tags(text: str) -> bool:
    """Whether the text holds a mark of a chat template: a model's call or turn that was not understood as such."""
    return "<" in text and _TAG.search(text) is not None


def speakable_length(text: str) -> int:
    """How much of a growing text may be shown now: all before a template mark or what may become one."""
    found = _TAG.search(text)
    if found:
        return found.start()
    start = text.rfind("<", max(0, len(text) - _LONGEST_TAG))
    return len(text) if start < 0 else start
