"""Questions about data: the dataset that is asked, the question, and the insight that answers it.

The dataset's metadata comes from whoever owns the data, so it is read generously: tables as a list or by name, columns
as names, as name and type, or described; types in BigQuery's, SQL's or a data frame's words.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

# what stands in SQL without quotes; anything else is refused rather than quoted
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,299}$")]
_MOST_COLUMNS = 5000
_PARTS = re.compile(r"^(?:[A-Za-z0-9_-]{1,100}\.){0,2}[A-Za-z0-9_-]{1,300}$")

_TYPES = (
    (re.compile(r"^(?:u?(?:big|small|tiny|medium|huge)?int(?:eger)?\d*|long|serial|bigserial)$"), "INT64"),
    (re.compile(r"^(?:float\d*|double( precision)?|real|number)$"), "FLOAT64"),
    (re.compile(r"^(?:big)?(?:numeric|decimal)$|^money$"), "NUMERIC"),
    (re.compile(r"^bool(?:ean)?$"), "BOOL"),
    (re.compile(r"^timestamp(?:tz| with time zone)?$|^datetime64(\[.*\])?$"), "TIMESTAMP"),
    (re.compile(r"^datetime$|^timestamp without time zone$"), "DATETIME"),
    (re.compile(r"^date(?:32)?$"), "DATE"),
    (re.compile(r"^time$"), "TIME"),
    (re.compile(r"^jsonb?$|^struct$|^record$|^map$|^variant$"), "JSON"),
    (re.compile(r"^bytes|^blob|^bytea|^binary|^varbinary"), "BYTES"),
)


def _type(given: object) -> object:
    """BigQuery's name of a type; text where it is not known, which is compared and counted but never added up."""
    if not isinstance(given, str):
        return given
    plain = re.sub(r"\((?:[^()]|\([^()]*\))*\)|<.*>", "", given).strip().lower()
    return next((name for pattern, name in _TYPES if pattern.match(plain)), "STRING")


class _Described(BaseModel):
    """Metadata has more than is named here; the rest is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def _texts(given: object) -> object:
    return [str(each) for each in given] if isinstance(given, list | tuple) else given


Texts = Annotated[tuple[str, ...], BeforeValidator(_texts), Field(max_length=1000)]


def _pairs(given: object) -> object:
    return tuple((str(word), str(value)) for word, value in given.items()) if isinstance(given, dict) else given


class DatasetColumn(_Described):
    """`values` are those that a text column has; `synonyms` other words for it, `value_synonyms` words for its values.

    `currency` names the column with the currency of amounts in minor units: amounts are never added across currencies.
    """

    name: Name = Field(validation_alias=AliasChoices("name", "column_name", "column", "field"))
    type: Annotated[str, BeforeValidator(_type)] = Field(
        default="STRING", validation_alias=AliasChoices("type", "data_type", "dtype", "column_type", "field_type")
    )
    description: str = Field(
        default="", max_length=2000, validation_alias=AliasChoices("description", "comment", "label")
    )
    values: Texts = Field(
        default=(), validation_alias=AliasChoices("values", "enum", "allowed_values", "sample_values", "examples")
    )
    synonyms: Texts = ()
    value_synonyms: Annotated[tuple[tuple[str, str], ...], BeforeValidator(_pairs), Field(max_length=1000)] = ()
    currency: Name | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: object) -> object:
        return {"name": given} if isinstance(given, str) else given


class DatasetJoin(_Described):
    """`column` of the table that has this holds the `references` of one row of `table`."""

    column: Name
    table: Name
    references: Name


class DatasetTable(_Described):
    """`time_column` is what "last week" means here; `row` is what one row is, such as "order".

    With `require_partition_filter` every query has to bound `partition_by`.
    """

    name: Name = Field(validation_alias=AliasChoices("name", "table_name", "table"))
    description: str = Field(default="", max_length=2000)
    columns: tuple[DatasetColumn, ...] = Field(
        min_length=1, max_length=1000, validation_alias=AliasChoices("columns", "fields", "schema")
    )
    joins: tuple[DatasetJoin, ...] = Field(default=(), validation_alias=AliasChoices("joins", "foreign_keys"))
    row: str = Field(default="", max_length=100)
    synonyms: Texts = ()
    time_column: Name | None = None
    partition_by: Name | None = None
    require_partition_filter: bool = False

    @model_validator(mode="before")
    @classmethod
    def _columns_listed(cls, given: object) -> object:
        if not isinstance(given, dict):
            return {"columns": given}
        found = next((key for key in ("columns", "fields", "schema") if key in given), None)
        return given if found is None else {**given, found: _listed(given[found], "type")}

    def column(self, name: str) -> DatasetColumn | None:
        """The column of that name, whatever its case."""
        return next((each for each in self.columns if each.name.lower() == name.lower()), None)


def _listed(given: object, scalar: str) -> object:
    """A list of objects with names, from a list or from a mapping by name."""
    if isinstance(given, dict) and isinstance(given.get("fields"), list):
        return given["fields"]
    if not isinstance(given, dict):
        return given
    return [
        {"name": name, **what} if isinstance(what, dict) else {"name": name, scalar: what}
        for name, what in given.items()
    ]


def _has_columns(given: object) -> bool:
    return isinstance(given, dict) and bool({"columns", "fields", "schema"} & set(given))


class DatasetMetadata(_Described):
    """The tables of a dataset. One without `tables` is one table."""

    description: str = Field(default="", max_length=4000)
    tables: tuple[DatasetTable, ...] = Field(min_length=1, max_length=200)

    @model_validator(mode="before")
    @classmethod
    def _tables_listed(cls, given: object, info: ValidationInfo) -> object:
        if not isinstance(given, dict):
            return given
        if "tables" in given:
            tables = given["tables"]
            if isinstance(tables, dict):  # by name, each described or only its columns
                tables = {name: what if _has_columns(what) else {"columns": what} for name, what in tables.items()}
            return {**given, "tables": _listed(tables, "columns")}
        if not _has_columns(given):
            return given
        named = str((info.context or {}).get("dataset_name") or given.get("table_name") or given.get("name") or "data")
        return {"description": given.get("description") or "", "tables": [{**given, "name": named.rpartition(".")[2]}]}

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if sum(len(table.columns) for table in self.tables) > _MOST_COLUMNS:
            raise ValueError(f"more than {_MOST_COLUMNS} columns")
        return self


class Dataset(_Described):
    """Tables under the name that qualifies them: `usher` or `project.usher`; empty where they need none."""

    name: str = ""
    metadata: DatasetMetadata

    def table(self, name: str) -> DatasetTable | None:
        """The table of that name, whatever its case."""
        return next((each for each in self.metadata.tables if each.name.lower() == name.lower()), None)


class InsightRequest(BaseModel):
    """A question in plain words about a dataset. `model` names who is to answer; by default whoever can."""

    model_config = ConfigDict(extra="ignore")

    user_query: str = Field(min_length=1, max_length=2000)
    dataset_name: str = Field(min_length=1, max_length=500, pattern=_PARTS.pattern)
    dataset_metadata: dict[str, Any]
    model: str | None = Field(default=None, max_length=256)

    def dataset(self) -> Dataset:
        """What the metadata says. Raises pydantic's ValidationError."""
        metadata = DatasetMetadata.model_validate(self.dataset_metadata, context={"dataset_name": self.dataset_name})
        single = "tables" not in self.dataset_metadata
        return Dataset(name=self.dataset_name.rpartition(".")[0] if single else self.dataset_name, metadata=metadata)


class Insight(BaseModel):
    """`sql_query` is checked BigQuery SQL; `visualization_config` a Vega-Lite specification whose data is its rows."""

    sql_query: str
    visualization_config: dict[str, Any]
    explanation: str
    model_used: str
    model_version: str
