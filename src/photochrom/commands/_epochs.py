"""Bars whose steps are the epochs of trainings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from photochrom.commands._terminal import err
from photochrom.errors import PhotochromError

if TYPE_CHECKING:
    from photochrom.lab.executors import TrainingJob, TrainingOutcome
    from photochrom.lab.training import Epoch


def epoch_bars(*, is_shown: bool = True) -> Progress:
    """Bars that show the figures of the last epoch; the time left is what it takes if no rule stops it earlier."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("epochs, at most"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
        console=err,
        disable=not is_shown,
    )


def figures(row: "Epoch") -> str:
    """What is shown of an epoch."""
    return f"val accuracy {row.val_accuracy:.4f}, mse {row.val_mse:.5f}"


class JobsProgress:
    """A bar for all jobs and one for each at work; to be given to an executor's queue as `on_progress`.

    Args:
        epochs: Of all jobs, at most.
    """

    def __init__(self, epochs: int) -> None:
        self._progress = epoch_bars()
        self._all = self._progress.add_task("all", total=epochs, figures="")
        self._tasks: dict[str, TaskID] = {}
        self._told: set[str] = set()

    def __enter__(self) -> "JobsProgress":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, working: Sequence["TrainingJob"], outcomes: Sequence["TrainingOutcome"]) -> None:
        """Show where the jobs are."""
        failed = [outcome for outcome in outcomes if outcome.error]
        done = sum(outcome.job.config.max_epochs for outcome in outcomes if not outcome.error)
        done += sum(len(_readable_history(outcome.job)) for outcome in failed)
        for outcome in outcomes:
            self._tell(outcome)
        for job in working:
            rows = _readable_history(job)
            done += len(rows)
            if job.name not in self._tasks:
                self._tasks[job.name] = self._progress.add_task(job.name, total=job.config.max_epochs, figures="")
            shown = figures(rows[-1]) if rows else ""
            self._progress.update(self._tasks[job.name], completed=len(rows), figures=shown)
        ended = f"{len(outcomes) - len(failed)} runs finished" + (f", {len(failed)} failed" if failed else "")
        self._progress.update(self._all, completed=done, figures=ended)

    def _tell(self, outcome: "TrainingOutcome") -> None:
        name = outcome.job.name
        if name in self._told:
            return
        self._told.add(name)
        if name in self._tasks:
            self._progress.remove_task(self._tasks[name])
        if outcome.error:
            self._progress.console.print(f"{name}: {outcome.error}", markup=False, style="red")


def _readable_history(job: "TrainingJob") -> "list[Epoch]":
    """The epochs so far; none if they cannot be read, which is for the training itself to say."""
    try:
        return job.folder.history()
    except PhotochromError:
        return []
