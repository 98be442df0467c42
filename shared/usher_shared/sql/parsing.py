"""BigQuery's SQL into trees, in bounded steps.

sqlglot's parser reads again what it took for a type: `DATE(DATE(…))` and `ARRAY[ARRAY[…]]` double at every level.
"""

from __future__ import annotations

from sqlglot import exp, tokenize
from sqlglot.parsers.bigquery import BigQueryParser

from usher_shared.sql.errors import QueryRefused

_STEPS = 40  # a token; ordinary queries take under two


class _BoundedParser(BigQueryParser):
    """Counts its steps, those back too. sqlglot has no other place for a bound."""

    _steps_left = 0

    def allow(self, steps: int) -> None:
        self._steps_left = steps

    def _advance(self, times: int = 1) -> None:
        self._steps_left -= 1
        if self._steps_left < 0:
            raise QueryRefused("the query is nested too deeply")
        super()._advance(times)


def parse_statements(sql: str) -> list[exp.Expr | None]:
    """Each statement. Raises SqlglotError, QueryRefused."""
    tokens = tokenize(sql, read="bigquery")
    parser = _BoundedParser(dialect="bigquery")
    parser.allow(_STEPS * (len(tokens) + 10))
    return parser.parse(tokens, sql)
