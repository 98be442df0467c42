"""`usher model batch`: a file of requests answered by a model in this process."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from usher_local.shown import clean
from usher_shared.errors import UsherError

if TYPE_CHECKING:
    from usher_inference.batches.model import Progress
    from usher_inference.one_release import ReleaseSource

_Json = Annotated[bool, typer.Option("--json", help="one JSON object at the end")]
console = Console()
errors = Console(stderr=True)


def batch(
    source: Annotated[
        Path, typer.Argument(metavar="IN", exists=True, dir_okay=False, help="JSON lines: OpenAI's, or Vertex AI's")
    ],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="where the answers go, in the same order")],
    release: Annotated[
        str | None, typer.Option(help="version in the stack's store, folder, or gs://…; default: the playbook")
    ] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="lines at once; default: twice the slots")] = None,
    as_json: _Json = False,
) -> None:
    """Answer every line of a file. It may be stopped at any time, however hard: the same command goes on.

    Exit code 1: it stopped before the end, or every line failed.
    """
    from usher_inference.batch_job import GO_ON, run_batch, why_stopped
    from usher_inference.batches.service import Batch
    from usher_inference.settings import Settings

    settings = Settings()
    last: Progress | None = None
    asked = Batch(source, target, concurrency or 2 * settings.engine_slots)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    try:
        with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("answering", total=None)

            def report(progress: Progress) -> None:
                nonlocal last
                last = progress
                bar.update(task, total=progress.total, completed=progress.done)

            ended = asyncio.run(run_batch(asked, _source(release), settings, report))
    except UsherError as error:
        _fail(why_stopped(error))
    except (asyncio.CancelledError, KeyboardInterrupt):
        _fail(f"stopped{f' at {last.done} of {last.total} lines' if last else ''}; {GO_ON}")
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(ended)))
    else:
        _tell(target, ended)
    if ended.all_failed:
        _fail(f"every line failed: {target} says why")


def _fail(why: str) -> NoReturn:
    errors.print(clean(why), style="red", markup=False, soft_wrap=True)
    raise typer.Exit(1)


def _tell(target: Path, ended: Progress) -> None:
    resumed = f", {ended.resumed} of them by an earlier run" if ended.resumed else ""
    console.print(
        f"{target}: {ended.done} lines answered{resumed}; {ended.failed} failed; {ended.seconds:.1f} s",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _source(release: str | None) -> ReleaseSource | None:
    from usher_inference.adapters.bare_release import BareRelease
    from usher_inference.one_release import StoredRelease
    from usher_local.commands.model_releases import stored_releases
    from usher_local.stack import usual_stack

    if release is None:
        return None
    if "/" in release or Path(release).is_dir():
        return BareRelease(release)
    return StoredRelease(stored_releases(usual_stack()), release)
