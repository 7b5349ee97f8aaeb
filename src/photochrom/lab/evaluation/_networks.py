"""All measures of a network on the square pictures that it is trained for: overall, by skin tone and by label."""

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
from photochrom.coloring.decoding import require_decoding
from photochrom.errors import ConfigError, DataError
from photochrom.lab.datasets import Pairs, ProgressCallback
from photochrom.lab.evaluation._records import add_record, read_records
from photochrom.lab.evaluation._scores import Grouping, Scores, grouped
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
from photochrom.lab.skin_tone import tone_group, typology_angle
from photochrom.lab.training import gray_batch, predict_signed, rgb_batch
from photochrom.tensors import GrayPictures, RgbPictures

_BATCH_SIZE = 20
_RECORD_KEYS = frozenset({"model", "data", "split", "pictures", "decoding"})
"""The values that identify an evaluation of a network."""


@dataclass(frozen=True)
class ModelEvaluation:
    """All measures of a network on pictures whose color is known.

    Attributes:
        decoding: How color was decoded from the network's distribution; None if it gives color only.
        by_skin_tone: By the skin tone in the true pictures; see `photochrom.lab.skin_tone`.
        by_label: By the labels of the data set; None if it has none.
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


@dataclass(frozen=True, kw_only=True)
class RecordedEvaluation(ModelEvaluation):
    """An evaluation in a file, with what was evaluated.

    Attributes:
        model: The network's name or path.
    """

    model: str
    data: str
    split: str
    pictures: int


def record_evaluation(file: Path, evaluation: ModelEvaluation, model: str, data: str, split: str) -> None:
    """Add an evaluation to a JSON file; it replaces one of the same model, pictures and decoding.

    Args:
        file: Is created if it does not exist.
        model: The network's name or path.

    Raises:
        DataError: The file holds something else; it is not changed.
        OSError: The file cannot be written.
    """
    pictures = evaluation.overall.pictures
    new = {"model": model, "data": data, "split": split, "pictures": pictures, **evaluation.as_dict()}
    add_record(file, new, _RECORD_KEYS)


def require_evaluations(file: Path) -> None:
    """Check that `record_evaluation` can add to a file.

    Raises:
        DataError: The file exists and holds something else.
    """
    read_records(file, _RECORD_KEYS)


def read_evaluations(file: Path) -> tuple[RecordedEvaluation, ...]:
    """The evaluations that `record_evaluation` wrote to a file; empty if the file does not exist.

    Raises:
        DataError: The file holds something else, or a measure is missing.
    """
    try:
        return TypeAdapter(tuple[RecordedEvaluation, ...]).validate_python(tuple(read_records(file, _RECORD_KEYS)))
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise DataError(f"{file}: {place}: {fault['msg']}; write it again with 'photochrom evaluate'") from error


def evaluate_model(
    model: ColorizationModel, pairs: Pairs, decoding: str | None = None, progress: ProgressCallback | None = None
) -> ModelEvaluation:
    """Measure a network on pictures whose color is known, overall and by group.

    Args:
        model: Any network; it is left in evaluation mode.
        pairs: Gray pictures and their true color, at least 11 pixels on each side.
        decoding: How color is decoded from a distribution; the network's own setting if None.
        progress: Called with the number of measured pictures and of all pictures.

    Raises:
        ConfigError: The network has no such decoding.
        DataError: The color of the pictures is not known, or they are too small.
    """
    with _decoding_by(model, decoding):
        measured = _measured(model, pairs, progress)
        used = model.decoding if isinstance(model, DistributionModel) else None
    return ModelEvaluation(
        decoding=used,
        overall=measured.scores(range(len(pairs))),
        by_skin_tone=measured.grouping(measured.tones),
        by_label=None if pairs.labels is None else measured.grouping(pairs.labels),
    )


@contextmanager
def _decoding_by(model: ColorizationModel, decoding: str | None) -> Iterator[None]:
    """Set the decoding of a network, and restore the old one at the end."""
    if decoding is None:
        yield
        return
    if not isinstance(model, DistributionModel):
        raise ConfigError(f"this network gives a single color and has no decodings; leave out {decoding!r}")
    require_decoding(decoding, model.decodings)
    before = model.decoding
    model.decoding = decoding
    try:
        yield
    finally:
        model.decoding = before


@dataclass(frozen=True)
class _Measured:
    """The measures of each picture.

    Attributes:
        values: Shape (count,) for each measure.
        calibrations: Of the network's stated probabilities, for each picture; None if it states none.
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

    def grouping(self, groups: Sequence[str]) -> Grouping:
        """The measures of each group."""
        places = grouped(range(len(groups)), groups.__getitem__)
        return Grouping({name: self.scores(chosen) for name, chosen in places.items()})


def _measured(model: ColorizationModel, pairs: Pairs, progress: ProgressCallback | None) -> _Measured:
    """Measure batch by batch: all pictures as floats would take too much memory."""
    truth, values, tones, calibrations = pairs.truth, [], [], []
    for start in range(0, len(pairs), _BATCH_SIZE):
        place = slice(start, start + _BATCH_SIZE)
        signed = predict_signed(model, torch.from_numpy(pairs.gray[place]))
        prediction = to_uint8(signed).permute(0, 2, 3, 1).numpy()
        values.append(_values(prediction, truth[place], pairs.gray[place]))
        values[-1]["mse"] = by_picture(mean_squared_error, signed, rgb_batch(torch.from_numpy(truth[place])))
        tones += [tone_group(float(angle)) for angle in typology_angle(truth[place])]
        if isinstance(model, DistributionModel):
            gray = torch.from_numpy(pairs.gray[place]).to(next(model.parameters()).device)
            with torch.no_grad():
                stated = model.confidence(gray_batch(gray))[:, 0].float().cpu().numpy()
            hits = is_within(prediction, truth[place])[..., [0, 2]].mean(axis=-1)
            calibrations += [calibration(*one) for one in zip(stated, hits, strict=True)]
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
