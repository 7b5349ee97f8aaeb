"""`photochrom pack`: weights in little space."""

from pathlib import Path
from typing import Annotated

import typer

from photochrom.commands._options import Weights
from photochrom.commands._terminal import say


def pack(
    weights: Weights,
    out: Annotated[Path, typer.Argument(help="The .safetensors file to write.")],
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=VALUE]...", help="Changed hyperparameters, such as decoding=natural mirrored=true."
        ),
    ] = None,
) -> None:
    """Copy weights in about a quarter of the space, for sharing."""
    from photochrom.lab.checkpoint import checkpoint_path, load_checkpoint, pack_checkpoint
    from photochrom.lab.training import parse_hyperparameters

    source = checkpoint_path(weights)
    changes = parse_hyperparameters(settings or [], load_checkpoint(source).model.catalogue_name)
    pack_checkpoint(source, out, changes)
    say(f"{out}: {out.stat().st_size / 1e6:.1f} MB")
