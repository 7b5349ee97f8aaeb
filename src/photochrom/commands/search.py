"""`photochrom search`: many trainings, whose settings Optuna chooses."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photochrom.commands._engines import Address, Cpus, Engine, Gpus, Jobs, executor_of
from photochrom.commands._options import Data, Device, MLflow, RunsFolder
from photochrom.commands._terminal import print_table, resumable, say, warn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from photochrom.lab.executors import Executor
    from photochrom.lab.search import Search, SearchPlan

_ROWS = 10


Network = Annotated[str, typer.Argument(metavar="NET", help="A network of 'photochrom settings'.")]
Settings = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="Settings that all trials share.")
]
Space = Annotated[str, typer.Option(help="A YAML file of what varies, or defaults.")]
Trials = Annotated[int, typer.Option(min=1, help="How many in all, those of earlier calls included.")]
Objective = Annotated[str, typer.Option(help="val_accuracy, val_mse or val_colorfulness.")]
Sampler = Annotated[str, typer.Option(help="tpe, random or grid.")]
Pruner = Annotated[str, typer.Option(help="What gives up bad trials early: median, asha or none.")]
Name = Annotated[str, typer.Option(help="Of the search and its folder; that of the network if not given.")]
Keep = Annotated[int, typer.Option(min=1, help="How many of the best become runs of an experiment.")]
Storage = Annotated[
    str, typer.Option(help="A URL for Optuna, such as postgresql://HOST/BASE, or a file *.journal; else SQLite.")
]
Seed = Annotated[int, typer.Option(min=0, help="Decides what is tried.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be tried and how long it takes.")]


def search(
    network: Network,
    settings: Settings = None,
    space: Space = "defaults",
    trials: Trials = 60,
    objective: Objective = "val_accuracy",
    sampler: Sampler = "tpe",
    pruner: Pruner = "median",
    name: Name = "",
    keep: Keep = 1,
    storage: Storage = "",
    seed: Seed = 0,
    runs: RunsFolder = Path("runs"),
    data: Data = "auto",
    device: Device = "auto",
    jobs: Jobs = None,
    engine: Engine = "local",
    address: Address = "",
    cpus: Cpus = 1,
    gpus: Gpus = 0,
    mlflow: MLflow = "",
    dry_run: DryRun = False,
) -> None:
    """Search good settings for a network; the same command goes on where it was, and more at once share the work."""
    from photochrom.lab.datasets import open_dataset
    from photochrom.lab.search import SearchPlan, read_space
    from photochrom.lab.training import TrainingConfig

    dataset = open_dataset(data)
    dataset.require_at_hand()
    base = TrainingConfig().varied(model=network, data=dataset.name).assigned(settings or [])
    name = name or network
    varied = read_space(space, base)
    if sampler == "grid":
        trials = min(trials, len(varied.grid()))
    plan = SearchPlan(name, base, varied, trials, objective, sampler, pruner, seed, runs / name, storage)
    if dry_run:
        _tell_plan(plan, device)
        return
    _run(plan, executor_of(engine, jobs, device, address, cpus, gpus, mlflow), keep)


def _tell_plan(plan: "SearchPlan", device: str) -> None:
    from photochrom.lab.search import estimated

    print_table(["name", "values"], list(plan.space.description().items()), "What varies")
    found = estimated(plan, device)
    rows = [(number, _in_words(values)) for number, values in enumerate(found.values)]
    print_table(["trial", "settings"], rows, f"The first {len(rows)} of {plan.trials} trials")
    if len(rows) < plan.trials:
        say("The later ones depend on the results.")
    longest = timedelta(seconds=round(found.longest_seconds))
    say(
        f"One epoch of trial {found.measured}, of median size, took {found.epoch_seconds:.1f} s: {plan.trials} trials "
        f"of {plan.base.max_epochs} epochs take {longest} one after the other, or less if rules end some early."
    )


def _run(plan: "SearchPlan", executor: "Executor", keep: int) -> None:
    from photochrom.commands._epochs import JobsProgress
    from photochrom.lab.search import Search

    with resumable():
        search = Search(plan)
        done = sum(1 for trial in search.trials() if trial.state.is_finished())
        if done:
            say(f"{done} of {plan.trials} trials were done before")
        with JobsProgress(max(plan.trials - done, 0) * plan.base.max_epochs) as progress:
            search.run(executor, progress)
        _tell_results(search, keep)


def _tell_results(search: "Search", keep: int) -> None:
    from photochrom.lab.search import experiment_file, results_of, write_results

    page = write_results(search, keep)
    results = results_of(search)
    rows = [(*row[:4], _in_words(dict(zip(results.columns[4:], row[4:], strict=True)))) for row in results.rows[:_ROWS]]
    print_table([*results.columns[:4], "settings"], rows, f"The best of {sum(results.counts.values())} trials")
    if results.importance:
        print_table(["name", "importance"], list(results.importance.items()))
    for failure in results.failures:
        warn(failure)
    say(f"{', '.join(f'{count} {state}' for state, count in results.counts.items())}; table and pictures: {page}")
    if results.best:
        say(f"next: photochrom experiment run {experiment_file(search)} --seeds 3")
    else:
        raise typer.Exit(2)


def _in_words(values: "Mapping[str, object]") -> str:
    """Settings in one cell, so that many fit on a narrow terminal."""
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()
    )
