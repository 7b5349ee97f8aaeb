"""What a search found: tables, importance, pictures, and the best settings as an experiment."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import yaml
from optuna.trial import FrozenTrial, TrialState

from photochrom.files import write_whole
from photochrom.lab.runs import STYLE, svg
from photochrom.lab.search._search import FAILURE, Search
from photochrom.lab.training import TrainingConfig

_STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


@dataclass(frozen=True)
class SearchResults:
    """The trials of a search in tables.

    Attributes:
        columns: The headings of `rows`.
        rows: One for each trial, the best first; trials without a final figure come after those with one.
        counts: The number of trials by state.
        importance: The share of each name in how good a trial is, largest first; empty if it cannot be told.
        best: The numbers of the best complete trials, the best first.
        failures: One line for each failed trial.
    """

    columns: list[str]
    rows: list[list[Any]]
    counts: dict[str, int]
    importance: dict[str, float]
    best: list[int]
    failures: list[str]


def results_of(search: Search) -> SearchResults:
    """The results of a search so far."""
    names = list(search.plan.space.dimensions)
    trials = search.trials()
    ordered = sorted(trials, key=lambda trial: _place(trial, search.plan.direction))
    return SearchResults(
        columns=["trial", search.plan.objective, "state", "epochs", *names],
        rows=[_row(trial, names) for trial in ordered],
        counts={
            name: count for state, name in _STATES.items() if (count := sum(trial.state == state for trial in trials))
        },
        importance=_importance(search.study),
        best=[trial.number for trial in ordered if trial.state == TrialState.COMPLETE],
        failures=[
            f"trial {trial.number}: {trial.user_attrs[FAILURE]}" for trial in trials if FAILURE in trial.user_attrs
        ],
    )


def _place(trial: FrozenTrial, direction: str) -> tuple[bool, float, int]:
    value = trial.value if trial.state == TrialState.COMPLETE and trial.value is not None else 0.0
    return trial.state != TrialState.COMPLETE, -value if direction == "maximize" else value, trial.number


def _row(trial: FrozenTrial, names: Sequence[str]) -> list[Any]:
    value = trial.value if trial.state in (TrialState.COMPLETE, TrialState.PRUNED) else None
    return [trial.number, value, _STATES[trial.state], trial.last_step, *(trial.params.get(name) for name in names)]


def _importance(study: optuna.Study) -> dict[str, float]:
    """Importance by PED-ANOVA, which needs two complete trials that differ.

    Reference:
        Watanabe, Bansal and Hutter, "PED-ANOVA: efficiently quantifying hyperparameter importance in arbitrary
        subspaces", 2023.
    """
    values = {trial.value for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))}
    if len(values) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return optuna.importance.get_param_importances(study)


def write_results(search: Search, keep: int = 1) -> Path:
    """Write `results.md` and its pictures into the folder of a search, and the best settings as an experiment.

    Args:
        search: At least one of its trials is complete, or nothing but the table is written.
        keep: How many of the best become runs of the experiment.

    Returns:
        The path of `results.md`.
    """
    results, folder = results_of(search), search.plan.folder
    pictures = _pictures(search.study) if results.importance else {}
    for name, content in pictures.items():
        write_whole(folder / f"{name}.svg", content)
    if results.best:
        write_whole(experiment_file(search), _experiment(search, results.best[:keep]))
    lines = [f"# Search {search.plan.name}", "", _summary(search, results), ""]
    if results.importance:
        lines += [*_table(["name", "importance"], [list(item) for item in results.importance.items()]), ""]
    lines += [line for name in pictures for line in (f"![{name}]({name}.svg)", "")]
    lines += _table(results.columns, results.rows)
    lines += ["", *(f"- {failure}" for failure in results.failures)]
    page = folder / "results.md"
    write_whole(page, "\n".join(lines).rstrip() + "\n")
    return page


def experiment_file(search: Search) -> Path:
    """Where the best settings lie as an experiment."""
    return search.plan.folder / f"{search.plan.name}-best.yaml"


def _summary(search: Search, results: SearchResults) -> str:
    counts = ", ".join(f"{count} {name}" for name, count in results.counts.items())
    plan = search.plan
    return f"{plan.base.model} on {plan.base.data}, {plan.objective}, {plan.sampler} with {plan.pruner}: {counts}."


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    def cell(value: object) -> str:
        return "" if value is None else f"{value:.5g}" if isinstance(value, float) else str(value)

    return [
        f"| {' | '.join(columns)} |",
        f"|{'---|' * len(columns)}",
        *(f"| {' | '.join(map(cell, row))} |" for row in rows),
    ]


def _experiment(search: Search, numbers: Sequence[int]) -> str:
    """The YAML of an experiment with the settings of some trials.

    Its seeds begin after that of the trials: with the same seed, the winner would only repeat the luck it won by.
    """
    trials = search.trials()
    runs = {
        f"place-{place}-trial-{number}": dict(trials[number].params) for place, number in enumerate(numbers, start=1)
    }
    content = {
        "title": f"The best of the search {search.plan.name}",
        "question": f"How good are the best settings of the search {search.plan.name} with other seeds?",
        "first_seed": search.plan.base.seed + 1,
        "settings": _settings(search.plan.base),
        "runs": runs,
    }
    return str(yaml.safe_dump(content, sort_keys=False))


def _settings(config: TrainingConfig) -> dict[str, Any]:
    """The settings that are not the default ones, as they stand in the file of an experiment."""
    changed = {name: value for name, value in config.model_dump().items() if value != getattr(TrainingConfig(), name)}
    changed.pop("seed", None)
    return {"model": config.model, **changed.pop("hyperparameters", {}), **changed}


def _pictures(study: optuna.Study) -> dict[str, bytes]:
    """The history, parallel coordinates and importance as SVG, by name."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot
    from optuna.visualization import matplotlib as plots

    pictures: dict[str, bytes] = {}
    draws: dict[str, Callable[[optuna.Study], Any]] = {
        "history": plots.plot_optimization_history,
        "parallel": plots.plot_parallel_coordinate,
        "importance": plots.plot_param_importances,
    }
    for name, draw in draws.items():
        with warnings.catch_warnings(), mpl.rc_context(STYLE):
            warnings.simplefilter("ignore")
            figure = draw(study).figure
            figure.set_size_inches(11, 5)
            pictures[name] = svg(figure)
            pyplot.close(figure)
    return pictures
