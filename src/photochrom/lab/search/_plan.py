"""What a search is asked for."""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from photochrom.errors import ConfigError
from photochrom.files import write_whole
from photochrom.lab.executors import TrainingJob
from photochrom.lab.search._rules import get_pruner, get_sampler
from photochrom.lab.search._space import Space
from photochrom.lab.training import Epoch, RunFolder, TrainingConfig, read_json_object

OBJECTIVES: dict[str, Literal["maximize", "minimize"]] = {
    "val_accuracy": "maximize",
    "val_mse": "minimize",
    "val_colorfulness": "maximize",
}
"""Figures of `RunMetrics` that a search can be for, and whether more is better."""


@dataclass(frozen=True)
class SearchPlan:
    """A search: what is varied, what is wanted, and how often it is tried.

    Attributes:
        name: The name of the study and of its folder.
        base: The settings that all trials share.
        space: What varies.
        trials: How many there shall be in all, over all calls and processes.
        objective: One of `OBJECTIVES`.
        sampler: See `get_sampler`.
        pruner: See `get_pruner`.
        seed: Of the sampler; the seed of the trainings is in `base`.
        folder: Holds everything about the search; all its processes share it.
        storage: See `open_study`; empty for a SQLite file in the folder.
    """

    name: str
    base: TrainingConfig
    space: Space
    trials: int
    objective: str
    sampler: str
    pruner: str
    seed: int
    folder: Path
    storage: str = ""

    def check(self) -> None:
        """Check what can be checked before anything is made.

        Raises:
            ConfigError: There is no such objective, sampler or pruner, or they do not fit each other, or the name is
                none of a folder.
        """
        if self.name in ("", ".", "..") or "/" in self.name or "\\" in self.name:
            raise ConfigError(f"{self.name!r} cannot name a search: its folder lies in --runs and has the name alone")
        if self.objective not in OBJECTIVES:
            raise ConfigError(f"no objective is called {self.objective!r}; there are: {', '.join(OBJECTIVES)}")
        get_sampler(self.sampler, self.space, self.seed)
        get_pruner(self.pruner)
        if self.pruner != "none" and self.objective not in {field.name for field in fields(Epoch)}:
            raise ConfigError(f"{self.objective} is measured at the end of a training only; add --pruner none")

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """`maximize` or `minimize`."""
        return OBJECTIVES[self.objective]

    @property
    def url(self) -> str:
        """Where the trials are kept."""
        return self.storage or f"sqlite:///{self.folder / 'search.db'}"

    def job(self, number: int, values: dict[str, Any]) -> TrainingJob:
        """The training of a trial.

        Args:
            number: Of the trial, from 0 on.
            values: A value for each name of the space.
        """
        folder = self.folder / f"trial-{number:04d}"
        return TrainingJob(f"{self.name}/{folder.name}", self.base.with_values(values), RunFolder(folder))

    def claim(self) -> str:
        """Write what the search is into its folder, unless the same search lies there.

        Returns:
            An identifier of the search in this folder.

        Raises:
            ConfigError: Another search lies there.
        """
        asked = json.loads(json.dumps(self._description()))
        file = self.folder / "search.json"
        if not file.is_file():
            write_whole(file, json.dumps({"id": uuid4().hex, **asked}, indent=2) + "\n")
        found = read_json_object(file, ConfigError)
        different = [name for name in asked if found.get(name) != asked[name]]
        if different:
            raise ConfigError(
                f"{self.folder}: a search with another {' and '.join(different)} lies there; "
                "name this one with --name, or delete the folder"
            )
        return str(found["id"])

    def _description(self) -> dict[str, Any]:
        return {
            "settings": self.base.model_dump(),
            "space": self.space.description(),
            "objective": self.objective,
            "sampler": self.sampler,
            "pruner": self.pruner,
            "seed": self.seed,
        }
