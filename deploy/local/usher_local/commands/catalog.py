"""`usher catalog`: venues and events, from a file or the sample."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from usher_local.stack import usual_stack

catalog_app = typer.Typer(help="The catalogue of venues and events.", no_args_is_help=True)
console = Console()


@catalog_app.command("import")
def catalog_import(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON or YAML")],
    check: Annotated[bool, typer.Option("--check", help="only validate")] = False,
) -> None:
    """Import venues and events; existing ones are updated, sold seats stay sold."""
    from usher_local.provision import import_catalogue, read_catalogue_file

    catalogue = read_catalogue_file(file)
    if check:
        console.print(f"{file} is valid.", markup=False)
        return
    console.print(f"Imported {asyncio.run(import_catalogue(usual_stack(), catalogue))}.")


@catalog_app.command("sample")
def catalog_sample() -> None:
    """Import the sample catalogue around today; its events of an earlier day move on."""
    from usher_local.provision import import_sample

    console.print(f"Imported {asyncio.run(import_sample(usual_stack()))}.")
