"""`photochrom export`: a network as an ONNX file."""

from pathlib import Path
from typing import Annotated

import typer

from photochrom.commands._options import Weights
from photochrom.commands._terminal import say


def export(
    weights: Weights,
    out: Annotated[
        Path, typer.Argument(metavar="OUT.onnx", help="Where the ONNX file goes; an older one is replaced.")
    ],
    linked: Annotated[
        bool, typer.Option("--linked", help="Leave the weights in MODEL's file, which must lie in the same folder.")
    ] = False,
) -> None:
    """Write a network as an ONNX file, which needs no torch, and check that it gives the same colors."""
    from photochrom.lab.checkpoint import checkpoint_path, find_checkpoint
    from photochrom.lab.export import export_onnx

    source = checkpoint_path(weights) if linked else None
    say(export_onnx(find_checkpoint(weights), out, weights=source).summary())
