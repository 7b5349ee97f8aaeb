"""`photochrom predict`: color test pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from photochrom.commands._options import Data, Size, Weights
from photochrom.commands._terminal import say

if TYPE_CHECKING:
    from photochrom.lab.datasets import Split

ESTIMATIONS, OUT = Path("estimations-test.npy"), Path("out")
"""Where the array and the pictures go if nothing else is said."""


def predict(
    weights: Weights,
    data: Data = "auto",
    size: Size = None,
    split: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    count: Annotated[int, typer.Option(min=1, help="How many pictures are drawn.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Decides which pictures are drawn.")] = 0,
    estimations: Annotated[Path, typer.Option(help="Where the array goes.")] = ESTIMATIONS,
    out: Annotated[Path, typer.Option(help="Where the pictures go.")] = OUT,
    variants: Annotated[
        int, typer.Option(min=1, help="How many different guesses of each, from a network that gives probabilities.")
    ] = 1,
    confidence: Annotated[
        bool, typer.Option("--confidence", help="Also write how sure the network is, as gray pictures: white is sure.")
    ] = False,
) -> None:
    """Color test pictures: an array, the list of its names, and one picture file each."""
    from photochrom.lab.checkpoint import checkpoint_path, load_checkpoint
    from photochrom.lab.training import color_test_pictures, open_as_trained

    file = checkpoint_path(weights)
    model, dataset = load_checkpoint(file).model, open_as_trained(file, data, size)
    pairs = dataset.split(cast("Split", split))
    say(
        color_test_pictures(
            model,
            pairs,
            count,
            seed,
            array=estimations,
            pictures=out,
            variants=variants,
            confidence=confidence,
            sources=dataset.folders(),
        )
    )
