"""`photochrom unite`: one network whose probabilities are the mean of several ones'."""

from pathlib import Path
from typing import Annotated

import typer

from photochrom.commands._options import SeveralWeights
from photochrom.commands._terminal import say
from photochrom.errors import ConfigError


def unite(
    weights: SeveralWeights,
    out: Annotated[Path, typer.Option(help="The .safetensors file to write.")],
) -> None:
    """Join trained networks to one that averages their probabilities; it is often better than each of them."""
    from photochrom.lab.checkpoint import checkpoint_path, unite_checkpoints

    sources = list(map(checkpoint_path, weights))
    if out.resolve() in [path.resolve() for path in sources]:
        raise ConfigError(f"{out}: is one of the models; choose another --out")
    unite_checkpoints(sources, out)
    say(f"{out}: a committee of {len(weights)} models; 'photochrom evaluate {out}' measures it")
