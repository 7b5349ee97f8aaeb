"""`photochrom predict`: color test pictures."""

from pathlib import Path
from typing import Annotated

import typer

from photochrom.commands._options import Data, Weights
from photochrom.commands._terminal import say


def predict(
    weights: Weights,
    data: Data = "auto",
    split: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    count: Annotated[int, typer.Option(min=1, help="How many pictures are drawn.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Decides which pictures are drawn.")] = 0,
    estimations: Annotated[Path, typer.Option(help="Where the array goes.")] = Path("estimations-test.npy"),
    out: Annotated[Path, typer.Option(help="Where the pictures go.")] = Path("out"),
    variants: Annotated[
        int, typer.Option(min=1, help="How many different guesses of each, from a network that gives probabilities.")
    ] = 1,
    confidence: Annotated[
        bool, typer.Option("--confidence", help="Also write how sure the network is, as gray pictures: white is sure.")
    ] = False,
) -> None:
    """Color test pictures: an array, the list of its names, and one picture file each."""
    from photochrom.lab.checkpoint import find_checkpoint
    from photochrom.lab.datasets import open_split
    from photochrom.lab.training import color_test_pictures

    model, pairs = find_checkpoint(weights).model, open_split(data, split)
    say(
        color_test_pictures(
            model, pairs, count, seed, array=estimations, pictures=out, variants=variants, confidence=confidence
        )
    )
