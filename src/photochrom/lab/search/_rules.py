"""How a search chooses what to try and when to give up a trial, so that a killed search decides the same again."""

import itertools
import math
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial

from photochrom.errors import ConfigError
from photochrom.lab.search._space import Space

SAMPLERS = ("tpe", "random", "grid")
PRUNERS = ("median", "asha", "none")
STARTUP_TRIALS = 10
"""Trials that TPE draws at random before it learns from them."""

_MEDIAN_STARTUP_TRIALS, _MEDIAN_WARMUP_EPOCHS = 5, 2
_ASHA_FACTOR = 3


def get_sampler(name: str, space: Space, seed: int) -> BaseSampler:
    """What chooses the settings of trials.

    Args:
        name: One of `SAMPLERS`.
        space: The space that a grid is of.
        seed: Decides the choices, with the results of the trials before.

    Raises:
        ConfigError: There is no such sampler, or the space has no grid.
    """
    if name not in SAMPLERS:
        raise ConfigError(f"no sampler is called {name!r}; there are: {', '.join(SAMPLERS)}")
    if name == "grid":
        return _GridSampler(space.grid())
    if name == "random":
        return _NumberedSampler(seed, lambda own_seed: RandomSampler(seed=own_seed))
    return _NumberedSampler(seed, lambda own_seed: TPESampler(seed=own_seed, n_startup_trials=STARTUP_TRIALS))


def get_pruner(name: str) -> BasePruner:
    """What gives up trials: `median`, `asha` or `none`.

    Raises:
        ConfigError: There is no such pruner.
    """
    pruners: dict[str, Callable[[], BasePruner]] = {
        "median": lambda: MedianPruner(_MEDIAN_STARTUP_TRIALS, _MEDIAN_WARMUP_EPOCHS),
        "asha": _AshaPruner,
        "none": NopPruner,
    }
    if name not in pruners:
        raise ConfigError(f"no pruner is called {name!r}; there are: {', '.join(pruners)}")
    return pruners[name]()


class _NumberedSampler(BaseSampler):
    """A sampler of Optuna with fresh random numbers for each trial and name.

    Optuna's own go on from one trial to the next, and start anew after a kill.

    Args:
        seed: Of the search.
        make: Makes the sampler from a seed.
    """

    def __init__(self, seed: int, make: Callable[[int], BaseSampler]) -> None:
        self._seed = seed
        self._make = make

    def _of(self, trial: FrozenTrial, name: str = "") -> BaseSampler:
        words = np.random.SeedSequence([self._seed, trial.number, zlib.crc32(name.encode())]).generate_state(1)
        return self._make(int(words[0]))

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The names that are chosen together."""
        return self._of(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Values that are chosen together."""
        return self._of(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A value that is chosen by itself."""
        return self._of(trial, param_name).sample_independent(study, trial, param_name, param_distribution)


class _GridSampler(BaseSampler):
    """All combinations, one after the other; after the last, the first again.

    Optuna's own draws them in random order and keeps in the storage which one a trial has, after the trial was begun.
    """

    def __init__(self, combinations: list[dict[str, Any]]) -> None:
        self._combinations = combinations

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:  # noqa: ARG002
        """Nothing: each value follows from the number of the trial."""
        return {}

    def sample_relative(
        self,
        study: Study,  # noqa: ARG002
        trial: FrozenTrial,  # noqa: ARG002
        search_space: dict[str, BaseDistribution],  # noqa: ARG002
    ) -> dict[str, Any]:
        """Nothing."""
        return {}

    def sample_independent(
        self,
        study: Study,  # noqa: ARG002
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,  # noqa: ARG002
    ) -> Any:
        """The value of the trial's combination."""
        return self._combinations[trial.number % len(self._combinations)][param_name]


class _AshaPruner(BasePruner):
    """After 1, 3, 9, ... epochs, only a trial among the best third of those that came as far goes on.

    A pure function of the reported figures. Optuna's own keeps its rungs in the storage while it decides, so a kill
    between two writes would change a decision.

    Reference:
        Li et al., "A system for massively parallel hyperparameter tuning", 2020.
    """

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether to give up a trial after its last reported epoch."""
        epoch = trial.last_step
        rungs = itertools.takewhile(
            lambda rung: rung <= (epoch or 0), (_ASHA_FACTOR**power for power in itertools.count())
        )
        if epoch is None or epoch not in rungs:
            return False
        own = trial.intermediate_values[epoch]
        others = [
            other.intermediate_values[epoch]
            for other in study.get_trials(deepcopy=False)
            if other.number != trial.number and epoch in other.intermediate_values
        ]
        is_higher_better = study.direction == StudyDirection.MAXIMIZE
        better = sum(1 for value in others if (value > own if is_higher_better else value < own))
        return better >= math.ceil((len(others) + 1) / _ASHA_FACTOR)
