"""The results of finished runs, grouped by seeds."""

import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from photochrom.errors import CheckpointError, ConfigError, DataError
from photochrom.lab.checkpoint import load_checkpoint
from photochrom.lab.training import Epoch, RunFolder, RunMetrics, TrainingConfig

_SEED = re.compile(r"-seed-\d+$")


@dataclass(frozen=True)
class Measured:
    """A figure over several seeds; its standard deviation is None for a single one."""

    mean: float
    deviation: float | None
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Measured":
        """Mean and deviation of at least one value."""
        deviation = statistics.stdev(values) if len(values) > 1 else None
        return cls(statistics.fmean(values), deviation, len(values))

    def show(self, digits: int) -> str:
        """The mean, and the deviation if there is one, as text."""
        spread = "" if self.deviation is None else f" ± {self.deviation:.{digits}f}"
        return f"{self.mean:.{digits}f}{spread}"


@dataclass(frozen=True)
class SeedResult:
    """One finished run.

    Attributes:
        pictures: The fingerprint of the data set that it was trained and scored on.
    """

    folder: RunFolder
    config: TrainingConfig
    metrics: RunMetrics
    history: list[Epoch]
    pictures: Mapping[str, Any]

    @classmethod
    def read(cls, folder: RunFolder) -> "SeedResult":
        """The run in a folder.

        Raises:
            DataError: It is not finished, or a file is broken.
            CheckpointError: The weights are missing or broken.
        """
        pictures = load_checkpoint(folder.weights).data
        return cls(folder, folder.config(), folder.metrics(), folder.history(), pictures)

    def difference(self, other: "SeedResult") -> str:
        """In what another run differs beside the seed, in words; empty if in nothing."""
        if self.config.varied(seed=other.config.seed) != other.config:
            return "in more than the seed"
        return "" if self.pictures == other.pictures else "in its pictures"


@dataclass(frozen=True)
class SeedGroup:
    """Finished runs that differ in nothing but the seed.

    Attributes:
        key: Their path in the folder of all runs, without the seed.
        seeds: The results, by seed; at least one.
    """

    key: str
    seeds: tuple[SeedResult, ...]

    @property
    def config(self) -> TrainingConfig:
        """The settings, those of the first seed."""
        return self.seeds[0].config

    def measured(self, figure: str) -> Measured:
        """A field of `RunMetrics` over the seeds."""
        return Measured.of(list(self.by_seed(figure).values()))

    def by_seed(self, figure: str) -> dict[int, float]:
        """A field of `RunMetrics` by seed."""
        return {seed.config.seed: getattr(seed.metrics, figure) for seed in self.seeds}

    @cached_property
    def accuracy(self) -> Measured:
        """Within-12 accuracy on the validation pictures."""
        return self.measured("val_accuracy")

    @property
    def is_trained(self) -> bool:
        """Whether there are epochs to show."""
        return bool(self.seeds[0].history)

    @property
    def is_alike_for_all_seeds(self) -> bool:
        """Whether no seed decides anything: a lookup table begins as gray, or is computed from the pictures."""
        return not self.is_trained and self.config.model == "lookup_table"


def find_groups(root: Path) -> tuple[list[SeedGroup], list[str], list[str]]:
    """All runs in a folder, at any depth.

    Returns:
        Groups by key; the paths of unfinished runs; a line for each run that cannot be read. Runs of one key that
        differ in settings or in their pictures are groups of their own, whose keys have the seeds.

    Raises:
        DataError: There is no such folder.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; 'photochrom experiment run' makes runs")
    found: dict[str, list[SeedResult]] = {}
    unfinished: list[str] = []
    broken: list[str] = []
    for path in sorted({file.parent for name in ("config.json", "metrics.json") for file in root.rglob(name)}):
        folder, name = RunFolder(path), path.relative_to(root).as_posix()
        if not folder.is_finished():
            unfinished.append(name)
            continue
        try:
            result = SeedResult.read(folder)
        except (CheckpointError, DataError) as error:
            broken.append(str(error))
        else:
            found.setdefault(_SEED.sub("", name), []).append(result)
    groups = [group for key, results in sorted(found.items()) for group in _groups(root, key, results)]
    return groups, unfinished, broken


def find_group(root: Path, key: str) -> SeedGroup:
    """The finished runs of a key.

    Args:
        key: The path of a run in it, with its seed, or without for all seeds.

    Raises:
        DataError: There is no finished run of that key.
        ConfigError: The runs differ in more than the seed, or in their pictures.
    """
    key = key.strip("/")
    path = root / key
    folders = [path, *(seed for seed in sorted(path.parent.glob("*-seed-*")) if _SEED.sub("", seed.name) == path.name)]
    finished = [folder for folder in map(RunFolder, folders) if folder.is_finished()]
    if not finished:
        raise DataError(f"{root / key}: no finished run of that name; 'photochrom runs list' names them")
    group = _group(key, [SeedResult.read(folder) for folder in finished])
    for seed in group.seeds:
        if difference := group.seeds[0].difference(seed):
            raise ConfigError(f"{seed.folder.path}: differs from {group.seeds[0].folder.path} {difference}")
    return group


def _groups(root: Path, key: str, results: Sequence[SeedResult]) -> list[SeedGroup]:
    """The runs of a key as one group, or each apart if they differ in more than the seed."""
    if not any(results[0].difference(result) for result in results):
        return [_group(key, results)]
    return [_group(result.folder.path.relative_to(root).as_posix(), [result]) for result in results]


def _group(key: str, results: Sequence[SeedResult]) -> SeedGroup:
    return SeedGroup(key, tuple(sorted(results, key=lambda result: result.config.seed)))
