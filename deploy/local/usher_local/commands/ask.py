"""`usher ask`: a question about the warehouse in plain words, its query checked twice, its answer as a table."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from usher_local.shown import cell
from usher_local.stack import Stack, usual_stack
from usher_shared.contracts.money import exponent

console = Console()
_MINOR = "_minor"
_MODEL_SECONDS = 120.0


def ask(
    question: Annotated[str, typer.Argument(help='such as "revenue by event this month"')],
    model: Annotated[str | None, typer.Option(help="a served model; default: whoever can answer")] = None,
    chart: Annotated[Path | None, typer.Option(help="write the chart here, as Vega-Lite with its data")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="as the services answer")] = False,
) -> None:
    """Ask the local warehouse a question: the query, what it means, and its rows."""
    insight, answer = asyncio.run(_ask(usual_stack(), question, model))
    if chart is not None:
        chart.write_text(json.dumps(_with_data(insight["visualization_config"], answer["rows"]), indent=2) + "\n")
    if as_json:
        typer.echo(json.dumps({"insight": insight, "answer": answer}, indent=2))
        return
    console.print(cell(insight["explanation"]), soft_wrap=True)
    console.print(cell(f"\n{insight['sql_query']}\n", "dim"), soft_wrap=True)
    console.print(_table(answer))
    rows = len(answer["rows"])
    more = "the first; there are more" if answer["truncated"] else f"answered by {insight['model_used']}"
    console.print(f"{rows} row{'' if rows == 1 else 's'}, {more}.", style="dim", markup=False)


async def _ask(stack: Stack, question: str, model: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    async with (
        stack.client("cli", "logger") as logger,
        stack.client("cli", "inference", timeout_seconds=_MODEL_SECONDS) as inference,
    ):
        dataset = await logger.call("GET", "/dataset")
        asked = {"user_query": question, "dataset_name": dataset["name"], "dataset_metadata": dataset["metadata"]}
        insight = await inference.call("POST", "/v1/insights", json=asked | ({"model": model} if model else {}))
        return insight, await logger.call("POST", "/queries", json={"sql": insight["sql_query"]})


def _with_data(spec: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    return spec | {"data": spec["data"] | {"values": rows}}


def _table(answer: dict[str, Any]) -> Table:
    """Amounts that stand beside their currency are shown in its major units."""
    names = [column["name"] for column in answer["columns"]]
    table = Table()
    money = {name for name in names if name.endswith(_MINOR) and "currency" in names}
    for column in answer["columns"]:
        name = column["name"]
        number = column["type"] in ("INT64", "FLOAT64", "NUMERIC")
        table.add_column(
            cell(name.removesuffix(_MINOR) if name in money else name), justify="right" if number else "left"
        )
    for row in answer["rows"]:
        table.add_row(*(cell(_shown(row[name], row.get("currency") if name in money else None)) for name in names))
    return table


def _shown(value: Any, currency: str | None) -> str:
    if value is None:
        return ""
    if currency is not None and isinstance(value, int | float):
        places = exponent(currency)
        return f"{Decimal(str(value)).scaleb(-places):,.{places}f}"
    return f"{value:,.6g}" if isinstance(value, float) else str(value)
