"""`photochrom experiment`: the study's experiments."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photochrom.commands._engines import Address, Cpus, Engine, Gpus, Jobs, executor_of
from photochrom.commands._options import Data, Device, MLflow, RunsFolder
from photochrom.commands._terminal import print_table, resumable, say

if TYPE_CHECKING:
    from photochrom.lab.executors import Executor, TrainingJob

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
    names: Annotated[
        list[str],
        typer.Argument(help="Experiments, YAML files of experiments, or all; then settings to change, as NAME=VALUE."),
    ],
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds each run is trained with.")] = 1,
    jobs: Jobs = None,
    runs: RunsFolder = Path("runs"),
    data: Data = "auto",
    device: Device = "auto",
    engine: Engine = "local",
    address: Address = "",
    cpus: Cpus = 1,
    gpus: Gpus = 0,
    mlflow: MLflow = "",
) -> None:
    """Train experiments side by side; finished runs are skipped, begun ones resumed."""
    from photochrom.lab.experiments import plan

    executor = executor_of(engine, jobs, device, address, cpus, gpus, mlflow)
    failures = run_jobs_with_progress(plan(names, seeds, runs, data), executor)
    as_they_are = not any("=" in name for name in names)  # a report takes runs with changed settings for others
    own = [name for name in names if name.endswith((".yaml", ".yml")) and as_they_are]
    next_words = ["photochrom", "report", str(runs), "--out", "report", *(f"--experiment={name}" for name in own)]
    say(f"results: {runs}; next: {shlex.join(next_words)}")
    raise typer.Exit(2 if failures else 0)


def run_jobs_with_progress(jobs: Sequence["TrainingJob"], executor: "Executor") -> int:
    """Run jobs with progress bars; returns the number of failures."""
    from photochrom.commands._epochs import JobsProgress
    from photochrom.lab.executors import run_jobs

    with JobsProgress(sum(job.config.max_epochs for job in jobs)) as progress, resumable():
        outcomes = run_jobs(jobs, executor, progress)
        progress((), outcomes)
    return sum(1 for outcome in outcomes if outcome.error)
