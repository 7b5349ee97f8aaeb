"""The measures of the shipped models: from the files beside their weights to the rows of tables."""

from collections.abc import Iterator
from dataclasses import dataclass

from photochrom.errors import CheckpointError, DataError
from photochrom.lab.checkpoint import load_checkpoint
from photochrom.lab.evaluation import Grouping, RecordedEvaluation, read_evaluations
from photochrom.lab.models import ColorizationModel, DistributionModel
from photochrom.shipped import shipped_model, shipped_models

_REFERENCE = "study-best"
"""The study's own network, which the others are compared with; it comes first."""

_SPLITS = {"train": "training", "val": "validation", "test": "test"}


def pictures_of(evaluation: RecordedEvaluation) -> str:
    """The data set and the split of an evaluation, in words."""
    return f"{evaluation.data}, {_SPLITS.get(evaluation.split, evaluation.split)} pictures"


@dataclass(frozen=True)
class ShippedResults:
    """A shipped model and its measures.

    Attributes:
        trained_on: The name of its data set; empty if its checkpoint does not tell it.
        evaluations: In the order of their file; may be empty.
    """

    name: str
    model: ColorizationModel
    trained_on: str
    evaluations: tuple[RecordedEvaluation, ...]

    @property
    def decodings(self) -> tuple[str, ...]:
        """The ways to decode its probabilities; empty if it gives color only."""
        return self.model.decodings if isinstance(self.model, DistributionModel) else ()

    @property
    def decoding(self) -> str | None:
        """The default decoding; None if it gives color only."""
        return self.model.decoding if isinstance(self.model, DistributionModel) else None

    @property
    def as_used(self) -> tuple[RecordedEvaluation, ...]:
        """The evaluations of the default decoding."""
        return tuple(one for one in self.evaluations if one.decoding == self.decoding)

    @property
    def states_confidence(self) -> bool:
        """Whether the stated confidence of the default decoding was measured."""
        return any(one.overall.reliability for one in self.as_used)


@dataclass(frozen=True)
class ComparisonRow:
    """A model with one decoding, and whether that is its default."""

    name: str
    evaluation: RecordedEvaluation
    is_default: bool


@dataclass(frozen=True)
class GroupTable:
    """The measures of a model's default decoding by group; `kind` is `skin tone` or `label`."""

    name: str
    kind: str
    grouping: Grouping


@dataclass(frozen=True)
class Comparison:
    """All models on the same pictures.

    Attributes:
        pictures: The data set and the split in words.
        rows: In the order of the models; each model's default decoding first, then the others by name.
    """

    pictures: str
    rows: tuple[ComparisonRow, ...]

    def group_tables(self) -> list[GroupTable]:
        """For each model a table by skin tone and, if the data set has labels, one by label."""
        return [table for row in self.rows if row.is_default for table in _group_tables(row)]


def _group_tables(row: ComparisonRow) -> Iterator[GroupTable]:
    yield GroupTable(row.name, "skin tone", row.evaluation.by_skin_tone)
    if row.evaluation.by_label is not None:
        yield GroupTable(row.name, "label", row.evaluation.by_label)


@dataclass(frozen=True)
class Showcase:
    """All shipped models.

    Attributes:
        models: The study's own first, then the others by name.
        broken: One line for each file that cannot be read; a model with broken figures is included without them.
    """

    models: tuple[ShippedResults, ...]
    broken: tuple[str, ...]

    def comparisons(self, first: str) -> list[Comparison]:
        """One comparison for each split of each data set that was measured.

        Args:
            first: The data set that comes first; the others follow by name.
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
        return Comparison(pictures_of(rows[0].evaluation), tuple(rows))


def gather_shipped() -> Showcase:
    """Read the shipped models and their evaluations."""
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
            evaluations = read_evaluations(files.figures)
        except DataError as error:
            evaluations = ()
            broken.append(str(error))
        models.append(ShippedResults(name, checkpoint.model, str(checkpoint.data.get("name", "")), evaluations))
    return Showcase(tuple(models), tuple(broken))
