"""`usher eval`: simulated customers, the table, the files, the exit code."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from usher_local.shown import cell
from usher_shared.errors import InvalidRequest

if TYPE_CHECKING:
    from usher_evals.running import Bench, Run
    from usher_evals.tasks.model import Task

console = Console()
_Share = Annotated[float | None, typer.Option(min=0, max=1, help="exit code 1 below it")]


def evaluate(  # noqa: PLR0917  typer's options, given by name
    split: Annotated[Literal["tune", "test"], typer.Option(help="which catalogue and phrasings")] = "test",
    trials: Annotated[int, typer.Option(min=1, max=16, help="of each task")] = 4,
    seed: Annotated[int, typer.Option(help="of every phrasing")] = 0,
    family: Annotated[list[str] | None, typer.Option(help="only these families")] = None,
    task: Annotated[list[str] | None, typer.Option(help="only these tasks, by id or a part of it")] = None,
    agent: Annotated[Literal["stack", "oracle", "idle"], typer.Option(help="who is examined")] = "stack",
    model: Annotated[str | None, typer.Option(help="`model` of completion requests; default: the offline one")] = None,
    model_url: Annotated[str | None, typer.Option(help="an OpenAI-compatible server, with /v1")] = None,
    url: Annotated[str | None, typer.Option(help="examine the stack that runs there")] = None,
    key: Annotated[str | None, typer.Option(help="its API key", envvar="USHER_EVAL_KEY")] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="conversations at a time")] = 12,
    out: Annotated[Path, typer.Option(help="folder of summary.json and report.html")] = Path("build/eval"),
    compare: Annotated[Path | None, typer.Option(help="summary.json of another examination")] = None,
    catalogue: Annotated[Path | None, typer.Option(help="only write the split's catalogue of today there")] = None,
    least_pass_1: _Share = None,
    least_pass_4: _Share = None,
    most_unresolved: Annotated[float | None, typer.Option(min=0, max=1, help="exit code 1 above it")] = None,
) -> None:
    """Simulated customers against the agent; exit code 1 on any broken invariant or a missed threshold."""
    from usher_evals.report.page import render
    from usher_evals.report.summary import shortfalls, summarise

    if catalogue is not None:
        _write_catalogue(split, catalogue)
        return
    other = _read(compare) if compare is not None else None
    chosen = _choose(split, family or [], task or [])
    left_out = [one for one in chosen if url is not None and one.needs_proxy]
    chosen = [one for one in chosen if one not in left_out]
    if not chosen:
        raise InvalidRequest("no task is left to run")
    if url is not None and not key:
        raise InvalidRequest("--url needs --key, or USHER_EVAL_KEY")
    started = time.monotonic()
    runs = asyncio.run(
        _examine(chosen, trials, _benches(chosen, agent, (model_url, model), (url, key), seed, concurrency))
    )
    about = {"split": split, "trials": trials, "seed": seed, "agent": agent, "model": model or "the stack's own"}
    summary = summarise(runs, **about, left_out=len(left_out), seconds=round(time.monotonic() - started, 1))
    out.mkdir(parents=True, exist_ok=True)
    (out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    (out / "report.html").write_text(render(summary, runs, other), "utf-8")
    _print(summary, other)
    console.print(f"{out / 'summary.json'}, {out / 'report.html'}", markup=False)
    least = {"pass_1": least_pass_1, "pass_4": least_pass_4, "unresolved": most_unresolved}
    missed = shortfalls(summary, {name: bound for name, bound in least.items() if bound is not None})
    for sentence in missed:
        console.print(sentence, style="red", markup=False)
    sys.exit(1 if missed else 0)


def _choose(split: Literal["tune", "test"], families: list[str], parts: list[str]) -> list[Task]:
    from usher_evals.tasks.model import Family
    from usher_evals.tasks.suite import tasks_of

    known = {family.value for family in Family}
    strange = [name for name in families if name not in known]
    if strange:
        raise InvalidRequest(f"no family is called {strange[0]!r}; there are {', '.join(sorted(known))}")
    return [
        task
        for task in tasks_of(split)
        if (not families or task.family.value in families) and (not parts or any(part in task.id for part in parts))
    ]


def _benches(  # noqa: PLR0917  as the options come
    tasks: list[Task],
    agent: str,
    model: tuple[str | None, str | None],
    foreign: tuple[str | None, str | None],
    seed: int,
    concurrency: int,
) -> Any:
    from usher_evals.running import AGENTS
    from usher_local.benches import Model, foreign_stack, own_stack

    def bench(trial: int) -> AbstractAsyncContextManager[Bench]:
        url, key = foreign
        if url is not None:
            return foreign_stack(url, key or "", tasks, AGENTS[agent], seed=seed, concurrency=concurrency)
        return own_stack(tasks, AGENTS[agent], Model(*model), seed, concurrency)

    return bench


async def _examine(tasks: list[Task], trials: int, bench: Any) -> list[Run]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from usher_evals.examination import examine

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("runs", total=len(tasks) * trials)
        passed = violations = count = 0

        def done(run: Run) -> None:
            nonlocal passed, violations, count
            count += 1
            passed += run.reward
            violations += len(run.verdict.violations)
            progress.update(bar, advance=1, description=f"passed {passed} of {count}, violations {violations}")

        return await examine(tasks, trials, bench, done)


def _print(summary: dict[str, Any], other: dict[str, Any] | None) -> None:
    from usher_evals.report.page import changes, share, shared

    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("family", no_wrap=True)
    for head in ("n", "^1 %", "^2 %", "^3 %", "^4 %", "viol", "unr", "turn", "call", "ms50", "ms95"):
        table.add_column(head, justify="right", no_wrap=True)
    for name, figures in [*summary["families"].items(), ("all", summary)]:
        passes = [share(figures[f"pass_{k}"]).rstrip("%") for k in range(1, 5)]
        counts = [str(figures["violations"]), str(figures["unresolved"])]
        counts += [f"{figures['turns']:.1f}", f"{figures['tool_calls']:.1f}"]
        latency = [f"{figures['latency_ms'][which]:.0f}" for which in ("p50", "p95")]
        table.add_row(*map(cell, [name, str(figures["tasks"]), *passes, *counts, *latency]))
    console.print(table)
    models = ", ".join(f"{name}: {count}" for name, count in summary["models"].items())
    console.print(f"answers by model: {models or 'none'}", markup=False)
    for failure in summary["failures"][:12]:
        why = "; ".join(failure["why"][:2]) or failure["ending"]
        console.print(f"{failure['task']} trial {failure['trial'] + 1}: {why}", markup=False, style="dim")
    if other is not None:
        both, then, now = shared(summary, other)
        console.print(f"pass^1 of the {both} tasks of both: {share(then)} then, {share(now)} now", markup=False)
        for id, before, after in changes(summary, other)[:20]:
            console.print(f"{id}: {before:.0%} then, {after:.0%} now", markup=False)
    if summary["left_out"]:
        console.print(f"{summary['left_out']} tasks need the faults' proxy and were left out.", markup=False)


def _read(file: Path) -> dict[str, Any]:
    try:
        summary: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"{file} is no summary: {error}") from error
    if "results" not in summary or "families" not in summary:
        raise InvalidRequest(f"{file} is no summary of an examination")
    return summary


def _write_catalogue(split: Literal["tune", "test"], file: Path) -> None:
    from datetime import UTC, datetime

    from usher_evals.tasks.suite import tasks_of
    from usher_evals.world import catalogue
    from usher_local.benches import shows_of

    shows = shows_of(tasks_of(split))
    file.write_text(json.dumps(catalogue(shows, datetime.now(UTC)), indent=1) + "\n")
    console.print(f"{len(shows)} events written to {file}: usher catalog import {file}", markup=False)
