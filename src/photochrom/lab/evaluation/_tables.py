"""Evaluations as tables, narrow enough for a terminal of 80 characters."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from photochrom.lab.evaluation._figures import Figures
from photochrom.lab.evaluation._networks import ModelEvaluation
from photochrom.lab.evaluation._photos import PhotoEvaluation
from photochrom.lab.evaluation._scores import Grouping, Scores


@dataclass(frozen=True)
class Table:
    """A title, the names of the columns, and rows of values; None for a missing value."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


_Columns = Mapping[str, str]
"""Names of columns and of the measures that they show."""

_SCORES = {
    "pictures": "pictures",
    "accuracy: within 12 of 255 levels": "accuracy",
    "mean squared error of signed values": "mse",
    "PSNR, dB": "peak_signal_to_noise",
    "SSIM": "structural_similarity",
    "chroma error: distance in a*b* (Δab)": "chroma_error",
    "color difference: CIEDE2000 (ΔE00)": "color_difference",
    "colorfulness": "colorfulness",
    "colorfulness of the truth": "true_colorfulness",
    "colorfulness by that of the truth (color/true)": "colorfulness_ratio",
    "largest change of luma, levels": "largest_luma_change",
    "calibration error of stated confidence (ECE)": "calibration_error",
}
_SCORES_BY_GROUP = {
    "count": "pictures",
    "accuracy": "accuracy",
    "PSNR": "peak_signal_to_noise",
    "Δab": "chroma_error",
    "ΔE00": "color_difference",
    "color/true": "colorfulness_ratio",
}
_COLOR = {
    "count": "photos",
    "Δab": "chroma_error",
    "gray": "gray_chroma_error",
    "Δab/gray": "error_ratio",
    "color/true": "colorfulness_ratio",
    "ΔE00": "color_difference",
}
_SIGNED_ERRORS = {"ΔL*": "lightness_error", "Δa*": "red_error", "Δb*": "yellow_error"}
_EXACTNESS = {
    "count": "photos",
    "PSNR": "peak_signal_to_noise",
    "within 12": "accuracy",
    "L* moved": "lightness_moved",
    **_SIGNED_ERRORS,
}
_CONFIDENCE = {"ECE": "calibration_error", "AUROC": "discrimination"}
_FOG = {
    "count": "photos",
    "stray edges": "stray_edges_ratio",
    "patchiness": "patchiness_ratio",
    "false color": "false_color_ratio",
    **_CONFIDENCE,
}
_COLOR_BY_GROUP = {name: _COLOR[name] for name in ("count", "Δab", "Δab/gray", "color/true")}


def model_tables(evaluation: ModelEvaluation, pictures: str) -> list[Table]:
    """The measures of a network: overall, by skin tone, and by label if there are labels.

    Args:
        pictures: The data set and the split in words.
    """
    measures = {name: getattr(evaluation.overall, measure) for name, measure in _SCORES.items()}
    rows = tuple((name, value) for name, value in measures.items() if value is not None)
    tables = [Table(f"Overall, on {pictures}", ("measure", "value"), rows)]
    for kind, grouping in (("skin tone", evaluation.by_skin_tone), ("label", evaluation.by_label)):
        if grouping is not None:
            tables.append(_scores_by_group(kind, grouping))
    return tables


def _scores_by_group(kind: str, grouping: Grouping) -> Table:
    states_confidence = all(scores.calibration_error is not None for scores in grouping.groups.values())
    columns = {**_SCORES_BY_GROUP, "ECE": "calibration_error"} if states_confidence else _SCORES_BY_GROUP
    title = f"By {kind}; {_remark('chroma error', grouping.fairness_ratio)}"
    return _table(title, columns, list(grouping.groups.items()), kind)


def photo_tables(evaluations: Sequence[PhotoEvaluation]) -> list[Table]:
    """The figures of the same product on several sets of photos, with a row for each set and each part."""
    rows: list[tuple[str, Figures]] = []
    for one in evaluations:
        rows += [(one.photos, one.overall), *((f"  {name}", figures) for name, figures in one.by_part.items())]
    distances = tuple(
        (one.photos, _short(one.frechet), _short(one.gray_frechet), len(one.left_out), round(one.seconds))
        for one in evaluations
    )
    return [
        _table("Color, against leaving the photos gray", _COLOR, rows),
        _table("Exactness (signed errors are colored minus true)", _EXACTNESS, rows),
        _table("Fog, by that of the truth, and confidence", _FOG, rows),
        Table(
            "Fréchet distance in EfficientNet-Lite0's features; comparable only over the same photos",
            ("photos", "colored", "gray", "left out", "seconds"),
            distances,
        ),
        *(table for one in evaluations for table in _figures_by_group(one)),
    ]


def _figures_by_group(evaluation: PhotoEvaluation) -> Iterator[Table]:
    for kind, grouping in (("skin tone", evaluation.by_skin_tone), ("label", evaluation.by_label)):
        if grouping is None:
            continue
        title = f"{evaluation.photos} by {kind}"
        whole = [(name, group.whole) for name, group in grouping.groups.items()]
        remark = _remark("Δab", grouping.fairness_ratio)
        yield _table(f"{title}; {remark}", {**_COLOR_BY_GROUP, **_CONFIDENCE}, whole, kind)
        skin = [(name, group.skin) for name, group in grouping.groups.items() if group.skin is not None]
        if skin:
            yield _table(f"{title}, over the skin of the face", {**_COLOR_BY_GROUP, **_SIGNED_ERRORS}, skin, kind)


def _remark(measure: str, fairness_ratio: float | None) -> str:
    if fairness_ratio is None:
        return "too few groups to compare"
    return f"{measure} of the worst group by the best: {fairness_ratio:.3g}"


def _table(title: str, columns: _Columns, rows: Sequence[tuple[str, Figures | Scores]], first: str = "photos") -> Table:
    cells = [(name, *(_short(getattr(one, each)) for each in columns.values())) for name, one in rows]
    return Table(title, (first, *columns), tuple(cells))


def _short(number: float | None) -> float | None:
    """A number with few digits; None for NaN."""
    if number is None or math.isnan(number):
        return None
    return round(number, 3 if abs(number) < 1.0 else 2)
