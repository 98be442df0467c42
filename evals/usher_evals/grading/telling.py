"""Whether a text says a fact."""

from __future__ import annotations

import re

from usher_evals.tasks.model import Fact

_AMOUNT = re.compile(r"(?<![\w.])[$€£]?\s?(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d{1,2}))?(?![\d])")


def says(fact: Fact, text: str) -> bool:
    """Whether all of a fact's amounts, or one of its expressions, are in the text."""
    if fact.amounts:
        return amounts_in(text) >= set(fact.amounts)
    return any(re.search(words, text, re.IGNORECASE) for words in fact.words)


def amounts_in(text: str) -> set[int]:
    """Every number of the text, read as dollars, in cents: $1,234.50, 45, 12.5."""
    found = set()
    for whole, part in _AMOUNT.findall(text):
        found.add(int(whole.replace(",", "")) * 100 + int(part.ljust(2, "0") if part else 0))
    return found
