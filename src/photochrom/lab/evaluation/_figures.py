"""The measures of many photos together: their means, by part and by group."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from photochrom.lab.evaluation._confidence import pooled_confidence
from photochrom.lab.evaluation._photo_measures import FACE_SKIN, WHOLE, MeasuredPhoto, Region
from photochrom.lab.evaluation._records import as_json
from photochrom.lab.evaluation._scores import fairness_ratio, grouped

_SMALLEST_SHARE = 0.002
"""Minimum share of a photo that a part must cover to count."""

_RATIOS = {
    "error_ratio": ("chroma_error", "gray_chroma_error"),
    "colorfulness_ratio": ("colorfulness", "true_colorfulness"),
    "stray_edges_ratio": ("stray_edges", "true_stray_edges"),
    "patchiness_ratio": ("patchiness", "true_patchiness"),
    "false_color_ratio": ("false_color", "true_false_color"),
}


@dataclass(frozen=True)
class Figures:
    """The measures of some photos, or of one part of them: means over photos, each of which has the same weight.

    Measures that begin with `true_` are those of the true photos. The ratios are NaN where they divide by 0.

    Attributes:
        photos: The number of photos that show it.
        chroma_error: Distance from the truth in a* and b* of CIELAB.
        gray_chroma_error: The same for the gray photo.
        color_difference: CIEDE2000.
        accuracy: Share of channel values within 12 of 255 levels.
        peak_signal_to_noise: In dB.
        lightness_moved: Difference in L* between the colored and the gray photo.
        lightness_error: L* of the colored photo minus that of the truth.
        red_error: The same for a*; negative if too green.
        yellow_error: The same for b*; negative if too blue.
        stray_edges: Share of the change of chroma that lies where luma has no edge.
        patchiness: Distance of chroma from the mean of its place, divided by that from the mean of the photo.
        false_color: Chroma of what is gray in truth; NaN if nothing is.
        error_ratio: Chroma error divided by that of gray; from 1 on, gray photos are better.
        colorfulness_ratio: Colorfulness divided by that of the truth.
        stray_edges_ratio: The same for stray edges; above 1, color bleeds over edges or lies on things as fog.
        patchiness_ratio: The same for patchiness; above 1, single things have several colors.
        false_color_ratio: The same for false color; above 1, gray things are tinted.
        calibration_error: The expected calibration error of the confidence maps.
        discrimination: The area under the ROC curve of the confidence maps; see `Confidence`.
        reliability: The bins of the confidence maps, as `Calibration.table` gives them.
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
    error_ratio: float
    colorfulness_ratio: float
    stray_edges_ratio: float
    patchiness_ratio: float
    false_color_ratio: float
    calibration_error: float
    discrimination: float
    reliability: list[dict[str, float]]


def figures_of(regions: Sequence[Region]) -> Figures:
    """The means over regions.

    Args:
        regions: At least one, each of another photo.
    """
    means: dict[str, float] = {}
    for name in regions[0].values:
        values = np.array([region.values[name] for region in regions])
        known = values[~np.isnan(values)]
        means[name] = float(known.mean()) if known.size else math.nan
    for name, (measure, reference) in _RATIOS.items():
        means[name] = means[measure] / means[reference] if means[reference] > 0.0 else math.nan
    confidence = pooled_confidence(region.confidence for region in regions)
    calibration = confidence.calibration
    return Figures(
        photos=len(regions),
        calibration_error=calibration.error,
        discrimination=confidence.discrimination,
        reliability=calibration.table(),
        **means,
    )


def figures_by_part(photos: Sequence[MeasuredPhoto]) -> dict[str, Figures]:
    """The figures of each part that masks show, over the photos with enough of it."""
    regions: dict[str, list[Region]] = {}
    for photo in photos:
        for name, region in photo.regions.items():
            if name not in (WHOLE, FACE_SKIN) and region.share >= _SMALLEST_SHARE:
                regions.setdefault(name, []).append(region)
    return {name: figures_of(each) for name, each in regions.items()}


@dataclass(frozen=True)
class GroupFigures:
    """The figures of a group of portraits.

    Attributes:
        skin: Of the face's skin; None if no photo shows any.
    """

    whole: Figures
    skin: Figures | None


@dataclass(frozen=True)
class PhotoGrouping:
    """The figures of each group that has any photo, in the order of `grouped`."""

    groups: dict[str, GroupFigures]

    @property
    def fairness_ratio(self) -> float | None:
        """The ratio that `fairness_ratio` gives for the whole photos."""
        return fairness_ratio(
            {name: (group.whole.photos, group.whole.chroma_error) for name, group in self.groups.items()}
        )

    def as_dict(self) -> dict[str, Any]:
        """The ratio and the groups by name, for JSON."""
        return {"fairness_ratio": self.fairness_ratio, "groups": as_json(asdict(self)["groups"])}


def figures_by_group(
    photos: Sequence[MeasuredPhoto], group_of: Callable[[MeasuredPhoto], str | None]
) -> PhotoGrouping | None:
    """The figures of each group; None if there are no groups.

    Args:
        group_of: Gives the group of a photo; None if it belongs to none.
    """
    groups = {}
    for name, members in grouped(photos, group_of).items():
        skin = [photo.regions[FACE_SKIN] for photo in members if FACE_SKIN in photo.regions]
        whole = figures_of([photo.regions[WHOLE] for photo in members])
        groups[name] = GroupFigures(whole, figures_of(skin) if skin else None)
    return PhotoGrouping(groups) if groups else None
