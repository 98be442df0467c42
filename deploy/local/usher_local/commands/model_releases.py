"""`usher model list|show|publish|export|reload|rollback`: which release of a model serves."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from usher_local.shown import cell, clean
from usher_local.stack import Stack, usual_stack
from usher_shared.clock import SystemClock
from usher_shared.contracts.releases import METADATA_FILE, Release
from usher_shared.errors import InvalidRequest
from usher_shared.events.envelope import describe

if TYPE_CHECKING:
    from usher_shared.artifacts.releases import Releases

console = Console()
_SWAP_SECONDS = 1800.0  # a large model takes minutes to be read, hashed and loaded
_Json = Annotated[bool, typer.Option("--json", help="one JSON object")]
_Model = Annotated[str | None, typer.Option(help="of this model")]


def register(app: typer.Typer) -> None:
    """The commands, into the group `usher model`."""
    for name, command in (
        ("list", list_releases),
        ("show", show),
        ("publish", publish),
        ("export", export),
        ("reload", reload),
        ("rollback", rollback),
    ):
        app.command(name)(command)


def list_releases(as_json: _Json = False) -> None:
    """Every release in the store, the newest first, and what is deployed."""
    found = asyncio.run(_call(usual_stack(), "GET", "/releases"))
    if as_json:
        typer.echo(json.dumps(found))
        return
    table = Table("release", "model", "engine", "made", "state", box=None)
    for each in found["releases"]:
        made = datetime.fromisoformat(each["created_at"]).strftime("%Y-%m-%d %H:%M")
        table.add_row(*map(cell, (each["version"], each["model"], each["engine"], made, each["state"])))
    console.print(table)
    for model, deployed in found["deployed"].items():
        canary = f", {deployed['percent']:g} % to {deployed['canary']}" if deployed["canary"] else ""
        console.print(f"{clean(model)}: {clean(deployed['stable'])}{clean(canary)}", markup=False, soft_wrap=True)
    for version, why in found["broken"].items():
        console.print(cell(f"cannot be read: {version}: {why}", "red"), soft_wrap=True)
    for each in found["refused"]:
        console.print(cell(f"refused: {each['reason']}", "red"), soft_wrap=True)


def show(version: Annotated[str, typer.Argument(help="as `usher model list` shows it")]) -> None:
    """A release's metadata, as JSON."""
    typer.echo(asyncio.run(stored_releases(usual_stack()).named(version)).model_dump_json(indent=2))


def publish(  # noqa: PLR0917  typer's options, given by name
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="the model's files")],
    model: Annotated[str | None, typer.Option(help="the id that requests name it by")] = None,
    version: Annotated[str | None, typer.Option(help="of the release; never used twice")] = None,
    engine: Annotated[
        str | None, typer.Option(help="onnx, transformers, vllm, playbook; default: by the files")
    ] = None,
    base: Annotated[str | None, typer.Option(help="the model that it was tuned from")] = None,
    adapter: Annotated[str | None, typer.Option(help="folder of a LoRA adapter inside the folder")] = None,
    commit: Annotated[str | None, typer.Option(help="of the code that made it; default: the current one")] = None,
    as_json: _Json = False,
) -> None:
    """Put a folder into the stack's store as a release; nothing serves it before `usher model reload`.

    A best_model_metadata.json in the folder says what the options do not: sampling, system prompt, smoke cases, scores.
    """
    given = {
        "model": model,
        "version": version,
        "engine": engine,
        "base_model": base,
        "adapter": adapter,
        "commit": commit,
    }
    release = describe_folder(folder, {name: value for name, value in given.items() if value is not None})
    check_model(folder, release.engine)
    sealed = asyncio.run(stored_releases(usual_stack()).publish(release, folder))
    if as_json:
        typer.echo(sealed.model_dump_json())
        return
    size = sum(each.size for each in sealed.files)
    console.print(
        f"published {clean(sealed.version)}: {len(sealed.files)} files, {size / 1e6:.1f} MB, {sealed.sha256[:12]}",
        markup=False,
        soft_wrap=True,
    )


def export(
    version: Annotated[str, typer.Argument(help="as `usher model list` shows it")],
    folder: Annotated[Path, typer.Argument(help="the folder to make", file_okay=False)],
) -> None:
    """Write a release, verified, into a folder: what AIP_STORAGE_URI and `--release FOLDER` of batches take."""
    if folder.exists() and any(folder.iterdir()):
        raise InvalidRequest(f"{folder} is not empty")
    release = asyncio.run(stored_releases(usual_stack()).export(version, folder))
    console.print(
        f"{clean(str(folder))}: {len(release.files)} files of {clean(release.version)}", markup=False, soft_wrap=True
    )


def reload(
    version: Annotated[
        str | None, typer.Argument(help="default: the newest that was neither rolled back nor refused")
    ] = None,
    model: _Model = None,
    percent: Annotated[float, typer.Option(min=0.01, max=100, help="of the conversations; the others stay")] = 100.0,
    as_json: _Json = False,
) -> None:
    """Have the running stack serve a release. A bad one is refused, and what served before serves on."""
    body = {"version": version, "model": model, "percent": percent}
    _tell(asyncio.run(_call(usual_stack(), "POST", "/reload", body)), as_json)


def rollback(model: _Model = None, as_json: _Json = False) -> None:
    """End the canary; where there is none, back to the release before."""
    _tell(asyncio.run(_call(usual_stack(), "POST", "/rollback", {"model": model})), as_json)


def describe_folder(folder: Path, given: dict[str, Any]) -> Release:
    """The release that a folder is to be: what is given, else its metadata's, else what its files say.

    Raises InvalidRequest naming what is missing.
    """
    file = folder / METADATA_FILE
    try:
        known: dict[str, Any] = json.loads(file.read_bytes()) if file.exists() else {}
    except ValueError as error:
        raise InvalidRequest(f"{file} is no JSON") from error
    now = SystemClock().now()
    commit = given.get("commit", known.get("commit", _commit()))
    usual = {
        "created_at": now,
        "commit": commit,
        "engine": _engine_of(folder),
        "version": f"{now:%Y%m%d-%H%M%S}-{commit[:7] or 'local'}",
    }
    known = usual | known | given | {"files": [], "sha256": ""}
    if not known.get("model"):
        raise InvalidRequest(f"say which model it is: --model ID, or `model` in {METADATA_FILE}")
    if known["engine"] is None:
        raise InvalidRequest(
            f"{folder} has no model: neither genai_config.json (onnx; `usher model convert` makes it) nor config.json "
            "(transformers, vllm); --engine says another kind"
        )
    try:
        return Release.model_validate(known)
    except ValidationError as error:
        raise InvalidRequest(f"not a release yet: {describe(error)}") from error


def check_model(folder: Path, engine: str) -> None:
    """Raises InvalidRequest naming what a model of the kind has to have."""
    needed = {
        "onnx": ("genai_config.json", "tokenizer.json", "*.onnx"),
        "transformers": ("config.json", "tokenizer.json", "*.safetensors"),
        "vllm": ("config.json", "tokenizer.json", "*.safetensors"),
    }
    missing = [pattern for pattern in needed.get(engine, ()) if not any(folder.glob(pattern))]
    if missing:
        raise InvalidRequest(f"{folder} is no model of the kind {engine}: it has no {', no '.join(missing)}")


def _engine_of(folder: Path) -> str | None:
    if (folder / "genai_config.json").exists():
        return "onnx"
    return "transformers" if (folder / "config.json").exists() else None


def _commit() -> str:
    """Of the current folder's repository, empty without one."""
    git = shutil.which("git")
    if git is None:
        return ""
    done = subprocess.run([git, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def stored_releases(stack: Stack) -> Releases:
    """Where the stack's inference service looks for them."""
    from usher_inference.engine_loading import artifact_store
    from usher_inference.settings import Settings
    from usher_shared.artifacts.folder import FolderArtifactStore
    from usher_shared.artifacts.releases import Releases

    return Releases(artifact_store(Settings()) or FolderArtifactStore(stack.artifacts))


async def _call(stack: Stack, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    async with stack.client("cli", "inference", timeout_seconds=_SWAP_SECONDS) as inference:
        return await inference.call(method, path, json=body)


def _tell(swap: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(swap))
        return
    what = "now serves" if swap["changed"] else "serves already"
    canary = f", and {swap['canary']} to {swap['percent']:g} % of the conversations" if swap["canary"] else ""
    before = f" (before: {swap['previous']})" if swap["previous"] not in (None, swap["version"]) else ""
    line = f"{swap['model']} {what} {swap['version']}{canary}{before}, after {swap['took_seconds']:.1f} s"
    console.print(clean(line), markup=False, soft_wrap=True)
