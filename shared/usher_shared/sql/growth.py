"""What a short query may make much of: rows by joins, texts by gluing them."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from usher_shared.sql.errors import QueryRefused


def conjuncts(condition: exp.Expr | None) -> Iterator[exp.Expr]:
    """The conditions that all have to hold."""
    if isinstance(condition, exp.Paren):
        yield from conjuncts(condition.this)
    elif isinstance(condition, exp.And):
        yield from conjuncts(condition.left)
        yield from conjuncts(condition.right)
    elif condition is not None:
        yield condition


def check_joins(full: exp.Query, most: int) -> None:
    """Each join has to equate a column of one side with a column of another, or it multiplies the two.

    A correlated subquery is a join too: it runs for every row.
    """
    joins = list(full.find_all(exp.Join))
    correlated = sum(scope.is_correlated_subquery for scope in traverse_scope(full))
    if len(joins) + correlated > most:
        raise QueryRefused(f"more than {most} joins")
    for join in joins:
        joined = {join.this.alias_or_name}
        for condition in conjuncts(join.args.get("on")):
            if isinstance(condition, exp.EQ):
                sides = [_tables(condition.left), _tables(condition.right)]
                if all(sides) and (sides[0] == joined) != (sides[1] == joined):
                    break
        else:
            raise QueryRefused("a join has to equate columns of both its sides (JOIN … ON a.x = b.x)")


def _tables(side: exp.Expr) -> set[str]:
    """Whose column it is, bare; COALESCE of such is what USING makes of three tables."""
    side = side.unnest()
    columns = [side.this, *side.expressions] if isinstance(side, exp.Coalesce) else [side]
    tables = {each.table if isinstance(each, exp.Column) else "" for each in columns}
    return set() if "" in tables else tables


def check_texts(full: exp.Query, most: int) -> None:
    """Texts are glued `most` times, and never again what a query inside has glued: that doubles at every step."""
    glued = len(list(full.find_all(exp.DPipe)))
    glued += sum(max(len(each.expressions) - 1, 0) for each in full.find_all(exp.Concat))
    if glued > most:
        raise QueryRefused(f"more than {most} texts are put together")
    gluing: dict[int, bool] = {}  # by scope, whether it or what it reads glues
    for scope in traverse_scope(full):
        gluing[id(scope)] = scope.expression.find(exp.DPipe, exp.Concat) is not None or any(
            gluing.get(id(source), False) for source in scope.sources.values()
        )
        for column in scope.columns:
            source = _source(scope, column.table)
            if gluing.get(id(source), False) and column.find_ancestor(exp.DPipe, exp.Concat):
                raise QueryRefused("a text that was put together is put together again")


def _source(scope: Scope | None, name: str) -> object:
    while scope is not None:
        if name in scope.sources:
            return scope.sources[name]
        scope = scope.parent
    return None
