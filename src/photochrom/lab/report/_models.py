"""What was measured of the models that come with the package: from the files beside their weights to tables' rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from photochrom.errors import CheckpointError, DataError
from photochrom.lab.checkpoint import load_checkpoint
from photochrom.lab.evaluation import FEWEST_PICTURES, read_evaluations
from photochrom.lab.models import ColorizationModel, DistributionModel
from photochrom.shipped import shipped_model, shipped_models

__all__ = [
    "Comparison",
    "ComparisonRow",
    "GroupTable",
    "RecordedEvaluation",
    "RecordedGrouping",
    "RecordedScores",
    "ReliabilityBin",
    "ShippedResults",
    "Showcase",
    "gather_shipped",
]

_REFERENCE = "study-best"
"""The study's own network: what every other model is held against, so it comes first."""

_SPLITS = {"train": "training", "val": "validation", "test": "test"}


class _Record(BaseModel):
    """A part of a file of evaluations; entries that the report does not show are left aside."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ReliabilityBin(_Record):
    """A range of stated probabilities: the mean of what was stated, of what came true, and its share of all values."""

    stated: float
    observed: float
    share: float


class RecordedScores(_Record):
    """The measures of some pictures, as `photochrom.lab.evaluation.Scores` names them; None is no finite number."""

    pictures: int
    accuracy: float | None
    mse: float | None
    peak_signal_to_noise: float | None
    structural_similarity: float | None
    chroma_error: float | None
    color_difference: float | None
    colorfulness_ratio: float | None
    largest_luma_change: float | None
    calibration_error: float | None
    reliability: list[ReliabilityBin] | None

    @property
    def is_few(self) -> bool:
        """Whether there are too few pictures to take part in the fairness ratio."""
        return self.pictures < FEWEST_PICTURES


class RecordedGrouping(_Record):
    """The measures of groups of pictures; the fairness ratio is None where there is nothing to compare."""

    fairness_ratio: float | None
    groups: dict[str, RecordedScores]


class RecordedEvaluation(_Record):
    """What was measured of a network on one split of a data set, by one decoding; None for networks without."""

    data: str
    split: str
    decoding: str | None
    overall: RecordedScores
    by_skin_tone: RecordedGrouping
    by_label: RecordedGrouping | None

    @property
    def pictures(self) -> str:
        """Which pictures, in words."""
        return f"{self.data}, {_SPLITS.get(self.split, self.split)} pictures"


@dataclass(frozen=True)
class ShippedResults:
    """A model that comes with the package, and what was measured of it.

    Attributes:
        name: The name that commands know it by.
        model: The network.
        trained_on: The name of the data set that it saw; empty if its checkpoint does not say.
        evaluations: In the order of their file; none if nothing was measured.
    """

    name: str
    model: ColorizationModel
    trained_on: str
    evaluations: tuple[RecordedEvaluation, ...]

    @property
    def decodings(self) -> tuple[str, ...]:
        """The guesses that can be read from it; none if it gives color only."""
        return self.model.decodings if isinstance(self.model, DistributionModel) else ()

    @property
    def decoding(self) -> str | None:
        """The guess that it gives unless another is asked for."""
        return self.model.decoding if isinstance(self.model, DistributionModel) else None

    @property
    def as_used(self) -> tuple[RecordedEvaluation, ...]:
        """The evaluations of that guess."""
        return tuple(one for one in self.evaluations if one.decoding == self.decoding)

    @property
    def states_confidence(self) -> bool:
        """Whether what it states of that guess was held against what came true."""
        return any(one.overall.reliability for one in self.as_used)


@dataclass(frozen=True)
class ComparisonRow:
    """A model, decoded in one way, and whether that is the way it is used unless another is asked for."""

    name: str
    evaluation: RecordedEvaluation
    is_default: bool


@dataclass(frozen=True)
class GroupTable:
    """The measures of a model's default decoding by group; `kind` is what the groups are of."""

    name: str
    kind: str
    grouping: RecordedGrouping


@dataclass(frozen=True)
class Comparison:
    """All models on the same pictures.

    Attributes:
        pictures: Which pictures, in words.
        rows: In the order of the models; of each model the default decoding first, the others by name.
    """

    pictures: str
    rows: tuple[ComparisonRow, ...]

    def group_tables(self) -> list[GroupTable]:
        """By skin tone and, where the data set has labels, by label, for each model."""
        return [table for row in self.rows if row.is_default for table in _group_tables(row)]


def _group_tables(row: ComparisonRow) -> Iterator[GroupTable]:
    yield GroupTable(row.name, "skin tone", row.evaluation.by_skin_tone)
    if row.evaluation.by_label is not None:
        yield GroupTable(row.name, "label", row.evaluation.by_label)


@dataclass(frozen=True)
class Showcase:
    """Every model that comes with the package.

    Attributes:
        models: The study's own first, the others by name.
        broken: One line for each file that cannot be used; a model whose figures are broken is there without them.
    """

    models: tuple[ShippedResults, ...]
    broken: tuple[str, ...]

    def comparisons(self, first: str) -> list[Comparison]:
        """One for each split of each data set on which anything was measured.

        Args:
            first: The data set that comes before the others, which follow by name.
        """
        keys = {(one.data, one.split) for results in self.models for one in results.evaluations}
        return [self._comparison(*key) for key in sorted(keys, key=lambda key: (key[0] != first, key))]

    def _comparison(self, data: str, split: str) -> Comparison:
        rows = [
            ComparisonRow(results.name, one, is_default=one.decoding == results.decoding)
            for results in self.models
            for one in sorted(
                results.evaluations, key=lambda one: (one.decoding != results.decoding, one.decoding or "")
            )
            if (one.data, one.split) == (data, split)
        ]
        return Comparison(rows[0].evaluation.pictures, tuple(rows))


def gather_shipped() -> Showcase:
    """Read the models that come with the package and the evaluations beside them."""
    models: list[ShippedResults] = []
    broken: list[str] = []
    for name in sorted(shipped_models(), key=lambda name: (name != _REFERENCE, name)):
        files = shipped_model(name)
        try:
            checkpoint = load_checkpoint(files.weights)
        except CheckpointError as error:
            broken.append(str(error))
            continue
        try:
            evaluations = _read(files.figures)
        except DataError as error:
            evaluations = ()
            broken.append(str(error))
        models.append(ShippedResults(name, checkpoint.model, str(checkpoint.data.get("name", "")), evaluations))
    return Showcase(tuple(models), tuple(broken))


def _read(file: Path) -> tuple[RecordedEvaluation, ...]:
    """The evaluations in a file; none if there is no such file.

    Raises:
        DataError: The file holds something else, or lacks a measure.
    """
    try:
        return TypeAdapter(tuple[RecordedEvaluation, ...]).validate_python(tuple(read_evaluations(file)))
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise DataError(f"{file}: {place}: {fault['msg']}; 'photochrom evaluate' writes it anew") from error
