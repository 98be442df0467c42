"""Vectors of texts that are near where the texts share words."""

from __future__ import annotations

import hashlib
import math

from usher_agent.knowledge.terms import is_idle, words


def word_vector(text: str, dimensions: int = 256) -> list[float]:
    """The words of a text, hashed, with length 1; a text without words points where no other does."""
    vector = [0.0] * dimensions
    for word in words(text):
        if not is_idle(word):
            vector[1 + int.from_bytes(hashlib.sha256(word[:5].encode()).digest()[:4], "big") % (dimensions - 1)] += 1.0
    if not any(vector):
        vector[0] = 1.0
    length = math.sqrt(sum(value * value for value in vector))
    return [value / length for value in vector]
