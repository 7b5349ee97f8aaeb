"""`photochrom unite`: one network whose probabilities are the mean of several ones'."""

from pathlib import Path
from typing import Annotated

import typer

from photochrom.commands._terminal import say


def unite(
    weights: Annotated[
        list[str],
        typer.Argument(metavar="MODEL...", help="Folders of runs, .safetensors files, or names of shipped models."),
    ],
    out: Annotated[Path, typer.Option(help="The .safetensors file to write.")],
) -> None:
    """Join trained networks to one that averages their probabilities; it is right more often than each of them."""
    from photochrom.lab.checkpoint import checkpoint_path, unite_checkpoints

    unite_checkpoints(list(map(checkpoint_path, weights)), out)
    say(f"{out}: a committee of {len(weights)} models; 'photochrom evaluate {out}' measures it")
