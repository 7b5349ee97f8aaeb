"""The experiments by name."""

from collections.abc import Callable

from photochrom.experiments._experiment import Experiment
from photochrom.registry import Registry

__all__ = ["available", "get_experiment", "register"]

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
