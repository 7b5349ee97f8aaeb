"""Experiments that users describe in YAML files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from photochrom.errors import ConfigError
from photochrom.lab import models
from photochrom.lab.experiments._experiment import Experiment, Run
from photochrom.lab.training import TrainingConfig, read_yaml_object


class _File(BaseModel):
    """What a file holds.

    Attributes:
        settings: Settings and hyperparameters of every run.
        runs: The changes of each run, by its name.
        compared_with: The run that the others are compared with in a report: one of the file's, or `EXPERIMENT/RUN`.
        first_seed: The seed to count from, where seeds before it chose these very settings.
    """

    model_config = ConfigDict(extra="forbid")

    question: str
    title: str = ""
    settings: dict[str, Any] = Field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = Field(min_length=1)
    compared_with: str = ""
    first_seed: int = Field(default=0, ge=0, lt=2**32)


def read_experiment(file: Path) -> Experiment:
    """The experiment that a YAML file describes.

    Args:
        file: It holds `question`, `runs` (settings by the name of the run) and, if wanted, `title`, `settings` that
            all runs share, `compared_with` and `first_seed`. Settings and hyperparameters stand side by side, as on
            the command line of `train`.

    Raises:
        ConfigError: The file is missing or broken, or a setting does not exist or is out of range.
    """
    try:
        content = _File(**read_yaml_object(file, ConfigError))
        for settings in (content.settings, *content.runs.values()):
            _require_no_seed(settings)
        base = TrainingConfig(seed=content.first_seed).with_values(content.settings)
        runs = tuple(_run(name, base.with_values(changes)) for name, changes in content.runs.items())
        reference = _reference(file.stem, content)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        raise ConfigError(f"{file}: {'; '.join(faults)}") from error
    except ConfigError as error:
        raise error if str(error).startswith(str(file)) else ConfigError(f"{file}: {error}") from error
    return Experiment(
        title=content.title or file.stem,
        question=content.question,
        runs=runs,
        compared_with=reference,
        in_study=False,
        first_seed=content.first_seed,
    )


def _reference(name: str, content: _File) -> str | None:
    """The run that an experiment's runs are compared with, as `experiment/run`."""
    experiment, _, run = content.compared_with.rpartition("/")
    if run and experiment in ("", name) and run not in content.runs:
        raise ConfigError(f"compared_with: no run is called {run!r}; there are: {', '.join(content.runs)}")
    return f"{experiment or name}/{run}" if run else None


def _require_no_seed(settings: Mapping[str, Any]) -> None:
    if "seed" in settings:
        raise ConfigError("seed is set for all runs by --seeds; first_seed, beside 'runs', is what they count from")


def _run(name: str, config: TrainingConfig) -> Run:
    if "/" in name or "-seed-" in name:
        raise ConfigError(f"{name!r} cannot name a run: it holds '/' or '-seed-'")
    models.create(config.model, config.hyperparameters)
    return Run(name, name, config)
