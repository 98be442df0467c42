"""What a question says, before and after its words are bound to one dataset's tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from usher_inference.insights.parsing.lexicon import Meaning
from usher_inference.insights.parsing.times import Span
from usher_shared.errors import Unprocessable

Function = Literal["count", "count_distinct", "sum", "avg", "min", "max", "median", "share"]
Operator = Literal["=", "<>", "<", "<=", ">", ">=", "between", "in", "not in", "is null", "is not null"]
Bucket = Literal["hour", "day", "week", "month", "quarter", "year", "weekday", "hour of day"]


class QuestionNotUnderstood(Unprocessable):
    """The parser cannot read the question whole; the detail names what it does not understand."""

    code = "question_not_understood"


@dataclass(frozen=True, slots=True)
class Mention:
    """A phrase of the question with all that it may mean."""

    text: str
    meanings: tuple[Meaning, ...]


@dataclass(slots=True)
class Condition:
    """`operands` are texts of values or numbers; a number with `unit` is in that unit of the question."""

    mention: Mention
    operator: Operator
    operands: tuple[str | float, ...] = ()
    unit: str | None = None
    currency: str | None = None


@dataclass(slots=True)
class AskedMeasure:
    """`mention` None counts rows; `function` None is the column's usual one. A share is of rows that fulfil `of`."""

    function: Function | None
    mention: Mention | None
    of: Condition | None = None


@dataclass(slots=True)
class Ranking:
    """Order by the first measure, or by the column of `by`; `limit` None orders all."""

    descending: bool
    limit: int | None
    by: Mention | None = None
    of_rows: bool = False


@dataclass(slots=True)
class Reading:
    """`subject` is the table that was counted or listed, `hints` further tables and time columns that were named."""

    measures: list[AskedMeasure] = field(default_factory=list)
    dimensions: list[Mention] = field(default_factory=list)
    buckets: list[Bucket] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    having: tuple[Operator, tuple[float, ...]] | None = None
    spans: list[Span] = field(default_factory=list)
    ranking: Ranking | None = None
    listed: list[Mention] = field(default_factory=list)
    subject: Mention | None = None
    hints: list[Mention] = field(default_factory=list)
    lists_rows: bool = False
    over_time: bool = False
