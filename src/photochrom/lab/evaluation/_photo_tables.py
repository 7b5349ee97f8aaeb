"""Evaluations of whole photos as tables."""

from collections.abc import Callable, Iterator, Sequence

from photochrom.lab.evaluation._figures import Figures
from photochrom.lab.evaluation._photos import PhotoEvaluation
from photochrom.lab.evaluation._tables import Table, short

__all__ = ["photo_tables"]


def photo_tables(evaluations: Sequence[PhotoEvaluation]) -> list[Table]:
    """What a reader wants to see, in tables narrow enough for a terminal of 80 characters: a row for each set and part.

    Args:
        evaluations: Of the same product on several sets.
    """
    rows = [row for evaluation in evaluations for row in _rows(evaluation)]
    return [
        _table("Color, against leaving the photos gray", _COLOR, rows),
        _table("Exactness: signed errors are colored less true", _EXACTNESS, rows),
        _table("Fog, by that of the truth, and confidence", _FOG, rows),
        _frechet_table(evaluations),
        *(table for one in evaluations for table in _group_tables(one)),
    ]


_Column = tuple[str, Callable[[Figures], float]]

_COLOR: tuple[_Column, ...] = (
    ("Δab", lambda figures: figures.chroma_error),
    ("gray", lambda figures: figures.gray_chroma_error),
    ("Δab/gray", lambda figures: figures.error_ratio),
    ("color/true", lambda figures: figures.colorfulness_ratio),
    ("ΔE00", lambda figures: figures.color_difference),
)
_EXACTNESS: tuple[_Column, ...] = (
    ("PSNR", lambda figures: figures.peak_signal_to_noise),
    ("within 12", lambda figures: figures.accuracy),
    ("L* moved", lambda figures: figures.lightness_moved),
    ("ΔL*", lambda figures: figures.lightness_error),
    ("Δa*", lambda figures: figures.red_error),
    ("Δb*", lambda figures: figures.yellow_error),
)
_FOG: tuple[_Column, ...] = (
    ("stray edges", lambda figures: figures.stray_edges_ratio),
    ("patchiness", lambda figures: figures.patchiness_ratio),
    ("false color", lambda figures: figures.false_color_ratio),
    ("ECE", lambda figures: figures.confidence.calibration.error),
    ("AUROC", lambda figures: figures.confidence.discrimination),
)
_GROUP = (_COLOR[0], _COLOR[2], _COLOR[3], _FOG[3], _FOG[4])
_SKIN = (_COLOR[0], _COLOR[2], _COLOR[3], *_EXACTNESS[3:])


def _table(title: str, columns: Sequence[_Column], rows: Sequence[tuple[str, Figures]], first: str = "photos") -> Table:
    names = (first, "count", *(name for name, _ in columns))
    cells = [(name, figures.photos, *(short(value(figures)) for _, value in columns)) for name, figures in rows]
    return Table(title, names, tuple(cells))


def _rows(evaluation: PhotoEvaluation) -> list[tuple[str, Figures]]:
    parts = [(f"  {name}", figures) for name, figures in evaluation.by_part.items()]
    return [(evaluation.photos, evaluation.overall), *parts]


def _frechet_table(evaluations: Sequence[PhotoEvaluation]) -> Table:
    rows = [
        (one.photos, short(one.frechet), short(one.gray_frechet), len(one.left_out), round(one.seconds))
        for one in evaluations
    ]
    title = "Fréchet distance in EfficientNet-Lite0's features; comparable only over the same photos"
    return Table(title, ("photos", "colored", "gray", "left out", "seconds"), tuple(rows))


def _group_tables(evaluation: PhotoEvaluation) -> Iterator[Table]:
    for kind, grouping in (("skin tone", evaluation.by_skin_tone), ("label", evaluation.by_label)):
        if grouping is None:
            continue
        ratio = grouping.fairness_ratio
        remark = "too few groups to compare" if ratio is None else f"Δab of the worst group by the best: {ratio:.3g}"
        whole = [(name, group.whole) for name, group in grouping.groups.items()]
        yield _table(f"{evaluation.photos} by {kind}; {remark}", _GROUP, whole, first=kind)
        skin = [(name, group.skin) for name, group in grouping.groups.items() if group.skin is not None]
        if skin:
            yield _table(f"{evaluation.photos} by {kind}, over the skin of the face", _SKIN, skin, first=kind)
