"""Binds a reading to tables: which table the rows come from, which others are joined, and what each mention means."""

from __future__ import annotations

from collections.abc import Iterable

from usher_inference.insights.parsing import phrases
from usher_inference.insights.parsing.lexicon import (
    NUMERIC,
    TEMPORAL,
    Kind,
    Meaning,
    is_identifier,
    key_column,
    label_column,
)
from usher_inference.insights.parsing.model import (
    AskedMeasure,
    Condition,
    Function,
    Mention,
    QuestionNotUnderstood,
    Reading,
)
from usher_inference.insights.parsing.plan import (
    BoundCondition,
    BoundMeasure,
    Place,
    Plan,
    find_paths,
    is_amount,
    scaled,
)
from usher_inference.insights.parsing.words import listed, split_name, stem
from usher_shared.contracts.insights import Dataset, DatasetTable

_AVERAGED = frozenset(
    map(
        stem,
        listed(
            """duration rating score age price pages latency temperature speed percent percentage rate year length ms
        stock"""
        ),
    )
)
_JOIN_COST = 0.25


class _Unfit(Exception):
    """The question cannot be answered from this table."""


def bind(reading: Reading, dataset: Dataset) -> Plan:
    """The likeliest plan. Raises QuestionNotUnderstood."""
    plans, reasons = [], []
    for table in dataset.metadata.tables:
        try:
            plans.append(_Binder(reading, dataset, table).plan())
        except _Unfit as reason:
            reasons.append(str(reason))
    if not plans:
        raise QuestionNotUnderstood(f"no table of {dataset.name or 'this data'} answers this ({reasons[0]})")
    return max(plans, key=lambda plan: plan.score)  # of equals the first in the dataset's order


class _Binder:
    def __init__(self, reading: Reading, dataset: Dataset, base: DatasetTable) -> None:
        self._reading = reading
        self._base = base
        self._paths = find_paths(dataset, base)
        self._needed: set[str] = set()
        self._plan = Plan(dataset, base)

    def plan(self) -> Plan:
        reading, plan = self._reading, self._plan
        numeric_hints = self._hints()
        dimensions = list(reading.dimensions)
        subject = reading.subject
        ranked = reading.ranking is not None and not reading.ranking.of_rows
        if subject is not None and ranked and not dimensions and not reading.buckets:
            dimensions, subject = [subject], None
        measures = list(reading.measures)
        self._of_rows = reading.ranking is not None and reading.ranking.of_rows
        if subject is not None and self._of_rows and reading.ranking is not None and not self._names_rows(subject):
            # "which model is the fastest": models by their average, not one row
            dimensions, subject, self._of_rows = [subject], None, False
            measures = [AskedMeasure("avg", reading.ranking.by)]
        if subject is not None:
            self._subject(subject)
        for mention in dimensions:
            self._dimension(mention)
        for asked in measures:
            self._measure(asked.function, asked.mention, asked.of)
        for condition in reading.conditions:
            plan.conditions.extend(self._condition(condition))
        if not plan.measures and (plan.dimensions or reading.buckets or reading.having or ranked or reading.over_time):
            for mention in numeric_hints:
                self._measure(None, mention, None)
            if not plan.measures:
                self._measure("count", subject if subject and self._is_rows(subject) else None, None)
        elif not plan.measures and numeric_hints and subject is None and not plan.listed:
            for mention in numeric_hints:
                self._measure(None, mention, None)
        elif not plan.measures:
            for mention in numeric_hints:
                self._list(mention)
        self._contradictions()
        self._currencies()
        self._times()
        self._rank()
        plan.having = reading.having
        self._join()
        if not plan.measures and not self._asks_rows():
            raise _Unfit("what is to be counted, added up or listed is not said")
        return plan

    def _asks_rows(self) -> bool:
        reading = self._reading
        return bool(
            reading.subject or reading.ranking or self._plan.listed or (reading.lists_rows and self._plan.conditions)
        )

    # --- what mentions mean here ---

    def _candidates(self, mention: Mention) -> list[tuple[float, Meaning]]:
        """The meanings that can be reached from the base, best first."""
        found: list[tuple[float, Meaning]] = []
        for meaning in mention.meanings:
            if meaning.table == "*":
                found.extend(self._named(meaning))
            elif meaning.table in self._paths:
                found.append((meaning.weight - _JOIN_COST * len(self._paths[meaning.table]), meaning))
        return sorted(found, key=lambda each: -each[0])

    def _named(self, wanted: Meaning) -> Iterable[tuple[float, Meaning]]:
        for name, path in self._paths.items():
            table = self._plan.dataset.table(name)
            assert table is not None  # noqa: S101  paths are of the dataset's tables
            for column in table.columns:
                parts = [stem(part) for part in split_name(column.name)]
                if wanted.column in parts:
                    weight = wanted.weight - _JOIN_COST * len(path) + (0.1 if column.currency else 0.0)
                    yield weight, Meaning(Kind.COLUMN, name, column.name, None, weight)

    def _place(self, meaning: Meaning) -> Place:
        table = self._plan.dataset.table(meaning.table)
        column = table.column(meaning.column) if table and meaning.column else None
        assert table is not None and column is not None  # noqa: S101, PT018  meanings come from the dataset
        self._needed.add(table.name)
        return Place(table, column)

    def _column(self, mention: Mention, types: frozenset[str] | None = None, *, additive: bool = False) -> Place | None:
        """The best column of one of the types. `additive`: of the base alone, whose rows no join repeats, and no id."""
        for weight, meaning in self._candidates(mention):
            if meaning.kind not in (Kind.COLUMN, Kind.FLAG):
                continue
            table = self._plan.dataset.table(meaning.table)
            column = table.column(meaning.column or "") if table else None
            if additive and (table is not self._base or (column is not None and is_identifier(column))):
                continue
            if column is not None and (types is None or column.type in types):
                self._plan.score += weight
                return self._place(meaning)
        return None

    def _names_rows(self, mention: Mention) -> bool:
        """Whether it is the name of some table, its rows or what its key is called."""
        return any(each.kind is Kind.TABLE and each.weight >= 0.5 for each in mention.meanings)

    def _is_rows(self, mention: Mention) -> bool:
        return any(each.kind is Kind.TABLE and each.table == self._base.name for each in mention.meanings)

    # --- parts of the question ---

    def _hints(self) -> list[Mention]:
        """Names without a role: numbers may be what is asked for, the rest only has to be reachable."""
        numeric = []
        self._time_hints: list[Place] = []
        for mention in self._reading.hints:
            found = self._candidates(mention)
            if not found:
                raise _Unfit(f"it has nothing called {mention.text!r}")
            self._plan.score += found[0][0]
            best = found[0][1]
            if best.kind is Kind.TABLE:
                if best.table != self._base.name:
                    self._plan.score -= 0.3
                continue
            if best.kind in (Kind.COLUMN, Kind.FLAG):
                place = next(
                    (p for _, m in found if m.kind is Kind.COLUMN and (p := self._peek(m)).column.type in TEMPORAL),
                    None,
                )
                first = self._peek(best)
                if place is not None and (first.column.type in TEMPORAL or first.column.type == "STRING"):
                    self._time_hints.append(place)
                elif first.column.type in NUMERIC and "year" in split_name(first.column.name):
                    self._time_hints.append(first)
                elif first.column.type in NUMERIC and not is_identifier(first.column):
                    numeric.append(mention)
                elif first.column.type == "STRING" and self._reading.lists_rows and not self._reading.measures:
                    self._list(mention)
        return numeric

    def _peek(self, meaning: Meaning) -> Place:
        table = self._plan.dataset.table(meaning.table)
        column = table.column(meaning.column or "") if table else None
        assert table is not None and column is not None  # noqa: S101, PT018  meanings come from the dataset
        return Place(table, column)

    def _list(self, mention: Mention) -> None:
        place = self._column(mention)
        if place is None:
            raise _Unfit(f"it has no column {mention.text!r}")
        self._plan.listed.append(place)

    def _subject(self, mention: Mention) -> None:
        found = self._candidates(mention)
        if not found:
            raise _Unfit(f"it has nothing called {mention.text!r}")
        tables = [(weight, each) for weight, each in found if each.kind is Kind.TABLE]
        rows = [weight for weight, each in tables if each.table == self._base.name]
        if rows:
            self._plan.score += rows[0] + 0.5
        elif tables:
            if not self._reading.measures:
                raise _Unfit(f"its rows are not {mention.text}")
            self._plan.score += tables[0][0] - 0.5
        elif self._reading.lists_rows and not self._reading.measures and found[0][1].kind is Kind.COLUMN:
            self._list(mention)
        else:
            self._plan.score += found[0][0]

    def _dimension(self, mention: Mention) -> None:
        found = self._candidates(mention)
        found.sort(key=lambda each: -each[0] - 0.4 * (each[1].kind is Kind.TABLE and self._has_label(each[1].table)))
        for weight, meaning in found:
            if meaning.kind is Kind.VALUE:
                continue
            table = self._plan.dataset.table(meaning.table)
            assert table is not None  # noqa: S101  meanings come from the dataset
            if meaning.kind is Kind.TABLE:
                if table is self._base and self._groups_rows_by_themselves(mention):
                    self._plan.score += weight
                    return
                place = self._place(Meaning(Kind.COLUMN, table.name, label_column(table)))
            else:
                place = self._place(meaning)
            self._plan.score += weight
            if place.column.type in ("TIMESTAMP", "DATETIME"):
                self._plan.buckets.append(("day", place))
            elif place.column.type in ("JSON", "BYTES"):
                raise _Unfit(f"{place.column.name} cannot be grouped by")
            elif place not in self._plan.dimensions:
                self._plan.dimensions.append(place)
            return
        raise _Unfit(f"it has nothing called {mention.text!r} to group by")

    def _groups_rows_by_themselves(self, mention: Mention) -> bool:
        """True for "average turns per conversation" of conversations: no grouping at all. Raises _Unfit."""
        measures, table = self._reading.measures, self._base
        counts = all(each.function in (None, "count") for each in measures)
        if not measures or (counts and label_column(table) == key_column(table)):
            raise _Unfit(f"by what {mention.text} are told apart is not said")
        return not counts and self._reading.ranking is None

    def _has_label(self, name: str) -> bool:
        table = self._plan.dataset.table(name)
        return table is not None and label_column(table) != key_column(table)

    def _measure(self, function: Function | None, mention: Mention | None, of: Condition | None) -> None:
        if function == "share":
            if of is None:
                raise _Unfit("the share of what is not said")
            bound = self._condition(of)
            self._plan.measures.append(BoundMeasure("share", None, bound[0]))
            return
        if mention is None:
            if function not in (None, "count"):
                raise _Unfit(f"what the {function} is of is not said")
            self._plan.measures.append(BoundMeasure("count", None))
            return
        if function in ("count", "count_distinct"):
            self._plan.measures.append(self._counted(mention, distinct=function == "count_distinct"))
            return
        types = NUMERIC | TEMPORAL if function in ("min", "max") else NUMERIC
        place = self._column(mention, types, additive=function not in ("min", "max"))
        if place is None:
            if function is None and any(meaning.kind is Kind.TABLE for _, meaning in self._candidates(mention)):
                self._plan.measures.append(BoundMeasure("count", None))
                return
            if function == "sum" and any(meaning.kind is Kind.TABLE for _, meaning in self._candidates(mention)):
                self._plan.measures.append(self._counted(mention, distinct=False))
                return
            raise _Unfit(f"it has no number called {mention.text!r}")
        if function is None:
            average = _AVERAGED & {stem(part) for part in split_name(place.column.name)}
            function = "avg" if average and not is_amount(place) else "sum"
        self._plan.measures.append(BoundMeasure(function, place))

    def _counted(self, mention: Mention, *, distinct: bool) -> BoundMeasure:
        """ "how many X": rows of the base, different ones of what it refers to, or a number that is a count itself."""
        for weight, meaning in self._candidates(mention):
            if meaning.kind is Kind.TABLE:
                if meaning.table == self._base.name:
                    self._plan.score += weight + 0.5
                    return BoundMeasure("count", None)
                referring = next((join for join in self._base.joins if join.table == meaning.table), None)
                self._plan.score += weight - 0.5
                if referring is None:
                    table = self._plan.dataset.table(meaning.table)
                    assert table is not None  # noqa: S101  meanings come from the dataset
                    return BoundMeasure(
                        "count_distinct", self._place(Meaning(Kind.COLUMN, table.name, key_column(table)))
                    )
                return BoundMeasure(
                    "count_distinct", self._place(Meaning(Kind.COLUMN, self._base.name, referring.column))
                )
            if meaning.kind is Kind.COLUMN:
                self._plan.score += weight
                if meaning.weight < 0.5:
                    return BoundMeasure("count", None)
                place = self._place(meaning)
                counted = place.column.type in NUMERIC and not distinct and not is_identifier(place.column)
                if counted and place.table is not self._base:
                    raise _Unfit(f"a join would repeat {place.column.name}")
                return BoundMeasure("sum" if counted else "count_distinct", place)
        raise _Unfit(f"it has nothing called {mention.text!r} to count")

    def _condition(self, condition: Condition) -> list[BoundCondition]:
        if condition.operator in ("is null", "is not null"):
            place = self._column(condition.mention)
            if place is None:
                raise _Unfit(f"it has nothing called {condition.mention.text!r}")
            return [BoundCondition(place, condition.operator)]
        valued = [
            (weight, each)
            for weight, each in self._candidates(condition.mention)
            if each.kind in (Kind.VALUE, Kind.FLAG)
        ]
        if valued:
            return [self._valued(condition, valued)]
        if all(isinstance(each, str) for each in condition.operands):
            place = self._column(condition.mention, frozenset({"STRING"}))
            if place is None:
                raise _Unfit(f"it has no text that {condition.operands[0]!r} could be")
            return [BoundCondition(place, condition.operator, condition.operands)]
        place = self._column(condition.mention, NUMERIC)
        if place is None:
            raise _Unfit(f"it has no number called {condition.mention.text!r}")
        numbers = tuple(scaled(float(each), place, condition) for each in condition.operands)
        bound = [BoundCondition(place, condition.operator, numbers)]
        if condition.currency and place.column.currency and (other := place.table.column(place.column.currency)):
            bound.append(BoundCondition(Place(place.table, other), "=", (condition.currency,)))
        return bound

    def _valued(self, condition: Condition, valued: list[tuple[float, Meaning]]) -> BoundCondition:
        weight, best = valued[0]
        self._plan.score += weight
        place = self._place(best)
        if best.kind is Kind.FLAG:
            return BoundCondition(place, condition.operator, (True,))
        values = [each.value for _, each in valued if (each.table, each.column) == (best.table, best.column)]
        wanted = len(condition.operands)
        chosen = tuple(dict.fromkeys(value for value in values if value is not None))[: max(wanted, 1)]
        operands: tuple[str | float, ...] = tuple(float(v) for v in chosen) if place.column.type in NUMERIC else chosen
        return BoundCondition(place, condition.operator, operands)

    def _contradictions(self) -> None:
        """ "fiction and science books" in two breaths is a comparison, which is not read."""
        equal: dict[tuple[str, str], tuple[object, ...]] = {}
        for condition in self._plan.conditions:
            place = (condition.place.table.name, condition.place.column.name)
            if condition.operator == "=" and equal.setdefault(place, condition.operands) != condition.operands:
                raise _Unfit(f"{condition.place.column.name} cannot be two things at once")

    def _currencies(self) -> None:
        """Amounts are never added across currencies."""
        for measure in self._plan.measures:
            if (
                measure.place is not None
                and measure.function not in ("count", "count_distinct")
                and measure.place.column.currency
            ):
                column = measure.place.table.column(measure.place.column.currency)
                if column is not None and (place := Place(measure.place.table, column)) not in self._plan.dimensions:
                    self._plan.dimensions.append(place)

    def _times(self) -> None:
        reading = self._reading
        years = [each for each in self._time_hints if each.column.type in NUMERIC]
        spans = list(reading.spans)
        if years and spans:
            self._needed.add(years[0].table.name)
            for span in spans:
                if span.first is not None:
                    self._plan.conditions.append(BoundCondition(years[0], ">=", (float(span.first.year),)))
                if span.end is not None:
                    self._plan.conditions.append(BoundCondition(years[0], "<", (float(span.end.year),)))
            spans = []
        if not (spans or reading.buckets or reading.over_time):
            return
        place = self._time_place()
        self._needed.add(place.table.name)
        self._plan.spans.extend((place, span) for span in spans)
        for bucket in reading.buckets or (["day"] if reading.over_time else []):
            if place.column.type == "DATE" and bucket in ("hour", "hour of day"):
                raise _Unfit(f"{place.column.name} has no hours")
            self._plan.buckets.append((bucket, place))

    def _time_place(self) -> Place:
        hinted = [each for each in self._time_hints if each.column.type in TEMPORAL]
        if hinted:
            return hinted[0]
        for name in sorted(self._paths, key=lambda each: len(self._paths[each])):
            table = self._plan.dataset.table(name)
            assert table is not None  # noqa: S101  paths are of the dataset's tables
            named = table.column(table.time_column or table.partition_by or "")
            column = named or next((each for each in table.columns if each.type in TEMPORAL), None)
            if column is not None:
                self._plan.score -= 2 * _JOIN_COST * len(self._paths[name])
                return Place(table, column)
        raise _Unfit("it has no time")

    def _rank(self) -> None:
        ranking = self._reading.ranking
        self._plan.ranking = ranking
        if ranking is None or not self._of_rows or self._plan.measures:
            return
        assert ranking.by is not None  # noqa: S101  rows are ranked by something
        timelike = ranking.by.text in phrases.AGES
        place = self._column(ranking.by, TEMPORAL | NUMERIC if timelike else NUMERIC)
        if timelike and (place is None or place.column.type not in TEMPORAL):
            aged = place is not None and {"age", "year"} & set(split_name(place.column.name))
            place = place if aged else self._time_place()
        if place is None:
            raise _Unfit(f"it has no number for {ranking.by.text!r}")
        self._needed.add(place.table.name)
        self._plan.rank_place = place

    def _join(self) -> None:
        joined: set[str] = {self._base.name}
        for name in self._plan.dataset.metadata.tables:
            if name.name not in self._needed:
                continue
            for table, join in self._paths[name.name]:
                if join.table not in joined:
                    joined.add(join.table)
                    self._plan.joins.append((table, join))
        self._plan.score -= _JOIN_COST * len(self._plan.joins)
