"""The experiments by name."""

from collections.abc import Callable

from photochrom.errors import ConfigError
from photochrom.experiments._experiment import Experiment, Run
from photochrom.registry import Registry

__all__ = ["available", "get_experiment", "get_run", "register"]

_registry: Registry[Callable[[], Experiment]] = Registry("photochrom.experiments", "experiment")
register = _registry.register


def available() -> list[str]:
    """The names of the experiments."""
    return _registry.names()


def get_experiment(name: str) -> Experiment:
    """The experiment of that name.

    Raises:
        ConfigError: There is none.
    """
    return _registry[name]()


def get_run(key: str) -> Run:
    """A run of an experiment.

    Args:
        key: As `experiment/run`.

    Raises:
        ConfigError: There is no such experiment or run.
    """
    experiment, _, name = key.partition("/")
    runs = {run.name: run for run in get_experiment(experiment).runs}
    if name not in runs:
        raise ConfigError(f"{experiment} has no run called {name!r}; there are: {', '.join(runs)}")
    return runs[name]
