"""Text of others on the operator's terminal: customers', a catalogue's, a model's. None of it may act there."""

from __future__ import annotations

import unicodedata

from rich.markup import escape
from rich.text import Text

_KEPT = "\n"
# what turns the order of letters around, so that a line reads as another
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: object) -> str:
    """As text without control characters, which a terminal obeys; line breaks stay."""
    return "".join(map(_cleaned, str(text)))


def marked(text: object) -> str:
    """Clean, to stand within rich's markup without being any."""
    return escape(clean(text))


def cell(text: object, style: str = "") -> Text:
    """Clean, for a table; what looks like markup is text."""
    return Text(clean(text), style)


def _cleaned(letter: str) -> str:
    if letter in _KEPT:
        return letter
    if letter == "\t":
        return " "
    return "" if letter in _TURNING or unicodedata.category(letter) in ("Cc", "Cs") else letter
