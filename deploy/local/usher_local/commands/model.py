"""`usher model`: the models that the inference service serves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from usher_local.commands import model_releases
from usher_local.commands.model_batch import batch

model_app = typer.Typer(help="The models behind the conversation.", no_args_is_help=True)
model_releases.register(model_app)
model_app.command("batch")(batch)
console = Console()


@model_app.command("convert")
def convert(
    folder: Annotated[Path, typer.Argument(help="a model as Hugging Face's libraries save it", exists=True)],
    out: Annotated[Path, typer.Argument(help="the folder to make")],
    precision: Annotated[Literal["fp32", "int8", "int4"], typer.Option(help="of the weights")] = "int8",
    adapter: Annotated[Path | None, typer.Option(help="a LoRA adapter to merge first", exists=True)] = None,
) -> None:
    """Make a model for processors, served without torch; what it answers is held against the original."""
    from usher_inference.adapters.onnx_conversion import convert as make

    made = make(folder, out, precision=precision, adapter=adapter)
    console.print(
        f"{out}: {made.precision}, {made.bytes / 1e6:.1f} MB; {made.agreement:.1%} of the original's tokens chosen",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
