"""What the commands show on a terminal: progress with the time left, tables, and failures as one line."""

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from photochrom.errors import PhotochromError, PhotoError

if TYPE_CHECKING:
    from photochrom.album import Batch, Options
    from photochrom.album import Outcome as PhotoOutcome
    from photochrom.lab.datasets import Pairs
    from photochrom.lab.evaluation import ModelEvaluation
    from photochrom.lab.experiments import TrainingJob, TrainingOutcome
    from photochrom.lab.models import ColorizationModel
    from photochrom.lab.training import Epoch, EpochCallback, RunFolder, RunMetrics, TrainingConfig

__all__ = [
    "colorize_stream",
    "colorize_with_progress",
    "download_progress",
    "evaluate_with_progress",
    "one_line_failures",
    "print_model_card",
    "print_models",
    "print_table",
    "run_jobs_with_progress",
    "say",
    "train_with_progress",
    "usage_failure",
    "warn",
]

_out = Console(highlight=False, soft_wrap=True)
_err = Console(stderr=True, highlight=False, soft_wrap=True)

_EXTRAS = {
    "export": {"onnx", "onnx_ir", "onnxscript"},
    "serve": {
        "fastapi",
        "fastapi_offline",
        "gradio",
        "httpx",
        "multipart",
        "prometheus_client",
        "starlette",
        "uvicorn",
    },
}
"""What each extra but the one for training brings."""

USAGE_STATUS = 2
INTERRUPTED_STATUS = 130


def say(text: str) -> None:
    """Print a line of results."""
    _out.print(text, markup=False)


def warn(text: str) -> None:
    """Print a line that is no result."""
    _err.print(text, markup=False, style="yellow")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    """Print a table; numbers stand to the right."""
    table = Table(title=Text(title) if title else None, title_justify="left")
    for index, column in enumerate(columns):
        is_number = bool(rows) and all(_is_number(row[index]) for row in rows)
        table.add_column(column, justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    _out.print(table)


def _is_number(value: object) -> bool:
    return value is None or isinstance(value, int | float)


def _cell(value: object) -> Text:
    """A value as it shall stand in a table; brackets in it are no markup."""
    if value is None:
        return Text()
    return Text(f"{value:.5g}" if isinstance(value, float) else str(value))


@contextmanager
def one_line_failures() -> Iterator[None]:
    """Turn what a user can mend into one line and exit status 2; anything else is a fault of ours and stays loud."""
    try:
        yield
    except PhotochromError as error:
        _fail(str(error), USAGE_STATUS)
    except KeyboardInterrupt:
        _fail("interrupted", INTERRUPTED_STATUS)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("photochrom"):
            raise
        _fail(f"{error.name} is not installed: pip install 'photochrom[{_extra_of(error.name)}]'", USAGE_STATUS)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(INTERRUPTED_STATUS)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}", USAGE_STATUS)


def _extra_of(module: str | None) -> str:
    """The extra that brings a module."""
    package = (module or "").partition(".")[0]
    return next((extra for extra, packages in _EXTRAS.items() if package in packages), "train")


def _fail(text: str, status: int) -> NoReturn:
    _err.print(f"photochrom: {' '.join(text.split())}", markup=False, style="red")
    sys.exit(status)


def usage_failure(usage: str, text: str) -> NoReturn:
    """Say how a command is used and what was wrong, and end with status 2."""
    _err.print(usage, markup=False)
    _fail(text, USAGE_STATUS)


@contextmanager
def download_progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for a download.

    Yields:
        A callback that takes the bytes received and the bytes to come, 0 if that is not known.
    """
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_err) as progress:
        task = progress.add_task(label, total=None)

        def update(received: int, total: int) -> None:
            progress.update(task, completed=received, total=total or None)

        yield update


def evaluate_with_progress(
    model: "ColorizationModel", pairs: "Pairs", decoding: str | None = None
) -> "ModelEvaluation":
    """Measure a network behind a bar."""
    from photochrom.lab.evaluation import evaluate_model

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_err, transient=True) as progress:
        task = progress.add_task("pictures", total=len(pairs))

        def update(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        return evaluate_model(model, pairs, decoding, update)


_EPOCH_COLUMNS = (
    TextColumn("{task.description}", markup=False),
    BarColumn(bar_width=30),
    MofNCompleteColumn(),
    TextColumn("epochs, at most"),
    TimeRemainingColumn(),
    TextColumn("{task.fields[figures]}"),
)


def _figures(row: "Epoch") -> str:
    return f"val accuracy {row.val_accuracy:.4f}, mse {row.val_mse:.5f}"


@contextmanager
def _epoch_progress(label: str, max_epochs: int, epochs_done: int) -> Iterator["EpochCallback"]:
    """A bar for one training; the time left is what it takes if no rule stops it earlier.

    Args:
        label: What is trained.
        max_epochs: Where the bar ends.
        epochs_done: How far an earlier call came.

    Yields:
        A callback that takes each epoch's row.
    """
    with Progress(*_EPOCH_COLUMNS, console=_err) as progress:
        task = progress.add_task(label, total=max_epochs, completed=epochs_done, figures="")

        def update(row: "Epoch") -> None:
            progress.update(task, completed=row.epoch, figures=_figures(row))

        yield update


def _readable_history(job: "TrainingJob") -> "list[Epoch]":
    """The epochs so far; none if they cannot be read, which is for the training itself to say."""
    try:
        return job.folder.history()
    except PhotochromError:
        return []


class _JobsProgress:
    """A bar for all jobs and one for each at work; to be given to `run_jobs` as `on_progress`."""

    def __init__(self, jobs: Sequence["TrainingJob"]) -> None:
        self._progress = Progress(*_EPOCH_COLUMNS, console=_err)
        self._budget = sum(job.config.max_epochs for job in jobs)
        self._all = self._progress.add_task("all", total=self._budget, figures="")
        self._tasks: dict[str, TaskID] = {}
        self._told: set[str] = set()

    def __enter__(self) -> "_JobsProgress":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, working: Sequence["TrainingJob"], outcomes: Sequence["TrainingOutcome"]) -> None:
        """Show where the jobs are."""
        done = sum(outcome.job.config.max_epochs for outcome in outcomes)
        for outcome in outcomes:
            self._tell(outcome)
        for job in working:
            rows = _readable_history(job)
            done += len(rows)
            if job.name not in self._tasks:
                self._tasks[job.name] = self._progress.add_task(job.name, total=job.config.max_epochs, figures="")
            figures = _figures(rows[-1]) if rows else ""
            self._progress.update(self._tasks[job.name], completed=len(rows), figures=figures)
        self._progress.update(self._all, completed=done, figures=f"{len(outcomes)} runs finished")

    def _tell(self, outcome: "TrainingOutcome") -> None:
        name = outcome.job.name
        if name in self._told:
            return
        self._told.add(name)
        if name in self._tasks:
            self._progress.remove_task(self._tasks[name])
        if outcome.error:
            self._progress.console.print(f"{name}: {outcome.error}", markup=False, style="red")


@contextmanager
def _resumable() -> Iterator[None]:
    """Say, when the user interrupts, that nothing is lost; typer itself would say nothing."""
    try:
        yield
    except KeyboardInterrupt:
        _fail("interrupted; the same command goes on where it was", INTERRUPTED_STATUS)


def train_with_progress(
    config: "TrainingConfig",
    run: "RunFolder",
    device: str = "auto",
    threads: int = 1,
    *,
    tensorboard: bool = False,
    quiet: bool = False,
) -> "RunMetrics":
    """Train, or go on training, behind a bar; gives the figures of the run."""
    from photochrom.lab.training import TensorBoardLog, fit

    callbacks: list[EpochCallback] = [TensorBoardLog(run)] if tensorboard else []
    with ExitStack() as stack:
        if not quiet:
            callbacks.append(stack.enter_context(_epoch_progress(config.model, config.max_epochs, len(run.history()))))

        def on_epoch(row: "Epoch") -> None:
            for callback in callbacks:
                callback(row)

        stack.enter_context(_resumable())
        return fit(config, run, device=device, threads=threads, on_epoch=on_epoch)


def run_jobs_with_progress(jobs: Sequence["TrainingJob"], parallel: int | None = None, device: str = "auto") -> int:
    """Run jobs behind bars, one process a core unless told; gives the number that failed."""
    from photochrom.lab.experiments import run_jobs

    with _JobsProgress(jobs) as progress, _resumable():
        outcomes = run_jobs(jobs, parallel or os.cpu_count() or 1, device, progress)
        progress((), outcomes)
    return sum(1 for outcome in outcomes if outcome.error)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let a request to end, and a terminal that is closed, pass through `finally`, so that no process is left."""

    def end(signal_number: int, _: object) -> None:
        sys.exit(128 + signal_number)

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    handled = [(number, signal.signal(number, end)) for number in numbers]
    try:
        yield
    finally:
        for number, before in handled:
            signal.signal(number, before)


def _one_line(text: str) -> str:
    """Text without what breaks lines or is no letter in this encoding, as names of files may have it."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def colorize_with_progress(batch: "Batch", jobs: int | None = None, *, quiet: bool = False) -> int:
    """Color photos behind a bar, tell what failed, and at the end how many did not.

    Args:
        batch: The photos.
        jobs: How many processes work side by side.
        quiet: Whether to tell failures only.

    Returns:
        How many failed.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    counts: Counter[str] = Counter()
    with (
        _resumable(),
        _ended_by_signals(),
        Progress(*columns, console=_err, transient=True, disable=quiet or not _err.is_terminal) as progress,
        closing(batch.run(jobs)) as outcomes,
    ):
        task = progress.add_task("photos", total=len(batch))
        for outcome in outcomes:
            counts[outcome.status] += 1
            if outcome.status == "failed" or (outcome.status == "in color" and not quiet):
                _tell(outcome)
            progress.advance(task)
    if not quiet:
        say(_summary(counts, batch.folders))
    return counts["failed"]


def _tell(outcome: "PhotoOutcome") -> None:
    """Print, above the bar, what became of a photo that was not colored."""
    if outcome.status == "failed":
        line = f"photochrom: {outcome.source}: {outcome.error}"
        _err.print(_one_line(line), markup=False, style="red")
    else:
        warn(_one_line(f"{outcome.source}: in color already, left alone; --force colors it anew"))


_SHOWN_FOLDERS = 3


def _summary(counts: Mapping[str, int], folders: Sequence[Path]) -> str:
    parts = [f"colored {counts['colored']}"]
    labels = {"done": "done before", "in color": "in color already"}
    skipped = ", ".join(f"{counts[status]} {label}" for status, label in labels.items() if counts[status])
    if skipped:
        parts.append(f"skipped {counts['done'] + counts['in color']} ({skipped})")
    if counts["failed"]:
        parts.append(f"failed {counts['failed']}")
    if counts["colored"] + counts["done"] == 0:
        return ", ".join(parts)
    places = ", ".join(_one_line(str(folder)) for folder in folders[:_SHOWN_FOLDERS])
    more = len(folders) - _SHOWN_FOLDERS
    return f"{', '.join(parts)}; results: {places}{f' and {more} more folders' if more > 0 else ''}"


def colorize_stream(options: "Options") -> None:
    """Color the photo on standard input to standard output; one in color passes through as it is.

    Raises:
        PhotoError: There is no photo, or one of the two is a terminal.
    """
    from photochrom.album import colorize_bytes

    if sys.stdin.isatty() or sys.stdout.isatty():
        raise PhotoError("- stands for a photo on standard input: photochrom colorize - < gray.jpg > color.jpg")
    content = sys.stdin.buffer.read()
    colored = colorize_bytes(content, options)
    if colored is None:
        warn("the photo is in color already and passed on as it is; --force colors it anew")
    sys.stdout.buffer.write(content if colored is None else colored)
    sys.stdout.buffer.flush()


_RIGHTS = ("licence", "license", "rights", "not to be used", "trained on")
"""Rows of a model card that tell what may be done with the model; the first that is there is shown."""


def print_models() -> None:
    """Print what models are shipped: what each is for, its size, how good it is, its rights and where its card lies."""
    from photochrom.shipped import read_card, shipped_model, shipped_models

    rows, remarks = [], []
    for name in shipped_models():
        model = shipped_model(name)
        facts = read_card(name).facts
        size = round(model.weights.stat().st_size / 1e6, 2)
        rows.append((name, facts["summary"], size, *_figures_of(model.figures)))
        rights = next((f"{key}: {facts[key]}; " for key in _RIGHTS if key in facts), "")
        remarks.append(f"{name}: {rights}card: {model.card}")
    print_table(["model", "what it is", "MB", "accuracy", "chroma error", "measured on"], rows)
    for remark in remarks:
        say(remark)


def _figures_of(evaluations: Path) -> tuple[float | None, float | None, str]:
    """Accuracy and chroma error, and the pictures that they were measured on."""
    recorded = json.loads(evaluations.read_text(encoding="utf-8")) if evaluations.is_file() else []
    if not recorded:
        return None, None, ""
    first = recorded[0]
    overall, pictures = first["overall"], f"{first['data']} {first['split']}, {first['pictures']}"
    return round(overall["accuracy"], 4), round(overall["chroma_error"], 2), pictures


def print_model_card(name: str) -> None:
    """Print what a shipped model is good for and what it must not be used for.

    Raises:
        CheckpointError: There is no such model.
    """
    from photochrom.shipped import shipped_model

    say(shipped_model(name).card.read_text(encoding="utf-8").rstrip())
