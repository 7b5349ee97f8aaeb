"""`photochrom evaluate`: all measures of a network."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photochrom.commands._options import Data, Weights
from photochrom.commands._terminal import err, print_table

if TYPE_CHECKING:
    from photochrom.lab.datasets import Pairs
    from photochrom.lab.evaluation import ModelEvaluation
    from photochrom.lab.models import ColorizationModel

__all__ = ["evaluate"]


def evaluate(
    weights: Weights,
    data: Data = "auto",
    split: Annotated[str, typer.Option(help="train, val, or test where it has color.")] = "val",
    decoding: Annotated[
        str | None, typer.Option(help="How a network that gives a distribution shall choose its color.")
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Draw so many pictures; all of them if not given.")] = None,
    json: Annotated[
        Path | None, typer.Option(help="Also add everything to this JSON file, in place of an older entry like it.")
    ] = None,
) -> None:
    """Tell whether a network's color looks right: all measures, overall, by skin tone and by label."""
    from photochrom.lab.checkpoint import find_checkpoint
    from photochrom.lab.datasets import open_dataset, open_split
    from photochrom.lab.evaluation import read_evaluations, record_evaluation
    from photochrom.lab.training import choose

    if json is not None:
        read_evaluations(json)  # a file that cannot be added to is better told before the work than after it
    model, pairs = find_checkpoint(weights).model, open_split(data, split)
    evaluation = _measured(model, choose(pairs, count or len(pairs)), decoding)
    for table in evaluation.tables():
        print_table(table.columns, table.rows, title=table.title)
    if json is not None:
        record_evaluation(json, evaluation, weights, open_dataset(data).name, split)


def _measured(model: "ColorizationModel", pairs: "Pairs", decoding: str | None) -> "ModelEvaluation":
    """Measure a network behind a bar."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from photochrom.lab.evaluation import evaluate_model

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task("pictures", total=len(pairs))

        def update(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        return evaluate_model(model, pairs, decoding, update)
