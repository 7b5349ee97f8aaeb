"""What a search varies: names with lists of choices or with ranges."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from optuna.trial import BaseTrial
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from photochrom.errors import ConfigError
from photochrom.lab import models
from photochrom.lab.training import TrainingConfig, read_yaml_object

_SPACES = files("photochrom.lab.search") / "spaces"


class Range(BaseModel):
    """Numbers from low to high, both included; whole numbers if both are.

    Attributes:
        log: Whether small numbers are tried as often as large ones.
        step: The distance between neighbors; a range of fractions needs it for a grid.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: int | float
    high: int | float
    log: bool = False
    step: int | float | None = None

    @model_validator(mode="after")
    def _is_sound(self) -> "Range":
        if not self.low < self.high:
            raise ValueError(f"low ({self.low}) must be less than high ({self.high})")
        if self.log and self.low <= 0:
            raise ValueError(f"low ({self.low}) must be greater than 0 on a log scale")
        if self.log and self.step is not None:
            raise ValueError("log and step cannot be combined")
        if self.step is not None and self.step <= 0:
            raise ValueError(f"step ({self.step}) must be greater than 0")
        return self

    @property
    def is_whole(self) -> bool:
        """Whether it holds whole numbers."""
        return all(isinstance(value, int) for value in (self.low, self.high, self.step or 1))

    def values(self) -> list[int | float]:
        """All numbers, for a grid.

        Raises:
            ConfigError: They are fractions without a step.
        """
        if not self.is_whole and self.step is None:
            raise ConfigError("a grid needs a list, or a range with a step")
        step = self.step or 1
        count = int((self.high - self.low) / step + 1e-9) + 1
        return [self.low + index * step for index in range(count)]


@dataclass(frozen=True)
class Space:
    """The settings and hyperparameters that a search varies, each with its choices or its range."""

    dimensions: Mapping[str, list[Any] | Range]

    def suggested(self, trial: BaseTrial) -> dict[str, Any]:
        """A value for each name, by the trial's sampler; the values that a trial has already stay."""
        return {name: _suggested(trial, name, values) for name, values in self.dimensions.items()}

    def grid(self) -> list[dict[str, Any]]:
        """All combinations.

        Raises:
            ConfigError: A range holds fractions without a step.
        """
        lists: dict[str, list[Any]] = {}
        for name, values in self.dimensions.items():
            try:
                lists[name] = values.values() if isinstance(values, Range) else values
            except ConfigError as error:
                raise ConfigError(f"{name}: {error}") from error
        return [dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values())]

    def check(self, base: TrainingConfig) -> None:
        """Check that each choice and each end of a range is a possible setting.

        Raises:
            ConfigError: One is not, or there is no such setting or hyperparameter.
        """
        for name, values in self.dimensions.items():
            if name in ("data", "seed", "model", "max_epochs"):
                raise ConfigError(f"{name} is the same for all trials; it cannot be in the space")
            for value in (values.low, values.high) if isinstance(values, Range) else values:
                config = base.with_values({name: value})
                models.create(config.model, config.hyperparameters)

    def description(self) -> dict[str, Any]:
        """The space as plain values, such as stand in a space file."""
        return {
            name: values.model_dump(exclude_defaults=True) if isinstance(values, Range) else values
            for name, values in self.dimensions.items()
        }


def _suggested(trial: BaseTrial, name: str, values: list[Any] | Range) -> Any:
    if not isinstance(values, Range):
        return trial.suggest_categorical(name, values)
    if values.is_whole:
        return trial.suggest_int(name, int(values.low), int(values.high), step=int(values.step or 1), log=values.log)
    return trial.suggest_float(name, values.low, values.high, step=values.step, log=values.log)


def read_space(source: str, base: TrainingConfig) -> Space:
    """The space of a file, or the default one of a network.

    Args:
        source: A YAML file, or `defaults`.
        base: The settings that all trials share; the file must fit them.

    Raises:
        ConfigError: The file is missing or broken, a setting does not exist or is out of range, or the network has no
            default space.
    """
    file = Path(source)
    if source == "defaults":
        file = Path(str(_SPACES / f"{base.model}.yaml"))
        if not file.is_file():
            known = ", ".join(sorted(Path(entry.name).stem for entry in _SPACES.iterdir()))
            raise ConfigError(f"{base.model} has no default space ({known} has); write one: --space FILE")
    content = read_yaml_object(file, ConfigError)
    if not content:
        raise ConfigError(f"{file}: names nothing to vary")
    try:
        space = Space({name: _dimension(name, values) for name, values in content.items()})
        space.check(base)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from error
    return space


def _dimension(name: str, values: Any) -> list[Any] | Range:
    if isinstance(values, list) and values and all(isinstance(value, str | int | float) for value in values):
        return values
    if not isinstance(values, dict):
        raise ConfigError(f"{name}: neither a list of values, as [3, 5], nor a range, as {{low: 2, high: 16}}")
    try:
        return Range(**values)
    except (ValidationError, TypeError) as error:
        found = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
        place = ".".join([name, *map(str, found["loc"])])
        raise ConfigError(f"{place}: {str(found['msg']).removeprefix('Value error, ')}") from error
