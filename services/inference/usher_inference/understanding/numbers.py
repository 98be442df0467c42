"""Number words and ordinals of everyday English."""

import re

from usher_inference.understanding.lexicon import word_list

_UNITS = word_list(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_ORDINALS = word_list("first second third fourth fifth sixth seventh eighth ninth tenth")

WORDS: dict[str, int] = {word: value for value, word in enumerate(_UNITS)} | TENS
COLLECTIVES: dict[str, int] = {
    "a couple of": 2,
    "a couple": 2,
    "couple of": 2,
    "couple": 2,
    "a pair of": 2,
    "a pair": 2,
    "pair of": 2,
    "pair": 2,
    "half a dozen": 6,
    "half dozen": 6,
    "a half dozen": 6,
    "a dozen": 12,
    "dozen": 12,
}
ORDINALS: dict[str, int] = {word: value for value, word in enumerate(_ORDINALS, start=1)} | {"last": -1, "final": -1}

_unit = "|".join(_UNITS[1:10])
_SCALES = {"dozen": 12, "hundred": 100, "thousand": 1000}
_plain = rf"(?:{'|'.join(TENS)})[- ](?:{_unit})|{'|'.join(sorted(WORDS, key=len, reverse=True))}"
_scaled = rf"(?:{'|'.join(_SCALES)})"
# "a hundred", "two thousand five hundred", "one hundred and fifty", "three dozen", "a couple of hundred"
_large = (
    rf"(?:(?:(?:a\s+)?couple(?:\s+of)?|an?|{_plain}|(?<![\d.,$-])\d{{1,3}})[\s-]+{_scaled}|hundred|thousand)"
    rf"(?:[\s-]+(?:and\s+)?(?:{_scaled}|{_plain}))*"
)
_collective = "|".join(sorted(COLLECTIVES, key=len, reverse=True))

# Regular-expression sources; each is one group without a name.
NUMBER = rf"(?:\b(?:{_large})\b|(?<![\d,/:$#-])(?<!\d\.)\d{{1,3}}(?![\d,./:%-]*\d)(?!%)|\b(?:{_plain})\b)"
COUNT = rf"(?:\b(?:{_large})\b|(?<!few )(?<!several )(?:{_collective})\b(?!\s+{_scaled}\b)|{NUMBER})"
ORDINAL = rf"(?:{'|'.join(ORDINALS)}|\d{{1,2}}(?:st|nd|rd|th))"


def parse_count(words: str) -> int | None:
    """The value of a number as matched by `COUNT` ("four", "4", "two hundred", "a couple of"); None if it is none."""
    words = re.sub(r"\s+", " ", words.strip().lower())
    if words.isdigit():
        return int(words)
    if words in COLLECTIVES:
        return COLLECTIVES[words]
    if words in WORDS:
        return WORDS[words]
    if _SCALES.keys() & {*re.split(r"[\s-]+", words)}:
        return _compose(re.split(r"[\s-]+", words))
    tens, _, unit = words.replace("-", " ").partition(" ")
    if tens in TENS and unit in WORDS and WORDS[unit] < 10:
        return TENS[tens] + WORDS[unit]
    return None


def _compose(words: list[str]) -> int | None:
    """The value of "two thousand five hundred and six"; None where a word is no number."""
    whole = part = 0
    for word in words:
        if word in ("a", "an", "and", "of"):
            continue
        if word in _SCALES:
            part = max(part, 1) * _SCALES[word]
            if word == "thousand":
                whole, part = whole + part, 0
        elif word == "couple":
            part = 2
        elif word in WORDS or word.isdigit():
            part += WORDS[word] if word in WORDS else int(word)
        else:
            return None
    return whole + part


def parse_ordinal(words: str) -> int | None:
    """The place of an ordinal as matched by `ORDINAL`: "second" -> 2, "3rd" -> 3, "last" -> -1; None if it is none."""
    words = words.strip().lower()
    if words in ORDINALS:
        return ORDINALS[words]
    digits = re.match(r"\d+", words)
    return int(digits.group()) if digits else None
