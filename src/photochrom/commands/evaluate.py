"""`photochrom evaluate`: all measures of a network, or of whole photos as the product colors them."""

from collections.abc import Container, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

from photochrom.commands import _engines as engines
from photochrom.commands import _options as options
from photochrom.commands._terminal import counting_bar, print_table, say, usage_failure, warn
from photochrom.shipped import DEFAULT_MODEL

if TYPE_CHECKING:
    from rich.progress import TaskID

    from photochrom.lab.datasets import Pairs, Split
    from photochrom.lab.evaluation import ModelEvaluation, PhotoEvaluation, PhotoEvaluator, PhotoSet
    from photochrom.lab.models import ColorizationModel

_USAGE = "Usage: photochrom evaluate MODEL [--data SET], or photochrom evaluate --photos SET_OR_FOLDER"
_FOR_MODELS = frozenset({"data", "size", "decoding"})
_FOR_PHOTOS = frozenset({"model", "face_model", "faces", "jobs", "engine", "address", "sheet"})
"""Parameters that mean something for a network alone, and for whole photos alone."""

_SHEET_PHOTOS = 24
"""Photos on a contact sheet, shared by the sets that are evaluated."""


def evaluate(
    context: typer.Context,
    weights: options.OptionalWeights = None,
    data: options.Data = "auto",
    size: options.Size = None,
    split: options.ScoredSplit = None,
    decoding: options.Decoding = None,
    count: options.Count = None,
    json: options.JsonFile = None,
    photos: options.PhotoSets = None,
    model: options.ScoredModel = DEFAULT_MODEL,
    face_model: options.ScoredFaceModel = "face",
    faces: options.ScoredFaces = True,
    jobs: options.ScoringJobs = None,
    engine: engines.Engine = "local",
    address: engines.Address = "",
    sheet: options.Sheet = None,
) -> None:
    """Measure how good the colors of a network are, or of whole photos."""
    if (weights is None) == (not photos):
        usage_failure(_USAGE, "name either a MODEL, or --photos and perhaps --model")
    if weights is not None:
        _refuse(context, _FOR_PHOTOS, "for --photos alone; leave it out for a MODEL")
        _evaluate_network(weights, data, size, split or "val", decoding, count, json)
        return
    _refuse(context, _FOR_MODELS, "for a MODEL alone; --photos names its own sets")
    opened = engines.photo_evaluator(engine, address, model, face_model if faces else None, jobs)
    _evaluate_photos(opened, photos or [], split or "test", count, json, sheet)


def _refuse(context: typer.Context, names: Container[str | None], why: str) -> None:
    """End with a line about the first of these parameters that the command line has, if it has any."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in names and source is not None and source.name == "COMMANDLINE":
            option = "/".join([*parameter.opts, *parameter.secondary_opts])
            usage_failure(_USAGE, f"{option} is {why}")


def _evaluate_network(
    weights: str,
    data: str,
    size: int | None,
    split: str,
    decoding: str | None,
    count: int | None,
    json: Path | None,
) -> None:
    from photochrom.lab.checkpoint import checkpoint_path, load_checkpoint
    from photochrom.lab.evaluation import model_tables, record_evaluation, require_evaluations
    from photochrom.lab.training import choose, open_as_trained

    if json is not None:
        require_evaluations(json)  # a file that cannot be added to is better told before the work than after it
    file = checkpoint_path(weights)
    network, dataset = load_checkpoint(file).model, open_as_trained(file, data, size)
    pairs = dataset.split(cast("Split", split))
    evaluation = _measured(network, choose(pairs, count or len(pairs)), decoding)
    for table in model_tables(evaluation, f"{dataset.name}, {split}"):
        print_table(table.columns, table.rows, title=table.title)
    if json is not None:
        record_evaluation(json, evaluation, weights, dataset.name, split)


def _evaluate_photos(
    opened: "AbstractContextManager[PhotoEvaluator]",
    specs: Sequence[str],
    split: str,
    limit: int | None,
    json: Path | None,
    sheet: Path | None,
) -> None:
    """Color whole photos, and print, record and show how that compares with leaving them gray."""
    from photochrom.lab import evaluation as lab

    if json is not None:
        lab.read_photo_evaluations(json)  # what cannot be written is better told before the work than after it
    if sheet is not None:
        lab.require_sheet_name(sheet)
    sets = [lab.open_photos(spec, split, limit) for spec in specs]
    panels = 0 if sheet is None else max(1, _SHEET_PHOTOS // len(sets))
    evaluations = []
    for evaluation in _colored(opened, sets, panels):
        evaluations.append(evaluation)
        if json is not None:
            lab.record_photo_evaluation(json, evaluation)
    for line in (line for one in evaluations for line in one.left_out):
        warn(f"left out: {line}")
    for table in lab.photo_tables(evaluations):
        print_table(table.columns, table.rows, title=table.title)
    drawn = [panel for one in evaluations for panel in one.panels]
    if sheet is not None and drawn:
        lab.write_sheet(drawn, sheet)
        say(f"contact sheet: {sheet}")
    elif sheet is not None:
        warn(f"{sheet}: not written, for all photos that were drawn for the contact sheet were left out")


def _colored(
    opened: "AbstractContextManager[PhotoEvaluator]", sets: "Sequence[PhotoSet]", panels: int
) -> "Iterator[PhotoEvaluation]":
    """Color sets of photos behind a bar, and measure each."""
    with opened as evaluator, counting_bar() as progress:
        for chosen in sets:
            task = progress.add_task(chosen.name, total=len(chosen.photos))

            def update(done: int, total: int, task: "TaskID" = task) -> None:
                progress.update(task, completed=done, total=total)

            yield evaluator.evaluate(chosen, panels=panels, progress=update)


def _measured(model: "ColorizationModel", pairs: "Pairs", decoding: str | None) -> "ModelEvaluation":
    """Measure a network behind a bar."""
    from photochrom.lab.evaluation import evaluate_model

    with counting_bar() as progress:
        task = progress.add_task("pictures", total=len(pairs))

        def update(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        return evaluate_model(model, pairs, decoding, update)
