"""All measures of a network on the square pictures that it learns from: overall, by skin tone and by label."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError

from photochrom.color import to_uint8
from photochrom.errors import ConfigError, DataError
from photochrom.lab.datasets import UNLABELED, Pairs, ProgressCallback
from photochrom.lab.evaluation._records import add_record, read_records
from photochrom.lab.evaluation._scores import Grouping, Scores
from photochrom.lab.evaluation._tables import Table, short
from photochrom.lab.metrics import (
    Calibration,
    FloatArray,
    accuracy_within,
    by_picture,
    calibration,
    chroma_error,
    color_difference,
    colorfulness,
    is_within,
    largest_luma_change,
    mean_squared_error,
    peak_signal_to_noise,
    pooled,
    structural_similarity,
)
from photochrom.lab.models import ColorizationModel, DistributionModel
from photochrom.lab.skin_tone import NO_TONE, TONE_GROUPS, tone_group, typology_angle
from photochrom.lab.training import gray_batch, predict_signed, rgb_batch
from photochrom.tensors import GrayPictures, RgbPictures

__all__ = [
    "ModelEvaluation",
    "RecordedEvaluation",
    "evaluate_model",
    "read_evaluations",
    "record_evaluation",
    "require_evaluations",
]

_BATCH_SIZE = 20
_RECORD_KEYS = frozenset({"model", "data", "split", "pictures", "decoding"})
"""What tells one evaluation of a network from another."""


@dataclass(frozen=True)
class ModelEvaluation:
    """All measures of a network on pictures whose color is known.

    Attributes:
        decoding: How color was decoded from the network's distribution; None if it gives color only.
        overall: The measures of all pictures.
        by_skin_tone: By how light the skin looks in the true pictures; see `photochrom.lab.skin_tone`.
        by_label: By the groups that the data set names; None if it names none.
    """

    decoding: str | None
    overall: Scores
    by_skin_tone: Grouping
    by_label: Grouping | None

    def as_dict(self) -> dict[str, Any]:
        """Everything by name, for JSON."""
        return {
            "decoding": self.decoding,
            "overall": self.overall.as_dict(),
            "by_skin_tone": self.by_skin_tone.as_dict(),
            "by_label": None if self.by_label is None else self.by_label.as_dict(),
        }

    def tables(self) -> list[Table]:
        """What a reader wants to see: overall, by skin tone, and by label if there are labels."""
        tables = [_overall_table(self.overall), _group_table("skin tone", self.by_skin_tone)]
        if self.by_label is not None:
            tables.append(_group_table("label", self.by_label))
        return tables


@dataclass(frozen=True, kw_only=True)
class RecordedEvaluation(ModelEvaluation):
    """An evaluation in a file, with what was evaluated.

    Attributes:
        model: The network's name or path.
        data: The data set.
        split: Its split.
        pictures: The number of pictures.
    """

    model: str
    data: str
    split: str
    pictures: int


def record_evaluation(file: Path, evaluation: ModelEvaluation, model: str, data: str, split: str) -> None:
    """Add an evaluation to a JSON file of evaluations; an older one of the same model, pictures and decoding goes.

    Args:
        file: Holds a list of evaluations; it is made if it does not exist.
        evaluation: The measures.
        model: The network's name or path.
        data: The data set.
        split: Its split.

    Raises:
        DataError: The file holds something else; it is not changed.
        OSError: It cannot be written.
    """
    pictures = evaluation.overall.pictures
    new = {"model": model, "data": data, "split": split, "pictures": pictures, **evaluation.as_dict()}
    add_record(file, new, _RECORD_KEYS)


def require_evaluations(file: Path) -> None:
    """Check that a file, if it exists, holds evaluations to which `record_evaluation` can add.

    Raises:
        DataError: It holds something else.
    """
    read_records(file, _RECORD_KEYS)


def read_evaluations(file: Path) -> tuple[RecordedEvaluation, ...]:
    """The evaluations in a file that `record_evaluation` wrote; none if there is no file.

    Raises:
        DataError: The file holds something else, or a measure is missing.
    """
    try:
        return TypeAdapter(tuple[RecordedEvaluation, ...]).validate_python(tuple(read_records(file, _RECORD_KEYS)))
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise DataError(f"{file}: {place}: {fault['msg']}; 'photochrom evaluate' writes it anew") from error


def evaluate_model(
    model: ColorizationModel, pairs: Pairs, decoding: str | None = None, progress: ProgressCallback | None = None
) -> ModelEvaluation:
    """Every measure of a network on pictures whose color is known, overall and by group.

    Args:
        model: Any network; it is left in evaluation mode.
        pairs: Gray pictures and their true color, at least 11 pixels on each side; their labels are groups too.
        decoding: How color is decoded from a network that gives a distribution; as it is set if not given.
        progress: Told the pictures measured so far and how many there are.

    Returns:
        The measures.

    Raises:
        ConfigError: The network has no such decoding.
        DataError: The pictures have no known color, or are too small.
    """
    with _decoding_by(model, decoding):
        measured = _measured(model, pairs, progress)
        used = model.decoding if isinstance(model, DistributionModel) else None
    return ModelEvaluation(
        decoding=used,
        overall=measured.scores(range(len(pairs))),
        by_skin_tone=_grouping(measured, measured.tones, (*TONE_GROUPS, NO_TONE)),
        by_label=None if pairs.labels is None else _grouping(measured, pairs.labels, _label_order(pairs.labels)),
    )


@contextmanager
def _decoding_by(model: ColorizationModel, decoding: str | None) -> Iterator[None]:
    """Let a network decode its color in one way, and then as before."""
    if decoding is None:
        yield
        return
    if not isinstance(model, DistributionModel):
        raise ConfigError(f"this network has no decodings: it gives one color, so {decoding!r} cannot be chosen")
    if decoding not in model.decodings:
        raise ConfigError(f"no decoding is called {decoding!r}; there are: {', '.join(model.decodings)}")
    before = model.decoding
    model.decoding = decoding
    try:
        yield
    finally:
        model.decoding = before


@dataclass(frozen=True)
class _Measured:
    """One value a picture.

    Attributes:
        values: Each measure's values; shape (count,).
        tones: The group of skin tone of each picture.
        calibrations: What the network stated of each picture, beside the truth; None if it states nothing.
    """

    values: dict[str, FloatArray]
    tones: list[str]
    calibrations: list[Calibration] | None

    def scores(self, places: Sequence[int]) -> Scores:
        """The measures of the pictures at some places."""
        chosen = {name: values[list(places)] for name, values in self.values.items()}
        largest_change = float(chosen.pop("largest_luma_change").max())
        means = {name: float(values.mean()) for name, values in chosen.items()}
        truth = means["true_colorfulness"]
        found = pooled(self.calibrations[place] for place in places) if self.calibrations else None
        return Scores(
            pictures=len(places),
            colorfulness_ratio=means["colorfulness"] / truth if truth > 0.0 else math.nan,
            largest_luma_change=largest_change,
            calibration_error=None if found is None else found.error,
            reliability=None if found is None else found.table(),
            **means,
        )


def _measured(model: ColorizationModel, pairs: Pairs, progress: ProgressCallback | None) -> _Measured:
    """Measure batch by batch, so that many pictures are never all held as floats."""
    truth, values, tones, calibrations = pairs.truth, [], [], []
    for start in range(0, len(pairs), _BATCH_SIZE):
        place = slice(start, start + _BATCH_SIZE)
        signed = predict_signed(model, torch.from_numpy(pairs.gray[place]))
        prediction = to_uint8(signed).permute(0, 2, 3, 1).numpy()
        values.append(_values(prediction, truth[place], pairs.gray[place]))
        values[-1]["mse"] = by_picture(mean_squared_error, signed, rgb_batch(torch.from_numpy(truth[place])))
        tones += [tone_group(float(angle)) for angle in typology_angle(truth[place])]
        stated = _confidence(model, pairs.gray[place])
        if stated is not None:
            calibrations += _calibrations(stated, prediction, truth[place])
        if progress is not None:
            progress(len(tones), len(pairs))
    joined = {name: np.concatenate([batch[name] for batch in values]) for name in values[0]}
    return _Measured(joined, tones, calibrations or None)


def _values(prediction: RgbPictures, truth: RgbPictures, gray: GrayPictures) -> dict[str, FloatArray]:
    return {
        "accuracy": by_picture(accuracy_within, prediction, truth),
        "peak_signal_to_noise": peak_signal_to_noise(prediction, truth),
        "structural_similarity": structural_similarity(prediction, truth),
        "chroma_error": chroma_error(prediction, truth),
        "color_difference": color_difference(prediction, truth),
        "colorfulness": by_picture(colorfulness, prediction),
        "true_colorfulness": by_picture(colorfulness, truth),
        "largest_luma_change": largest_luma_change(prediction, gray),
    }


def _confidence(model: ColorizationModel, gray: GrayPictures) -> FloatArray | None:
    """What a network states of each pixel, shape (count, height, width); None if it states nothing."""
    if not isinstance(model, DistributionModel):
        return None
    device = next(model.parameters()).device
    with torch.no_grad():
        stated: FloatArray = model.confidence(gray_batch(torch.from_numpy(gray).to(device)))[:, 0].float().cpu().numpy()
    return stated


def _calibrations(stated: FloatArray, prediction: RgbPictures, truth: RgbPictures) -> list[Calibration]:
    """For each picture, the stated probabilities beside how many of red and blue are right."""
    hits = is_within(prediction, truth)[..., [0, 2]].mean(axis=-1)
    return [calibration(*one) for one in zip(stated, hits, strict=True)]


def _grouping(measured: _Measured, groups: Sequence[str], order: Sequence[str]) -> Grouping:
    """The measures of each group, in the given order.

    Args:
        measured: What was measured of all pictures.
        groups: The group of each picture.
        order: All groups that there may be.
    """
    places = {name: [place for place, group in enumerate(groups) if group == name] for name in order}
    return Grouping({name: measured.scores(chosen) for name, chosen in places.items() if chosen})


def _label_order(labels: Sequence[str]) -> list[str]:
    return sorted(set(labels), key=lambda label: (label == UNLABELED, label))


def _overall_table(scores: Scores) -> Table:
    rows: list[tuple[object, ...]] = [
        ("pictures", scores.pictures),
        ("accuracy: within 12 of 255 levels", scores.accuracy),
        ("mean squared error of signed values", scores.mse),
        ("PSNR, dB", scores.peak_signal_to_noise),
        ("SSIM", scores.structural_similarity),
        ("chroma error: distance in a*b* (Δab)", scores.chroma_error),
        ("color difference: CIEDE2000 (ΔE00)", scores.color_difference),
        ("colorfulness", scores.colorfulness),
        ("colorfulness of the truth", scores.true_colorfulness),
        ("colorfulness by that of the truth (color/true)", scores.colorfulness_ratio),
        ("largest change of luma, levels", scores.largest_luma_change),
    ]
    if scores.calibration_error is not None:
        rows.append(("calibration error of stated confidence (ECE)", scores.calibration_error))
    return Table("Overall", ("measure", "value"), tuple(rows))


def _group_table(kind: str, grouping: Grouping) -> Table:
    """The measures that differ between groups, narrow enough for a terminal of 80 characters."""
    columns = [kind, "count", "accuracy", "PSNR", "Δab", "ΔE00", "color/true"]
    rows: list[list[object]] = [
        [
            name,
            scores.pictures,
            short(scores.accuracy),
            short(scores.peak_signal_to_noise),
            short(scores.chroma_error),
            short(scores.color_difference),
            short(scores.colorfulness_ratio),
        ]
        for name, scores in grouping.groups.items()
    ]
    stated = [scores.calibration_error for scores in grouping.groups.values()]
    if None not in stated:
        columns.append("ECE")
        rows = [[*row, short(error)] for row, error in zip(rows, stated, strict=True)]
    ratio = grouping.fairness_ratio
    remark = (
        "too few groups to compare" if ratio is None else f"chroma error of the worst group by the best: {ratio:.3g}"
    )
    return Table(f"By {kind}; {remark}", tuple(columns), tuple(map(tuple, rows)))
