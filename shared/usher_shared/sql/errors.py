"""What is raised about queries; without sqlglot, for those who only catch it."""

from __future__ import annotations

from usher_shared.errors import Unprocessable


class QueryRefused(Unprocessable):
    """The query is not one that may run, or does not fit the data; the detail says why."""

    code = "query_refused"
