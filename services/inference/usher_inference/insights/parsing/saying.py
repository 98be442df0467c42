"""A plan in words: what was understood, for a person to check."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from usher_inference.insights.parsing.plan import BoundCondition, BoundMeasure, Place, Plan, is_amount
from usher_inference.insights.parsing.times import Span

_FUNCTIONS = {
    "count_distinct": "How many different {}",
    "sum": "The total of {}",
    "avg": "The average of {}",
    "min": "The lowest {}",
    "max": "The highest {}",
    "median": "The median of {}",
    "count": "The number of {}",
}
_BUCKETS = {"weekday": "day of the week", "hour of day": "hour of the day"}


def explain(plan: Plan) -> str:
    """Two or three sentences: what is computed of which rows, and what to know about it."""
    rows = plan.base.name.replace("_", " ")
    if plan.measures:
        what = _listed([_measure(each, rows) for each in plan.measures])
        groups = [f"{_BUCKETS.get(bucket, bucket)} of {_name(place)}" for bucket, place in plan.buckets]
        groups += [_name(place) for place in plan.dimensions]
        if groups:
            what += f", for each {_listed(groups)}"
    else:
        what = (
            f"The rows of {rows}" if not plan.listed else f"{_listed([_name(each) for each in plan.listed])} of {rows}"
        )
    conditions = [_condition(each) for each in plan.conditions]
    conditions += [_span(place, span) for place, span in plan.spans]
    first = f"{what[:1].upper()}{what[1:]}{', where ' + _listed(conditions) if conditions else ''}."
    return " ".join([first, *_notes(plan)])


def _measure(measure: BoundMeasure, rows: str) -> str:
    if measure.function == "share" and measure.of is not None:
        return f"the percentage of {rows} where {_condition(measure.of)}"
    said = _FUNCTIONS[measure.function].format(rows if measure.place is None else _name(measure.place))
    return said[:1].lower() + said[1:]


def _notes(plan: Plan) -> list[str]:
    notes = []
    if plan.having is not None:
        operator, values = plan.having
        notes.append(f"Only groups whose number of rows is {operator} {_listed([f'{value:g}' for value in values])}.")
    if plan.ranking is not None:
        by = _name(plan.rank_place) if plan.rank_place is not None else "the first figure"
        most = f"At most {plan.ranking.limit} rows, by" if plan.ranking.limit else "By"
        if not plan.measures or plan.dimensions:
            notes.append(f"{most} {by}, the {'highest' if plan.ranking.descending else 'lowest'} first.")
    for table, join in plan.joins:
        notes.append(f"{table.name} is joined with {join.table} by {join.column}.")
    amounts = [each.place for each in plan.measures if each.place is not None and is_amount(each.place)]
    amounts += [plan.rank_place] if plan.rank_place is not None and is_amount(plan.rank_place) else []
    if amounts:
        notes.append("Amounts are in minor units (such as cents), each currency by itself.")
    if plan.spans or plan.buckets:
        notes.append("Days are UTC.")
    return notes


def _condition(condition: BoundCondition) -> str:
    name = _name(condition.place)
    values = [
        str(each) if isinstance(each, bool) else f"{each:g}" if isinstance(each, float) else f"'{each}'"
        for each in condition.operands
    ]
    match condition.operator:
        case "is null":
            return f"{name} is missing"
        case "is not null":
            return f"{name} is there"
        case "in":
            return f"{name} is {_listed(values, 'or')}"
        case "not in":
            return f"{name} is neither {_listed(values, 'nor')}"
        case "between":
            return f"{name} is between {values[0]} and {values[1]}"
        case "=":
            return f"{name} is {values[0]}"
        case "<>":
            return f"{name} is not {values[0]}"
    return f"{name} {condition.operator} {values[0]}"


def _span(place: Place, span: Span) -> str:
    name = _name(place)
    last = span.end - timedelta(days=1) if span.end is not None else None
    if span.first is None:
        return f"{name} is until {last}"
    if last is None:
        return f"{name} is from {span.first} on"
    return f"{name} is on {last}" if last == span.first else f"{name} is from {span.first} to {last}"


def _name(place: Place) -> str:
    return place.column.name.replace("_", " ")


def _listed(parts: Sequence[str], word: str = "and") -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {word} {parts[-1]}"
