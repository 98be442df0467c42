"""Embeddings without a model: texts are alike as far as they share words and parts of words.

Feature hashing with signs (Weinberger et al., Feature Hashing for Large Scale Multitask Learning, 2009) of words and
of their letter n-grams (Bojanowski et al., Enriching Word Vectors with Subword Information, 2017). It finds the same
thing said in nearly the same words, also misspelt or inflected; of synonyms it knows nothing.
"""

from __future__ import annotations

import asyncio
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from zlib import crc32

from usher_inference.embeddings.model import Embedded
from usher_shared.errors import InvalidRequest

_WORD = re.compile(r"\w+")
_GRAMS = (3, 4)  # letters
_GRAM_SHARE = 1.5  # what all parts of a word count together (by their squares); the whole word counts 1
_MIXER, _BITS = 0x9E3779B97F4A7C15, (1 << 64) - 1  # 2**64 by the golden ratio (Knuth's multiplicative hashing)
_LONGEST_WORD = 40  # letters; what is longer is cut
_LONGEST = 32_000  # characters of a text
_AT_ONCE = 16  # texts between two looks at who else wants to work


class LexicalEmbedder:
    """Deterministic on every machine and in every version of Python; a token is a word."""

    model = "usher-lexical"
    version = "1"
    dimensions = 1024

    async def embed(self, texts: Sequence[str]) -> Embedded:
        for text in texts:
            if len(text) > _LONGEST:
                raise InvalidRequest(f"a text is longer than {_LONGEST} characters", extra={"param": "input"})
        vectors: list[list[float]] = []
        tokens = 0
        for start in range(0, len(texts), _AT_ONCE):
            for vector, words in await asyncio.to_thread(_place_all, texts[start : start + _AT_ONCE]):
                vectors.append(vector)
                tokens += words
        return Embedded(vectors, tokens)


def _place_all(texts: Sequence[str]) -> list[tuple[list[float], int]]:
    return [_place(text) for text in texts]


def _place(text: str) -> tuple[list[float], int]:
    """The vector, and the number of words. A text without a word points into a direction of its own."""
    words = Counter(_words(text)) or Counter([text.strip()])
    vector = [0.0] * LexicalEmbedder.dimensions
    for word, count in words.items():
        often = 1.0 + math.log(count)
        for place, weight in _features(word):
            vector[place] += often * weight
    length = math.sqrt(sum(number * number for number in vector)) or 1.0
    return [number / length for number in vector], words.total()


def _words(text: str) -> Iterator[str]:
    folded = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(letter for letter in folded if not unicodedata.combining(letter))
    return (match.group()[:_LONGEST_WORD] for match in _WORD.finditer(plain))


def _features(word: str) -> Iterator[tuple[int, float]]:
    """(place, signed weight) of a word and its parts. Short words say little: most are and, the, of, to."""
    weight = min(1.0, len(word) / 5) ** 2
    yield _hashed(f"={word}", weight)
    edged = f"<{word}>"
    grams = [edged[at : at + size] for size in _GRAMS for at in range(len(edged) - size + 1)]
    for gram in grams:
        yield _hashed(gram, weight * _GRAM_SHARE / math.sqrt(len(grams)))


def _hashed(feature: str, weight: float) -> tuple[int, float]:
    number = crc32(feature.encode()) * _MIXER & _BITS  # mixed: sums of like texts are alike
    return (number >> 40) % LexicalEmbedder.dimensions, weight if number >> 63 else -weight
