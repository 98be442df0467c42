"""A question about a dataset, answered by the parser or by a model; either way the query is checked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pydantic import ValidationError

from usher_inference.completions.model import Message, Prompt, TextDelta
from usher_inference.completions.ports import Engine, Models
from usher_inference.insights import charts, prompting
from usher_inference.insights.model import PROPOSAL, ModelGaveNoInsight, Proposal, ProposedChart
from usher_inference.insights.parsing.model import QuestionNotUnderstood
from usher_inference.insights.parsing.saying import explain
from usher_inference.insights.parsing.service import Parsed, parse
from usher_shared.clock import Clock
from usher_shared.contracts.insights import Dataset, Insight, InsightRequest
from usher_shared.errors import Unavailable, Unprocessable

if TYPE_CHECKING:
    from usher_shared.sql.checking import CheckedQuery

PARSER = "usher-insights"
_TRIES = 3  # the first answer of a model and two more, each told what was wrong with the one before
_ANSWER_TOKENS = 1500
_TEMPORAL = frozenset({"DATE", "TIMESTAMP", "DATETIME"})
_NUMERIC = frozenset({"INT64", "FLOAT64", "NUMERIC"})


class BadDataset(Unprocessable):
    """The dataset's metadata cannot be read."""

    code = "bad_dataset"


@dataclass(frozen=True, slots=True)
class InsightBounds:
    """Of a query: rows that it may return, joins. `deadline_seconds` is for all answers of a model together."""

    rows: int = 1000
    joins: int = 3
    deadline_seconds: float = 100.0


class Insights:
    """`model` is asked where the parser does not understand and the request names none; None: nobody is."""

    def __init__(self, models: Models, clock: Clock, version: str, model: str | None, bounds: InsightBounds) -> None:
        self._models = models
        self._clock = clock
        self._version = version
        self._model = model
        self._bounds = bounds

    @property
    def deadline_seconds(self) -> float:
        return self._bounds.deadline_seconds

    async def answer(self, request: InsightRequest) -> Insight:
        """The insight. Raises BadDataset, QuestionNotUnderstood, ModelGaveNoInsight and what engines raise."""
        dataset = _read_dataset(request)
        model = request.model
        if model in (None, PARSER):
            try:
                return await asyncio.to_thread(
                    answer_offline, request.user_query, dataset, self._today(), self._bounds, self._version
                )
            except QuestionNotUnderstood:
                if self._model is None or model == PARSER:
                    raise
                model = self._model
        assert model is not None  # noqa: S101  the parser has answered otherwise
        with self._models.lease(model, None) as served:
            return await self._ask(served.engine, request.user_query, dataset)

    def _today(self) -> date:
        return self._clock.now().date()

    async def _ask(self, engine: Engine, question: str, dataset: Dataset) -> Insight:
        bounds = self._bounds
        messages = prompting.open_conversation(question, dataset, self._today(), rows=bounds.rows, joins=bounds.joins)
        refusal = ""
        for _ in range(_TRIES):
            answer = await _complete(engine, messages)
            try:
                proposal = Proposal.model_validate_json(answer)
            except ValidationError as error:
                refusal = _first_problem(error)
            else:
                if not proposal.sql.strip():
                    raise QuestionNotUnderstood(proposal.explanation or f"{engine.model} finds no answer in this data")
                try:
                    query = await asyncio.to_thread(_check, proposal.sql, dataset, bounds)
                except Unprocessable as error:
                    refusal = error.detail
                else:
                    return Insight(
                        sql_query=query.sql,
                        visualization_config=_proposed_chart(proposal.chart, query, question),
                        explanation=proposal.explanation,
                        model_used=engine.model,
                        model_version=engine.version,
                    )
            messages = [*messages, *prompting.ask_again(answer, refusal)]
        raise ModelGaveNoInsight(f"{engine.model} wrote no query that may run: {refusal}")


def answer_offline(
    question: str, dataset: Dataset, today: date, bounds: InsightBounds | None = None, version: str = ""
) -> Insight:
    """The parser's answer. Raises QuestionNotUnderstood; QueryRefused where the bounds forbid what it would take."""
    parsed = parse(question, dataset, today)
    query = _check(parsed.written.sql, dataset, bounds or InsightBounds())
    fields = _parsed_fields(parsed, query)
    chart = charts.choose(fields, grouped=bool(parsed.plan.measures))
    return Insight(
        sql_query=query.sql,
        visualization_config=charts.draw(chart, fields, question),
        explanation=explain(parsed.plan),
        model_used=PARSER,
        model_version=version,
    )


def _check(sql: str, dataset: Dataset, bounds: InsightBounds) -> CheckedQuery:
    try:
        from usher_shared.sql.checking import Bounds, check
    except ImportError as error:
        raise Unavailable("insights need sqlglot: install usher-inference[insights]") from error
    return check(sql, dataset, Bounds(rows=bounds.rows, joins=bounds.joins))


def _read_dataset(request: InsightRequest) -> Dataset:
    try:
        return request.dataset()
    except ValidationError as error:
        raise BadDataset(f"dataset_metadata: {_first_problem(error)}") from error


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the answer'}: {first['msg']}"[:300]


async def _complete(engine: Engine, messages: list[Message]) -> str:
    """The whole text. The sampling is the release's own."""
    pieces = engine.generate(Prompt(messages=messages, json=PROPOSAL, max_tokens=_ANSWER_TOKENS))
    return "".join([piece.text async for piece in pieces if isinstance(piece, TextDelta)])


def _kind(type_: str) -> Callable[[str, str | None], charts.Field]:
    if type_ in _TEMPORAL:
        return lambda name, unit: charts.Field(name, "time", unit)
    if type_ in _NUMERIC:
        return lambda name, unit: charts.Field(name, "number", unit)
    return lambda name, unit: charts.Field(name, "category", unit)


def _parsed_fields(parsed: Parsed, query: CheckedQuery) -> list[charts.Field]:
    """The roles are known: a year or an hour that something is grouped by is a category, though it is a number."""
    fields = []
    for output, column in zip(parsed.written.outputs, query.columns, strict=True):
        if output.role == "category":
            fields.append(charts.Field(column.name, "category", output.bucket))
        elif output.role == "measure":
            fields.append(charts.Field(column.name, "number"))
        else:
            fields.append(_kind(column.type)(column.name, output.bucket))
    return fields


def _proposed_chart(proposed: ProposedChart, query: CheckedQuery, title: str) -> dict[str, object]:
    """The model's chart where its columns exist and fit; the usual one where not."""
    fields = [_kind(column.type)(column.name, None) for column in query.columns]
    named = {each.name.lower(): each for each in fields}
    x, y, color = (named.get((name or "").lower()) for name in (proposed.x, proposed.y, proposed.color))
    if x is not None and y is not None and y.kind != "number" and x.kind == "number":
        x, y = y, x  # bars that lie are drawn from the same two
    fits = (
        proposed.mark != "auto" and y is not None and y.kind == "number" and (x is not None or proposed.mark == "text")
    )
    if proposed.mark == "table":
        return charts.draw(charts.Chart("table"), fields, title)
    if fits:
        return charts.draw(charts.Chart(proposed.mark, x, y, color), fields, title)
    return charts.draw(charts.choose(fields, grouped=len(fields) <= 4), fields, title)
