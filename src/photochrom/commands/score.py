"""`photochrom score`: score predictions as the study does."""

from pathlib import Path
from typing import Annotated

import typer

from photochrom.commands._options import Data
from photochrom.commands._terminal import print_table


def score(
    predictions: Annotated[Path, typer.Argument(help="A .npy file, (count, height, width, 3), 0 to 255.")],
    names: Annotated[Path, typer.Argument(help="A text file: the name of one picture a line, in the same order.")],
    data: Data = "auto",
    size: Annotated[
        int | None, typer.Option(help="Side of the pictures of a folder or a collection; their usual one if not given.")
    ] = None,
) -> None:
    """Score a file of predictions as the study does, whoever made it."""
    from photochrom.lab.datasets import open_dataset
    from photochrom.lab.training import score_estimations

    dataset = open_dataset(data, size)
    figures = score_estimations(predictions, names, dataset)
    print_table(["measure", "value"], list(figures.items()), f"Data set: {dataset.name}")
