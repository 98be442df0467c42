"""Charts of answers, as Vega-Lite 5 specifications (https://vega.github.io/vega-lite/docs/).

The data is named `result`: whoever has run the query binds its rows, under the names of its columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
DATA = "result"
Mark = Literal["auto", "bar", "line", "area", "point", "arc", "text", "table"]
_WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_UNITS = {
    "hour": "utcyearmonthdatehours",
    "day": "utcyearmonthdate",
    "week": "utcyearmonthdate",
    "month": "utcyearmonth",
} | {
    "quarter": "utcyearquarter",
    "year": "utcyear",
}
_MOST_COLUMNS = 12


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the answer. `unit` is the bucket of a time (`month`), or `weekday` and `hour of day`."""

    name: str
    kind: Literal["time", "category", "number"]
    unit: str | None = None

    @property
    def title(self) -> str:
        return self.name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Chart:
    """Which columns go where. What is None is left out."""

    mark: Mark
    x: Field | None = None
    y: Field | None = None
    color: Field | None = None


def choose(fields: Sequence[Field], *, grouped: bool) -> Chart:
    """The usual chart of such an answer: a line over time, bars of categories, a number alone, else a table."""
    times = [each for each in fields if each.kind == "time"]
    numbers = [each for each in fields if each.kind == "number"]
    categories = [each for each in fields if each.kind == "category"]
    if not grouped or not numbers or len(times) > 1 or len(categories) > 2:
        return Chart("table")
    color = categories[-1] if categories else None
    if times and len(categories) < 2:
        return Chart("line", times[0], numbers[0], color)
    if times:
        return Chart("table")
    if len(categories) == 2:
        return Chart("bar", categories[0], numbers[0], categories[1])
    if categories:
        return Chart("bar", categories[0], numbers[0])
    return Chart("text", None, numbers[0])


def draw(chart: Chart, fields: Sequence[Field], title: str) -> dict[str, Any]:
    """The specification. Further numbers of the answer stand beside the one of the chart, as colours."""
    spec: dict[str, Any] = {"$schema": SCHEMA, "title": title, "data": {"name": DATA}}
    numbers = [each for each in fields if each.kind == "number"]
    if chart.mark == "table" or chart.y is None:
        return spec | _table(fields)
    if chart.mark == "text":
        return spec | _numbers(numbers)
    if chart.x is None:
        return spec | _table(fields)
    if chart.mark == "arc":
        encoding = {"theta": _channel(chart.y), "color": _channel(chart.x), "tooltip": _tooltip(fields)}
        return spec | {"mark": {"type": "arc"}, "encoding": encoding}
    mark: dict[str, Any] = {"type": "bar" if chart.mark == "auto" else chart.mark}
    if mark["type"] in ("line", "area"):
        mark["point"] = True
    beside = [each for each in numbers if each.name not in (chart.x.name, chart.color.name if chart.color else "")]
    if chart.color is None and len(beside) > 1 and mark["type"] in ("bar", "line"):
        spec["transform"] = [{"fold": [each.name for each in beside], "as": ["measure", "value"]}]
        value = {"field": "value", "type": "quantitative", "title": None}
        encoding = {"color": {"field": "measure", "type": "nominal", "title": None}}
        encoding |= _axes(mark["type"], chart.x, value)
        if mark["type"] == "bar":
            encoding["yOffset" if "x" in encoding and encoding["x"] is value else "xOffset"] = {"field": "measure"}
    else:
        encoding = _axes(mark["type"], chart.x, _channel(chart.y))
        if chart.color is not None:
            encoding["color"] = _channel(chart.color)
    encoding["tooltip"] = _tooltip(fields)
    return spec | {"mark": mark, "encoding": encoding}


def _axes(mark: str, x: Field, value: dict[str, Any]) -> dict[str, Any]:
    """Bars of names lie, so that the names can be read; what has an order of its own stands."""
    if mark == "bar" and x.kind == "category" and x.unit is None:
        return {"y": _channel(x) | {"sort": "-x"}, "x": value}
    return {"x": _channel(x), "y": value}


def _channel(field: Field) -> dict[str, Any]:
    found: dict[str, Any] = {"field": _escaped(field.name), "title": field.title}
    match field.kind:
        case "number":
            return found | {"type": "quantitative"}
        case "time":
            unit = _UNITS.get(field.unit or "")
            return found | {"type": "temporal"} | ({"timeUnit": unit} if unit else {"scale": {"type": "utc"}})
    if field.unit == "weekday":
        return found | {"type": "ordinal", "sort": _WEEKDAYS}
    return found | {"type": "ordinal" if field.unit else "nominal"}


def _tooltip(fields: Sequence[Field]) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in _channel(each).items() if key not in ("sort", "scale")}
        for each in fields[:_MOST_COLUMNS]
    ]


def _numbers(numbers: Sequence[Field]) -> dict[str, Any]:
    """One row's numbers, large."""
    fold = {"fold": [each.name for each in numbers], "as": ["measure", "value"]}
    encoding = {
        "text": {"field": "value", "type": "quantitative", "format": ",.10~g"},
        "y": {"field": "measure", "type": "nominal", "title": None, "sort": None},
    }
    return {"transform": [fold], "mark": {"type": "text", "fontSize": 28}, "encoding": encoding}


def _table(fields: Sequence[Field]) -> dict[str, Any]:
    """Rows and columns of text: Vega-Lite has no table of its own."""
    names = [each.name for each in fields[:_MOST_COLUMNS]]
    return {
        "transform": [
            {"window": [{"op": "row_number", "as": "row"}]},
            {"fold": names, "as": ["column", "value"]},
        ],
        "mark": {"type": "text", "align": "left", "limit": 160},
        "encoding": {
            "x": {
                "field": "column",
                "type": "nominal",
                "sort": None,
                "title": None,
                "axis": {"orient": "top", "labelAngle": 0},
            },
            "y": {"field": "row", "type": "ordinal", "title": None, "axis": None},
            "text": {"field": "value", "type": "nominal"},
        },
        "width": {"step": 170},
    }


def _escaped(name: str) -> str:
    """A column's name as a field: dots and brackets would be paths."""
    return "".join(f"\\{letter}" if letter in ".[]\\" else letter for letter in name)
