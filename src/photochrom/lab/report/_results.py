"""The results of finished runs, grouped by experiment."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from photochrom.errors import ConfigError, DataError
from photochrom.lab.experiments import Experiment, Run, get_experiment, of_the_study
from photochrom.lab.runs import SeedGroup, SeedResult, find_groups

_BEYOND = "Beyond the study"


@dataclass(frozen=True)
class RunResults(SeedGroup):
    """A run of an experiment with at least one seed."""

    run: Run

    @property
    def experiment(self) -> str:
        """The experiment's name."""
        return self.key.partition("/")[0]


@dataclass(frozen=True)
class ExperimentResults:
    """An experiment with at least one finished run."""

    name: str
    experiment: Experiment
    runs: tuple[RunResults, ...]


@dataclass(frozen=True)
class Chapter:
    """A chapter of the study, or the experiments beyond it."""

    title: str
    experiments: tuple[ExperimentResults, ...]


@dataclass(frozen=True)
class Findings:
    """The results of all runs in a folder.

    Attributes:
        experiments: In the study's order, then those beyond it.
        others: Finished runs that belong to no experiment, by their path in the folder.
        broken: One line for each run that cannot be read.
    """

    experiments: tuple[ExperimentResults, ...]
    others: dict[str, SeedResult]
    unfinished: tuple[str, ...]
    broken: tuple[str, ...]

    @cached_property
    def runs(self) -> tuple[RunResults, ...]:
        """All runs of all experiments."""
        return tuple(run for experiment in self.experiments for run in experiment.runs)

    def find(self, key: str | None) -> RunResults | None:
        """The run `experiment/run`; None if it is not finished."""
        return next((run for run in self.runs if run.key == key), None)

    @cached_property
    def of_study(self) -> tuple[RunResults, ...]:
        """The runs of the study's experiments."""
        return tuple(run for results in self.experiments if results.experiment.in_study for run in results.runs)

    def best(self, condition: Callable[[RunResults], bool] = lambda _: True) -> RunResults | None:
        """The run of the study with the highest mean accuracy among those that meet a condition."""
        return max(filter(condition, self.of_study), key=lambda run: run.accuracy.mean, default=None)

    def chapters(self) -> list[Chapter]:
        """The experiments by chapter of the study, then those beyond it."""
        titles = {"1": "Baseline architecture", "2": "Further experiments", "5": "Other networks"}
        chapters: dict[str, list[ExperimentResults]] = {title: [] for title in (*titles.values(), _BEYOND)}
        for results in self.experiments:
            number = results.experiment.section.partition(".")[0]
            chapters[titles.get(number, _BEYOND)].append(results)
        return [Chapter(title, tuple(experiments)) for title, experiments in chapters.items() if experiments]


def gather(root: Path, data: str = "", beyond: Sequence[str] = ()) -> Findings:
    """Read all runs in a folder, at any depth.

    Args:
        data: The data set of the runs to read; may be empty if all have the same.
        beyond: The experiments beyond the study's to recognize, by their names or YAML files.

    Raises:
        ConfigError: There is no such experiment, or two of one name.
        DataError: No run is finished, or none of an experiment beyond the study's, or none on that data set, or the
            runs are of several data sets, of several sizes of one, or on pictures of it that differ.
    """
    groups, unfinished, broken = find_groups(root)
    found = {seed.folder.path.relative_to(root).as_posix(): seed for group in groups for seed in group.seeds}
    if not found:
        raise DataError(f"{root}: no finished run in it; 'photochrom experiment run all' makes some")
    sets = sorted({result.config.data for result in found.values()})
    if data not in sets and (data or len(sets) > 1):
        what = f"no finished run on {data}" if data else "runs of several data sets"
        raise DataError(f"{root}: holds {what}; a report is of one, which --data chooses: {', '.join(sets)}")
    finished = {name: result for name, result in found.items() if result.config.data == (data or sets[0])}
    sizes = sorted({str(result.config.size or "usual") for result in finished.values()})
    if len(sizes) > 1:
        what = f"{data or sets[0]} at several sizes ({', '.join(sizes)})"
        raise DataError(f"{root}: holds runs on {what}; a report is of one: move the others to a folder of their own")
    _require_same_pictures(root, finished)
    names = [*of_the_study(), *dict.fromkeys(beyond)]
    _require_apart(names)
    experiments, claimed = _by_experiment(finished, names)
    missing = {Path(name).stem for name in beyond} - {results.name for results in experiments}
    if missing:
        raise DataError(f"{root}: no finished run of {min(missing)} with the settings of that experiment")
    others = {name: result for name, result in finished.items() if name not in claimed}
    return Findings(experiments, others, tuple(unfinished), tuple(broken))


def _require_apart(experiments: Sequence[str]) -> None:
    """Refuse two experiments whose runs lie in one folder."""
    stems = [Path(name).stem for name in experiments]
    for name, stem in zip(experiments, stems, strict=True):
        if stems.count(stem) > 1:
            raise ConfigError(f"{name}: two experiments have the name {stem}, and with it one folder; name it once")


def _require_same_pictures(root: Path, finished: dict[str, SeedResult]) -> None:
    first, *others = finished
    for name in others:
        if finished[name].pictures != finished[first].pictures:
            raise DataError(
                f"{root}: {first} and {name} were scored on different pictures of {finished[name].config.data}; "
                "a report is of the same pictures: move the runs on others elsewhere"
            )


def _by_experiment(
    finished: dict[str, SeedResult], experiments: Iterable[str]
) -> tuple[tuple[ExperimentResults, ...], set[str]]:
    claimed: set[str] = set()
    gathered: list[ExperimentResults] = []
    for name_or_file in experiments:
        experiment, name = get_experiment(name_or_file), Path(name_or_file).stem
        runs: list[RunResults] = []
        for run in experiment.runs:
            prefix = f"{name}/{run.name}-seed-"
            seeds = {
                path: result
                for path, result in finished.items()
                if path.startswith(prefix) and _has_settings_of(run, result)
            }
            claimed |= set(seeds)
            if seeds:
                ordered = sorted(seeds.values(), key=lambda result: result.config.seed)
                runs.append(RunResults(f"{name}/{run.name}", tuple(ordered), run))
        if runs:
            gathered.append(ExperimentResults(name, experiment, tuple(runs)))
    return tuple(sorted(gathered, key=_study_order)), claimed


def _has_settings_of(run: Run, result: SeedResult) -> bool:
    """Whether a result has the settings of a run except seed and data; quick looks with `max_epochs=3` do not."""
    return run.config.varied(seed=result.config.seed, data=result.config.data) == result.config


def _study_order(results: ExperimentResults) -> tuple[bool, str, bool, str]:
    """The order by section; within one, experiments without a reference first, then by title."""
    experiment = results.experiment
    return not experiment.section, experiment.section, experiment.compared_with is not None, experiment.title.lower()
