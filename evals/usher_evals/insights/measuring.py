"""Right or wrong by what the queries answer: the same rows on every made-up database, whatever the SQL looks like.

An answer is right when its rows, in the columns that the label has, are the label's: columns may be named otherwise,
stand in another order, and further ones beside them do no harm. Numbers are compared to one decimal.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from usher_evals.insights.labelled import NAMES, LabelledDataset, Split, read_labelled
from usher_evals.insights.rows import fill
from usher_shared.contracts.insights import Dataset, Insight, InsightRequest
from usher_shared.errors import UsherError

Ask = Callable[[InsightRequest], Awaitable[Insight]]
_SEEDS = (7, 8)
_MOST_PAIRINGS = 500


async def measure_insights(ask: Ask, own: Dataset, split: Split, names: Sequence[str] = NAMES) -> dict[str, Any]:
    """`right` of `n` answerable questions, `wrong` (answered otherwise), `refused`; by dataset; ms a question.

    `declined` of `unanswerable` are those questions of no dataset that were refused (asked with the split `test`).
    """
    total: Counter[str] = Counter()
    by_dataset, missed = {}, []
    spent = 0.0
    for name in names:
        labelled = read_labelled(name, own)
        with _Databases(labelled.dataset) as databases:
            found: Counter[str] = Counter()
            for each in labelled.questions:
                if each.split != split:
                    continue
                started = time.perf_counter()
                verdict = await _judge(ask, labelled, each.question, each.sql, databases)
                spent += time.perf_counter() - started
                found[verdict] += 1
                if verdict != "right":
                    missed.append({"dataset": name, "question": each.question, "verdict": verdict})
            if split == "test":
                for question in labelled.unanswerable:
                    found["unanswerable"] += 1
                    found["declined"] += await _declines(ask, labelled.request, question)
        asked = found["right"] + found["wrong"] + found["refused"]
        if asked:
            by_dataset[name] = f"{found['right']}/{asked}"
        total += found
    asked = total["right"] + total["wrong"] + total["refused"]
    return {
        "n": asked,
        "right": round(total["right"] / asked, 3),
        "wrong": total["wrong"],
        "refused": total["refused"],
        "declined": f"{total['declined']}/{total['unanswerable']}",
        "by_dataset": by_dataset,
        "ms": round(1000 * spent / asked, 1),
        "missed": missed,
    }


async def _judge(ask: Ask, labelled: LabelledDataset, question: str, sql: str, databases: _Databases) -> str:
    try:
        insight = await ask(labelled.request.model_copy(update={"user_query": question}))
    except UsherError:
        return "refused"
    return "right" if databases.agree(sql, insight.sql_query) else "wrong"


async def _declines(ask: Ask, request: InsightRequest, question: str) -> bool:
    try:
        await ask(request.model_copy(update={"user_query": question}))
    except UsherError:
        return True
    return False


class _Databases:
    """One DuckDB in memory a seed. Needs duckdb and sqlglot, which those who measure have."""

    def __init__(self, dataset: Dataset) -> None:
        import duckdb

        self._dataset = dataset
        self._connections = [duckdb.connect() for _ in _SEEDS]
        for connection, seed in zip(self._connections, _SEEDS, strict=True):
            fill(dataset, connection, seed)

    def __enter__(self) -> _Databases:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._connections:
            connection.close()

    def agree(self, label: str, answer: str) -> bool:
        """Whether both answer alike everywhere; a label that answers nothing anywhere would prove nothing."""
        import duckdb

        from usher_shared.sql.checking import Bounds, check

        bounds = Bounds(rows=10_000)
        wanted = check(label, self._dataset, bounds).duckdb("main")
        given = check(answer, self._dataset, bounds).duckdb("main")
        rows = [connection.execute(wanted).fetchall() for connection in self._connections]
        if not any(rows):
            raise ValueError(f"the label answers nothing: {label}")
        try:
            return all(
                same_rows(expected, connection.execute(given).fetchall())
                for expected, connection in zip(rows, self._connections, strict=True)
            )
        except duckdb.Error:
            return False


def same_rows(expected: Sequence[Sequence[Any]], found: Sequence[Sequence[Any]]) -> bool:
    """Whether some choice of the found columns has exactly the expected rows, in any order."""
    if len(expected) != len(found):
        return False
    if not expected:
        return True
    wanted = [[_plain(value) for value in row] for row in expected]
    given = [[_plain(value) for value in row] for row in found]
    columns = [sorted(map(repr, column)) for column in zip(*given, strict=True)]
    fitting = [
        [at for at, other in enumerate(columns) if other == sorted(map(repr, column))]
        for column in zip(*wanted, strict=True)
    ]
    rows = Counter(map(repr, wanted))
    return any(
        len(set(choice)) == len(choice) and Counter(repr([row[at] for at in choice]) for row in given) == rows
        for choice in itertools.islice(itertools.product(*fitting), _MOST_PAIRINGS)
    )


def _plain(value: Any) -> Any:
    match value:
        case bool():
            return value
        case int() | float() | Decimal():
            return round(float(value), 1)
        case datetime() if (value.hour, value.minute, value.second) == (0, 0, 0):
            return value.date().isoformat()
        case date():
            return value.isoformat()
    return value
