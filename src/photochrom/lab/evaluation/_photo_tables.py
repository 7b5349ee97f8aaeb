"""Evaluations of whole photos as tables."""

from collections.abc import Sequence

from photochrom.lab.evaluation._figures import Figures, PhotoGrouping
from photochrom.lab.evaluation._photos import PhotoEvaluation
from photochrom.lab.evaluation._tables import Table, short

__all__ = ["photo_tables"]


def photo_tables(evaluations: Sequence[PhotoEvaluation]) -> list[Table]:
    """What a reader wants to see: a row for each set and part, the fog, the confidence, and groups where there are any.

    Args:
        evaluations: Of the same product on several sets.
    """
    rows = [row for evaluation in evaluations for row in _rows(evaluation)]
    tables = [
        _table("Color, against leaving the photos gray", _COLOR_COLUMNS, [(name, *_color(one)) for name, one in rows]),
        _table("Fog, by that of the truth, and confidence", _FOG_COLUMNS, [(name, *_fog(one)) for name, one in rows]),
        _frechet_table(evaluations),
    ]
    for one in evaluations:
        for kind, grouping in (("skin tone", one.by_skin_tone), ("label", one.by_label)):
            if grouping is not None:
                tables.append(_group_table(one.photos, kind, grouping))
    return tables


def _table(title: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> Table:
    return Table(title, ("photos", *columns), tuple(rows))


def _rows(evaluation: PhotoEvaluation) -> list[tuple[str, Figures]]:
    parts = [(f"  {name}", figures) for name, figures in evaluation.by_part.items()]
    return [(evaluation.photos, evaluation.overall), *parts]


_COLOR_COLUMNS = ("count", "Δab", "gray", "Δab/gray", "color/true", "ΔE00", "PSNR", "within 12", "ΔL moved")


def _color(figures: Figures) -> tuple[object, ...]:
    measured = (
        figures.chroma_error,
        figures.gray_chroma_error,
        figures.error_ratio,
        figures.colorfulness_ratio,
        figures.color_difference,
        figures.peak_signal_to_noise,
        figures.accuracy,
        figures.lightness_moved,
    )
    return figures.photos, *map(short, measured)


_FOG_COLUMNS = ("stray edges", "patchiness", "false color", "ECE", "AUROC", "ΔL*", "Δa*", "Δb*")


def _fog(figures: Figures) -> tuple[object, ...]:
    measured = (
        figures.stray_edges_ratio,
        figures.patchiness_ratio,
        figures.false_color_ratio,
        figures.confidence.calibration.error,
        figures.confidence.discrimination,
        figures.lightness_error,
        figures.red_error,
        figures.yellow_error,
    )
    return tuple(map(short, measured))


def _frechet_table(evaluations: Sequence[PhotoEvaluation]) -> Table:
    rows = [
        (one.photos, short(one.frechet), short(one.gray_frechet), len(one.left_out), round(one.seconds))
        for one in evaluations
    ]
    title = "Fréchet distance in EfficientNet-Lite0's features; comparable only over the same photos"
    return _table(title, ("colored", "gray", "left out", "seconds"), rows)


def _group_table(photos: str, kind: str, grouping: PhotoGrouping) -> Table:
    rows: list[tuple[object, ...]] = []
    for name, group in grouping.groups.items():
        whole, skin = group.whole, group.skin
        of_skin = (
            (None,) * 5
            if skin is None
            else (
                skin.chroma_error,
                skin.colorfulness_ratio,
                skin.lightness_error,
                skin.red_error,
                skin.yellow_error,
            )
        )
        figures = (whole.chroma_error, whole.error_ratio, whole.colorfulness_ratio, *of_skin)
        rows.append((name, whole.photos, *map(short, figures)))
    ratio = grouping.fairness_ratio
    remark = "too few groups to compare" if ratio is None else f"Δab of the worst group by the best: {ratio:.3g}"
    columns = ("count", "Δab", "Δab/gray", "color/true", "skin Δab", "color/true", "ΔL*", "Δa*", "Δb*")
    return Table(f"{photos} by {kind}; {remark}", (kind, *columns), tuple(rows))
