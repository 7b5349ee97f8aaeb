"""The experiments by name."""

from collections.abc import Callable
from pathlib import Path

from photochrom.errors import ConfigError
from photochrom.lab.experiments._experiment import Experiment, Run
from photochrom.lab.experiments._file import read_experiment
from photochrom.lab.registry import Registry
from photochrom.lab.training import TrainingConfig, read_config

_registry: Registry[Callable[[], Experiment]] = Registry("photochrom.lab.experiments", "experiment")
register = _registry.register


def available() -> list[str]:
    """The names of the experiments."""
    return _registry.names()


def of_the_study() -> list[str]:
    """The names of the study's own experiments."""
    return [name for name in available() if get_experiment(name).in_study]


def get_experiment(name: str) -> Experiment:
    """The experiment of that name, or that a YAML file describes.

    Raises:
        ConfigError: There is none, or the file is broken.
    """
    if name.endswith((".yaml", ".yml")):
        return read_experiment(Path(name))
    return _registry[name]()


def get_run(key: str) -> Run:
    """A run of an experiment.

    Args:
        key: As `experiment/run`; the experiment may be a YAML file.

    Raises:
        ConfigError: There is no such experiment, or it has no such run.
    """
    experiment, slash, name = key.rpartition("/")
    if not slash or key.endswith((".yaml", ".yml")):
        there = ", ".join(run.name for run in get_experiment(key).runs)
        raise ConfigError(f"{key} is an experiment; write EXPERIMENT/RUN with one of its runs: {there}")
    runs = {run.name: run for run in get_experiment(experiment).runs}
    if name not in runs:
        raise ConfigError(f"{experiment} has no run called {name!r}; there are: {', '.join(runs)}")
    return runs[name]


def base_config(file: Path | None, run: str | None) -> TrainingConfig:
    """The settings that a user starts from: those of a file or of a run, or the default ones.

    Raises:
        ConfigError: Both are given, or the given one does not exist or is broken.
    """
    if file is not None and run is not None:
        raise ConfigError("a file of settings and an experiment cannot both be where settings start from")
    if file is not None:
        return read_config(file)
    return get_run(run).config if run is not None else TrainingConfig()
