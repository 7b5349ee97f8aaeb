"""`photochrom experiment`: the study's experiments."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photochrom.commands._options import Data, Device, RunsFolder
from photochrom.commands._terminal import print_table, resumable, say
from photochrom.errors import PhotochromError

if TYPE_CHECKING:
    from rich.progress import TaskID

    from photochrom.lab.experiments import TrainingJob, TrainingOutcome
    from photochrom.lab.training import Epoch

app = typer.Typer(no_args_is_help=True, help="Run the study's experiments.")


@app.command("list")
def list_experiments() -> None:
    """List the experiments, their questions and their runs."""
    from photochrom.lab.experiments import available, get_experiment

    experiments = {name: get_experiment(name) for name in available()}
    rows = [
        (name, experiment.question, ", ".join(run.name for run in experiment.runs))
        for name, experiment in experiments.items()
    ]
    print_table(["experiment", "question", "runs"], rows)


@app.command()
def run(
    names: Annotated[list[str], typer.Argument(help="Experiments, or all; then settings to change, as NAME=VALUE.")],
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds each run is trained with.")] = 1,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes side by side; one a core if not given.")] = None,
    runs: RunsFolder = Path("runs"),
    data: Data = "auto",
    device: Device = "auto",
) -> None:
    """Train experiments side by side; finished runs are skipped, begun ones resumed."""
    from photochrom.lab.experiments import plan

    failures = run_jobs_with_progress(plan(names, seeds, runs, data), jobs, device)
    say(f"results: {runs}; next: photochrom report {runs} --out report")
    raise typer.Exit(2 if failures else 0)


def run_jobs_with_progress(jobs: Sequence["TrainingJob"], parallel: int | None = None, device: str = "auto") -> int:
    """Run jobs with progress bars, by default one process for each core; returns the number of failures."""
    from photochrom.lab.experiments import run_jobs

    with _JobsProgress(jobs) as progress, resumable():
        outcomes = run_jobs(jobs, parallel or os.cpu_count() or 1, device, progress)
        progress((), outcomes)
    return sum(1 for outcome in outcomes if outcome.error)


class _JobsProgress:
    """A bar for all jobs and one for each at work; to be given to `run_jobs` as `on_progress`."""

    def __init__(self, jobs: Sequence["TrainingJob"]) -> None:
        from photochrom.commands._epochs import epoch_bars, figures

        self._figures = figures
        self._progress = epoch_bars()
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
            shown = self._figures(rows[-1]) if rows else ""
            self._progress.update(self._tasks[job.name], completed=len(rows), figures=shown)
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


def _readable_history(job: "TrainingJob") -> "list[Epoch]":
    """The epochs so far; none if they cannot be read, which the training itself reports."""
    try:
        return job.folder.history()
    except PhotochromError:
        return []
