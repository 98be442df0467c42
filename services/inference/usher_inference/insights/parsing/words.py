"""A question as words: numbers, quoted texts, and stems that make "refunded" and "refunds" one."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<quoted>"[^"]{1,200}"|“[^”]{1,200}”|«[^»]{1,200}»|(?<!\w)'[^']{1,200}'(?!\w))
    |(?P<date>\d{4}-\d{1,2}-\d{1,2}\b)
    |(?P<money>[$€£]\ ?\d[\d,]*(?:\.\d+)?\b)
    |(?P<number>(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?![\w]))
    |(?P<sign>>=|<=|!=|<>|[<>=])
    |(?P<comma>,)
    |(?P<word>[^\W_](?:[\w]|[-'’.](?=\w))*)""",
    re.VERBOSE,
)


def listed(text: str) -> tuple[str, ...]:
    """Words written as one text, for long lists of them."""
    return tuple(text.split())


_NUMBERS = dict(
    zip(
        listed(
            """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
            twenty thirty fifty hundred dozen"""
        ),
        map(float, (*range(16), 20, 30, 50, 100, 12)),
        strict=True,
    )
)
_CURRENCIES = {"$": "USD", "€": "EUR", "£": "GBP"}
_IRREGULAR = {
    "people": "person",
    "persons": "person",
    "men": "man",
    "women": "woman",
    "bought": "buy",
    "sold": "sell",
    "spent": "spend",
    "took": "take",
    "taken": "take",
    "written": "writ",
    "wrote": "writ",
    "held": "hold",
    "gave": "giv",
    "given": "giv",
    "paid": "pay",
    "made": "mak",
    "ridden": "rid",
    "rode": "rid",
    "earnings": "earn",
    "sales": "sell",
    "sale": "sell",
    "completion": "complet",
    "status": "status",
    "statuses": "status",
    "series": "series",
    "lost": "lose",
}


@dataclass(frozen=True, slots=True)
class Word:
    """`number` is set for digits and number words, `currency` where a sign stood before it."""

    text: str
    stem: str
    quoted: bool = False
    number: float | None = None
    currency: str | None = None

    @property
    def lower(self) -> str:
        return self.text.lower()

    @property
    def capitalised(self) -> bool:
        return self.text[:1].isupper()


def split_words(text: str) -> list[Word]:
    found = []
    for match in _TOKEN.finditer(text):
        token, kind = match.group(), match.lastgroup
        if kind == "quoted":
            found.append(Word(token[1:-1].strip(), "", quoted=True))
        elif kind == "money":
            number = float(token[1:].replace(",", ""))
            found.append(Word(token, "", number=number, currency=_CURRENCIES[token[0]]))
        elif kind == "number":
            found.append(Word(token, token, number=float(token.rstrip(",").replace(",", ""))))
        elif kind == "word":
            plain = re.sub(r"['’]s?$", "", token.removesuffix("."))
            found.append(Word(plain, stem(plain), number=_NUMBERS.get(plain.lower())))
        else:
            found.append(Word(token, token))
    return found


def split_name(name: str) -> list[str]:
    """The words of an identifier: `startStation_id` -> start, station, id."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return [part for part in re.split(r"[_\W]+", spaced.lower()) if part]


def stem(word: str) -> str:
    """Crude and alike on both sides: plural, past, -ing, -ful and a final e go."""
    lower = word.lower()
    if lower in _IRREGULAR:
        return _IRREGULAR[lower]
    if lower.endswith("ies") and len(lower) > 4:
        lower = lower[:-3] + "y"
    elif re.search(r"(?:ss|ch|sh|x|z)es$", lower):
        lower = lower[:-2]
    elif lower.endswith("s") and not lower.endswith(("ss", "us", "is")) and len(lower) > 3:
        lower = lower[:-1]
    for ending in ("ing", "ed", "ful"):
        if lower.endswith(ending) and len(lower) > len(ending) + 2:
            lower = lower[: -len(ending)]
            if len(lower) > 3 and lower[-1] == lower[-2] and lower[-1] not in "s":
                lower = lower[:-1]
            break
    return lower[:-1] if lower.endswith("e") and len(lower) > 3 else lower
