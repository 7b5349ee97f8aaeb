"""What photos say together: means over them, by part and by group."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from photochrom.lab.datasets import UNLABELED
from photochrom.lab.evaluation._confidence import Confidence, pooled_confidence
from photochrom.lab.evaluation._photo_measures import FACE_SKIN, WHOLE, MeasuredPhoto, Region
from photochrom.lab.evaluation._scores import fairness_ratio, finite
from photochrom.lab.skin_tone import NO_TONE, TONE_GROUPS

__all__ = ["Figures", "GroupFigures", "PhotoGrouping", "figures_by_group", "figures_by_part", "figures_of"]

_SMALLEST_SHARE = 0.002
"""Of a photo that a part of it must take to count as much as the same part of any other photo."""


@dataclass(frozen=True)
class Figures:
    """The measures of some photos, or of one part of them: means over photos, each of which counts the same.

    Attributes:
        photos: How many show it.
        chroma_error: Distance from the truth in a* and b* of CIELAB.
        gray_chroma_error: That of leaving the photo gray.
        color_difference: CIEDE2000.
        accuracy: Share of channel values within 12 of 255 levels.
        peak_signal_to_noise: In dB.
        colorfulness: Of the colored photos.
        true_colorfulness: Of the truth.
        lightness_moved: How far L* of the colored photo is from that of the gray one.
        lightness_error: L* by which it is too light; below 0 it is too dark.
        red_error: a* by which it is too red; below 0 it is too green.
        yellow_error: b* by which it is too yellow; below 0 it is too blue.
        stray_edges: Share of the change of chroma that lies where luma has no edge.
        true_stray_edges: Of the truth.
        patchiness: How far chroma is from the mean of its place, by how far it is from that of the photo.
        true_patchiness: Of the truth.
        false_color: Chroma of what is gray in truth; NaN where nothing is.
        true_false_color: What the truth itself has there.
        confidence: What the confidence map says, and what came true.
    """

    photos: int
    chroma_error: float
    gray_chroma_error: float
    color_difference: float
    accuracy: float
    peak_signal_to_noise: float
    colorfulness: float
    true_colorfulness: float
    lightness_moved: float
    lightness_error: float
    red_error: float
    yellow_error: float
    stray_edges: float
    true_stray_edges: float
    patchiness: float
    true_patchiness: float
    false_color: float
    true_false_color: float
    confidence: Confidence

    @property
    def error_ratio(self) -> float:
        """Chroma error by that of leaving the photos gray; from 1 on they had better be left gray."""
        return _ratio(self.chroma_error, self.gray_chroma_error)

    @property
    def colorfulness_ratio(self) -> float:
        """Colorfulness by that of the truth."""
        return _ratio(self.colorfulness, self.true_colorfulness)

    @property
    def stray_edges_ratio(self) -> float:
        """Stray edges by those of the truth; above 1, color bleeds over edges or lies on things as fog."""
        return _ratio(self.stray_edges, self.true_stray_edges)

    @property
    def patchiness_ratio(self) -> float:
        """Patchiness by that of the truth; above 1, what is one thing has several colors."""
        return _ratio(self.patchiness, self.true_patchiness)

    @property
    def false_color_ratio(self) -> float:
        """False color by what the truth has there; above 1, gray things are tinted."""
        return _ratio(self.false_color, self.true_false_color)

    def as_dict(self) -> dict[str, Any]:
        """The measures by name, for JSON: None stands for what is no finite number."""
        ratios = ("error_ratio", "colorfulness_ratio", "stray_edges_ratio", "patchiness_ratio", "false_color_ratio")
        names = [*(field.name for field in fields(self)[1:-1]), *ratios]
        calibration = self.confidence.calibration
        return {
            "photos": self.photos,
            **{name: finite(getattr(self, name)) for name in names},
            "calibration_error": calibration.error,
            "discrimination": finite(self.confidence.discrimination),
            "reliability": calibration.table(),
        }


def _ratio(value: float, true: float) -> float:
    return value / true if true > 0.0 else math.nan


def figures_of(regions: Sequence[Region]) -> Figures:
    """The means over regions, each of another photo.

    Args:
        regions: At least one.
    """
    measures = regions[0].values
    values = {name: np.array([region.values[name] for region in regions]) for name in measures}
    means = {
        name: float(each[~np.isnan(each)].mean()) if not np.isnan(each).all() else math.nan
        for name, each in values.items()
    }
    return Figures(len(regions), confidence=pooled_confidence(region.confidence for region in regions), **means)


def figures_by_part(photos: Sequence[MeasuredPhoto]) -> dict[str, Figures]:
    """The figures of each part that masks tell apart, over the photos that show enough of it."""
    regions: dict[str, list[Region]] = {}
    for photo in photos:
        for name, region in photo.regions.items():
            if name not in (WHOLE, FACE_SKIN) and region.share >= _SMALLEST_SHARE:
                regions.setdefault(name, []).append(region)
    return {name: figures_of(each) for name, each in regions.items()}


@dataclass(frozen=True)
class GroupFigures:
    """The figures of a group of photos that faces fill.

    Attributes:
        whole: Of the whole photos.
        skin: Of the skin in the middle of those that show any; None if none does.
    """

    whole: Figures
    skin: Figures | None

    def as_dict(self) -> dict[str, Any]:
        """Both, for JSON."""
        return {"whole": self.whole.as_dict(), "skin": None if self.skin is None else self.skin.as_dict()}


@dataclass(frozen=True)
class PhotoGrouping:
    """The figures of photos, group by group.

    Attributes:
        groups: The groups that have any photo, in an order for readers.
    """

    groups: dict[str, GroupFigures]

    @property
    def fairness_ratio(self) -> float | None:
        """The chroma error of the worst group by that of the best, as `Grouping.fairness_ratio` has it."""
        return fairness_ratio(
            {name: (group.whole.photos, group.whole.chroma_error) for name, group in self.groups.items()}
        )

    def as_dict(self) -> dict[str, Any]:
        """The ratio and the groups by name, for JSON."""
        groups = {name: group.as_dict() for name, group in self.groups.items()}
        return {"fairness_ratio": self.fairness_ratio, "groups": groups}


def figures_by_group(
    photos: Sequence[MeasuredPhoto], group_of: Callable[[MeasuredPhoto], str | None]
) -> PhotoGrouping | None:
    """The figures of each group; None if no photo belongs to one.

    Args:
        photos: What was measured.
        group_of: The group of a photo; None if it belongs to none.
    """
    members: dict[str, list[MeasuredPhoto]] = {}
    for photo in photos:
        group = group_of(photo)
        if group is not None:
            members.setdefault(group, []).append(photo)
    if not members:
        return None
    return PhotoGrouping({name: _group(members[name]) for name in _in_order(members)})


def _group(photos: Sequence[MeasuredPhoto]) -> GroupFigures:
    skin = [photo.regions[FACE_SKIN] for photo in photos if FACE_SKIN in photo.regions]
    return GroupFigures(figures_of([photo.regions[WHOLE] for photo in photos]), figures_of(skin) if skin else None)


def _in_order(groups: Iterable[str]) -> list[str]:
    """Skin tones from light to dark, labels by the alphabet, and what is unknown last."""
    order = (*TONE_GROUPS,)
    return sorted(
        groups,
        key=lambda name: (name in (NO_TONE, UNLABELED), order.index(name) if name in order else len(order), name),
    )
