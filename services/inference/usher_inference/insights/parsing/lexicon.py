"""What words stand for in a dataset: tables, columns, values, by their names, synonyms and descriptions."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from usher_inference.insights.parsing.words import Word, listed, split_name, stem
from usher_shared.contracts.insights import Dataset, DatasetColumn, DatasetTable

NUMERIC = frozenset({"INT64", "FLOAT64", "NUMERIC"})
TEMPORAL = frozenset({"TIMESTAMP", "DATETIME", "DATE"})
# endings of a column's name that people leave out
_TAILS = frozenset(
    listed("""at on date time id key code name minor ms millis nanos seconds minutes hours km miles usd eur""")
)
_LISTED = re.compile(r"(?:^|[:.] )((?:[\w-]+, )*[\w-]+ or [\w-]+)\.?(?:$| )")
_MONEY = tuple(map(stem, listed("""revenue sales sell income turnover takings proceeds earnings earn money""")))
_MONEY_NAMES = tuple(map(stem, listed("""revenue sales income turnover amount total fare paid payment price""")))
# words of questions for words of schemas, each group one meaning
_GROUPS = (
    ("customer", "client", "buyer", "user", "shopper", "person", "rider", "member", "patron", "who"),
    ("quantity", "unit", "item", "piece", "volume"),
    ("duration", "length", "latency"),
    ("cost", "spend", "expense", "price"),
    ("employee", "staff", "worker"),
    ("product", "article", "item"),
    ("category", "kind", "type", "class"),
    ("comment", "remark", "note"),
    ("country", "nation"),
    ("city", "town"),
    ("age", "old"),
    ("show", "event", "concert", "performance", "game", "match"),
    ("ticket", "seat"),
    ("trip", "ride", "journey"),
)
_WEAK = 0.4
_SYNONYM = 1.05  # somebody took the trouble to say so


class Kind(Enum):
    TABLE = "table"
    COLUMN = "column"
    VALUE = "value"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a phrase may stand for. `weight` is 1 for a whole name and less for a part or a relative of it."""

    kind: Kind
    table: str
    column: str | None = None
    value: str | None = None
    weight: float = 1.0
    temporal: bool = False


class Lexicon:
    """Phrases (of stems) with their meanings in one dataset."""

    def __init__(self, dataset: Dataset) -> None:
        self._meanings: defaultdict[tuple[str, ...], list[Meaning]] = defaultdict(list)
        for table in dataset.metadata.tables:
            self._add_table(table)
        self._longest = max(map(len, self._meanings))

    def longest(self, words: Sequence[Word], start: int) -> tuple[int, tuple[Meaning, ...]]:
        """How many words from `start` are the longest known phrase, and what it may mean; (0, ()) for none."""
        if start >= len(words):
            return 0, ()
        for length in range(min(self._longest, len(words) - start), 0, -1):
            chosen = words[start : start + length]
            if any(word.quoted or not word.stem for word in chosen):
                continue
            found = [
                each
                for each in self._meanings.get(tuple(word.stem for word in chosen), ())
                if not _is_other_form(each, chosen[-1].lower)
            ]
            if found:
                return length, tuple(found)
        if not words[start].quoted:
            relatives = self._relatives(words[start].stem)
            if relatives:
                return 1, relatives
        return 0, ()

    def _relatives(self, word: str) -> tuple[Meaning, ...]:
        """Meanings of words that mean alike, when the word itself is not in the dataset."""
        alike = [each for group in _GROUPS if word in (stems := tuple(map(stem, group))) for each in stems]
        if word in _MONEY:
            alike += _MONEY_NAMES
        found: dict[tuple[Kind, str, str | None], Meaning] = {}
        for rank, each in enumerate(alike):
            for meaning in self._meanings.get((each,), ()):
                if meaning.kind in (Kind.TABLE, Kind.COLUMN):
                    lighter = Meaning(
                        meaning.kind, meaning.table, meaning.column, None, meaning.weight * (0.6 - 0.02 * rank)
                    )
                    found.setdefault((meaning.kind, meaning.table, meaning.column), lighter)
        return tuple(found.values())

    def _add(self, phrase: Iterable[str], meaning: Meaning) -> None:
        stems = tuple(stem(part) for part in phrase)
        if not stems:
            return
        same = [
            each
            for each in self._meanings[stems]
            if (each.kind, each.table, each.column, each.value)
            == (meaning.kind, meaning.table, meaning.column, meaning.value)
        ]
        if not same:
            self._meanings[stems].append(meaning)

    def _add_table(self, table: DatasetTable) -> None:
        names = [split_name(table.name), *map(split_name, table.synonyms)]
        if table.row:
            names.append(split_name(table.row))
        for name in names:
            self._add(name, Meaning(Kind.TABLE, table.name))
        if len(names[0]) > 1:
            owned = any(
                _is_key(column, table) and split_name(column.name)[0] == _singular(names[0][-1])
                for column in table.columns
            )
            self._add(names[0][-1:], Meaning(Kind.TABLE, table.name, weight=1.0 if owned else 0.6))
        for column in table.columns:
            self._add_column(table, column)

    def _add_column(self, table: DatasetTable, column: DatasetColumn) -> None:
        kind = Kind.FLAG if column.type == "BOOL" else Kind.COLUMN

        def add(phrase: Sequence[str], weight: float) -> None:
            self._add(phrase, Meaning(kind, table.name, column.name, None, weight, column.type in TEMPORAL))

        name = split_name(column.name)
        add(name, 1.0)
        for synonym in column.synonyms:
            add(split_name(synonym), _SYNONYM)
        if _is_key(column, table):
            return  # what the table's name means already
        short = list(name)
        while len(short) > 1 and short[-1] in _TAILS:
            short = short[:-1]
        if kind is Kind.FLAG and len(short) > 1 and short[0] in ("is", "has", "was"):
            short = short[1:]
        add(short, 0.9)
        for at in range(1, len(short)):
            add(short[at:], 0.6)
            add(short[:at], _WEAK)
        for value in self._values(column):
            self._add(split_name(value), Meaning(Kind.VALUE, table.name, column.name, value))
        for word, value in column.value_synonyms:
            self._add(split_name(word), Meaning(Kind.VALUE, table.name, column.name, value, _SYNONYM))

    @staticmethod
    def _values(column: DatasetColumn) -> Sequence[str]:
        """Those that are given; else those that its description lists ("ok, failed or cancelled")."""
        if column.values or column.type != "STRING":
            return column.values if column.type == "STRING" else ()
        listed = _LISTED.search(column.description)
        return re.split(r", | or ", listed[1]) if listed else ()


def _is_other_form(meaning: Meaning, word: str) -> bool:
    """ "place" is not the value "placed": a verb of the question is no state of a row."""
    value = meaning.value or ""
    return meaning.kind is Kind.VALUE and meaning.weight == 1.0 and value.endswith("ed") and not word.endswith("ed")


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _is_key(column: DatasetColumn, table: DatasetTable) -> bool:
    """`id`, or the table's own name with `_id`: what tells its rows apart."""
    if any(join.column == column.name for join in table.joins):
        return False
    parts = split_name(column.name)
    names = [split_name(table.row), split_name(table.name), split_name(table.name)[-1:]]
    return parts == ["id"] or any(parts == [*name[:-1], _singular(name[-1]), "id"] for name in names if name)


def is_identifier(column: DatasetColumn) -> bool:
    """Whether its numbers are names: they are counted, never added up."""
    return split_name(column.name)[-1] in ("id", "key", "uuid", "number", "zip", "postcode")


def label_column(table: DatasetTable) -> str:
    """The column that a person knows a row by."""
    singular = split_name(table.row or table.name)
    wanted = [[stem(part) for part in (*singular, "name")], ["full", "nam"], ["nam"], ["titl"], ["label"]]
    stems = {column.name: [stem(part) for part in split_name(column.name)] for column in table.columns}
    for want in wanted:
        for name, parts in stems.items():
            if parts == want or (want == ["nam"] and parts[-1:] == want and table.column(name).type == "STRING"):  # type: ignore[union-attr]
                return name
    return key_column(table)


def key_column(table: DatasetTable) -> str:
    """The column that tells rows apart: `<row>_id`, `id`, else the first that ends so, else the first."""
    singular = [stem(part) for part in split_name(table.row or table.name)]
    names = [column.name for column in table.columns]
    for name in names:
        if [stem(part) for part in split_name(name)] in ([*singular, "id"], ["id"]):
            return name
    foreign = {join.column for join in table.joins}
    ids = [name for name in names if name.lower().endswith("id")]
    return next((name for name in ids if name not in foreign), (ids or names)[0])
