"""`photochrom average`: one network from several trainings of it."""

from pathlib import Path
from typing import Annotated

import typer

from photochrom.commands._options import SeveralWeights
from photochrom.commands._terminal import say
from photochrom.errors import ConfigError


def average(
    weights: SeveralWeights,
    out: Annotated[Path, typer.Option(help="The .safetensors file to write.")],
    share: Annotated[
        list[float] | None, typer.Option(help="The share of each model, in their order; equal shares if not given.")
    ] = None,
) -> None:
    """Average the weights of trainings that went on from the same weights; the average is often better than each."""
    from photochrom.lab.checkpoint import average_checkpoints, checkpoint_path

    shares = share or [1.0] * len(weights)
    sources = dict(zip(map(checkpoint_path, weights), shares, strict=False))
    if len(shares) != len(weights) or len(sources) != len(weights):
        raise ConfigError(f"{len(weights)} models need as many shares, and each model is named once")
    average_checkpoints(sources, out)
    say(f"{out}: the average of {len(weights)} models; 'photochrom evaluate {out}' measures it")
