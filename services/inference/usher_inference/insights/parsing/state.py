"""Where the reading of a question stands: its words, the place in them, and what the words before leave open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from usher_inference.insights.parsing.lexicon import Kind, Lexicon
from usher_inference.insights.parsing.model import Condition, Function, Mention, Reading
from usher_inference.insights.parsing.words import Word


@dataclass(slots=True)
class State:
    """`at` is the word that is looked at; the rules say how many words they take."""

    words: Sequence[Word]
    lexicon: Lexicon
    reading: Reading
    at: int = 0
    functions: list[Function] = field(default_factory=list)  # said, of nothing yet
    said: Function | None = None  # the function that "and" carries on
    distinct: bool = False
    grouping: bool = False  # "by …"
    ranking_by: bool = False  # "top 5 … by …"
    rank_opens: bool = False  # "top 5 …": what follows is ranked
    which: bool = False
    negated: bool = False
    comparing: bool = False
    last: Mention | None = None  # the name before, which ends at `last_end`
    last_end: int = -1
    value: Condition | None = None  # the value before, which `value_source` named
    value_source: Mention | None = None
    unknown: list[str] = field(default_factory=list)

    def lower(self, count: int, start: int | None = None) -> tuple[str, ...]:
        at = self.at if start is None else start
        return tuple(word.lower for word in self.words[at : at + count])

    def word(self, ahead: int = 0) -> Word | None:
        at = self.at + ahead
        return self.words[at] if at < len(self.words) else None

    def longest(self, table: Iterable[tuple[str, ...]], start: int) -> tuple[str, ...]:
        return max((each for each in table if self.lower(len(each), start) == each), key=len, default=())

    def number_at(self, at: int) -> Word | None:
        return self.words[at] if at < len(self.words) and self.words[at].number is not None else None

    def last_is_numeric(self) -> bool:
        return (
            self.last is not None
            and any(each.kind is Kind.COLUMN and each.weight >= 0.6 for each in self.last.meanings)
            and self.at == self.last_end
        )
