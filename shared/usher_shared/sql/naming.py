"""What a name in a query means: a column of a table in sight, or an output of the query where BigQuery says so.

BigQuery knows a SELECT's own aliases in GROUP BY, HAVING, QUALIFY and ORDER BY, nowhere else. sqlglot would put them in
everywhere, each time in full: aliases built on each other would double at every step.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from usher_shared.sql.errors import QueryRefused

_BY_ALIAS = frozenset({"group", "having", "qualify", "order"})


def check_stars(tree: exp.Query) -> None:
    """A star once a SELECT, or once a table: stars over stars would double at every step."""
    for select in tree.find_all(exp.Select):
        stars = [each.table.lower() for each in select.expressions if each.is_star and isinstance(each, exp.Column)]
        bare = sum(isinstance(each, exp.Star) for each in select.expressions)
        if bare + len(stars) > max(1, len(set(stars)) if not bare else 0):
            raise QueryRefused("* is allowed once in a SELECT")


def name_outputs(tree: exp.Query) -> None:
    """Give what has no name of its own one: `value_2` is the second."""
    leftmost: exp.Expr = tree
    while isinstance(leftmost, exp.SetOperation | exp.Subquery):
        leftmost = leftmost.this
    for position, selected in enumerate(leftmost.expressions, start=1):
        if not selected.is_star and not selected.output_name:
            selected.replace(exp.alias_(selected.copy(), f"value_{position}"))


def check_names(tree: exp.Query, known: MappingSchema, most: int) -> None:
    """Refuse an alias where BigQuery knows none, and more than `most` nodes of what the others stand for."""
    sizes: dict[int, dict[str, int]] = {}
    total = 0
    for node in tree.find_all(exp.Column, exp.Literal):
        query, clause = _clause(node)
        if isinstance(query, exp.Select) and clause in _BY_ALIAS:
            if id(query) not in sizes:
                sizes[id(query)] = _sizes(query)
            total += sizes[id(query)].get(node.name.lower() if isinstance(node, exp.Column) else "", 0)
    if total > most:
        raise QueryRefused("the query is too long when its aliases are written out")
    plain = qualify(
        tree.copy(), schema=known, dialect="bigquery", expand_alias_refs=False, validate_qualify_columns=False,
        quote_identifiers=False, identify=False,
    )  # fmt: skip
    for column in plain.find_all(exp.Column):
        if not column.table and _clause(column)[1] not in _BY_ALIAS:
            raise QueryRefused(f"{column.name} is not a column of one of the tables here")


def _sizes(query: exp.Select) -> dict[str, int]:
    """The nodes of each output by its name, and of the largest, which a number may stand for, by none."""
    sizes = {each.alias_or_name.lower(): sum(1 for _ in each.walk()) for each in query.expressions}
    return sizes | {"": max(sizes.values(), default=0)}


def _clause(node: exp.Expr) -> tuple[exp.Expr, str]:
    """The query that a node belongs to and the clause of it."""
    while not isinstance(node.parent, exp.Select | exp.SetOperation):
        if node.parent is None:
            return node, ""
        node = node.parent
    return node.parent, node.arg_key or ""


def settle_names(full: exp.Query) -> None:
    """Refuse what is left without a table. ORDER BY alone may name an output, within a term it is written out."""
    for column in list(full.find_all(exp.Column)):
        if type(column) is exp.Column and column.table:
            continue
        query, clause = _clause(column)
        outputs = {each.alias_or_name.lower(): each for each in query.selects} if isinstance(query, exp.Query) else {}
        output = outputs.get(column.name.lower()) if clause == "order" and type(column) is exp.Column else None
        if output is None:
            raise QueryRefused(f"{column.name} is not a column of one of the tables here")
        if isinstance(column.parent, exp.Ordered):
            continue
        if not isinstance(query, exp.Select):
            raise QueryRefused("ORDER BY behind a UNION has to name columns of the answer")
        column.replace(exp.paren(output.unalias().copy()))
    for star in full.find_all(exp.Star):
        if not isinstance(star.parent, exp.Count):
            raise QueryRefused("* is allowed as the columns of tables and in COUNT(*)")
