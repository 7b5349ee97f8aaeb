"""The measures of a network's pictures, overall and group by group."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from photochrom.lab.datasets import UNLABELED
from photochrom.lab.metrics import Calibration
from photochrom.lab.skin_tone import NO_TONE

__all__ = ["FEWEST_PICTURES", "Grouping", "Scores", "fairness_ratio", "finite"]

FEWEST_PICTURES = 30
"""Of a group that takes part in the fairness ratio; the mean of fewer says little."""


@dataclass(frozen=True)
class Scores:
    """The measures of some pictures; each a mean over them unless it says otherwise.

    Attributes:
        pictures: How many there are.
        accuracy: Share of channel values within 12 of 255 levels.
        mse: Mean squared error of signed values, before they are clamped.
        peak_signal_to_noise: In dB.
        structural_similarity: At most 1.
        chroma_error: Distance in a* and b* of CIELAB.
        color_difference: CIEDE2000.
        colorfulness: Of the predictions.
        true_colorfulness: Of the truth.
        colorfulness_ratio: The first of these by the second: below 1 is paler than the truth; NaN if that is gray.
        largest_luma_change: The most that the luma of any pixel changed, in levels of 255.
        calibration: The stated probabilities that red and blue lie within 12 levels, beside the share that does; None
            if the network states none.
    """

    pictures: int
    accuracy: float
    mse: float
    peak_signal_to_noise: float
    structural_similarity: float
    chroma_error: float
    color_difference: float
    colorfulness: float
    true_colorfulness: float
    colorfulness_ratio: float
    largest_luma_change: float
    calibration: Calibration | None

    @property
    def calibration_error(self) -> float | None:
        """The expected calibration error of what the network states; None if it states nothing."""
        return None if self.calibration is None else self.calibration.error

    def as_dict(self) -> dict[str, Any]:
        """The measures by name, for JSON: None stands for what is no finite number."""
        numbers = {field.name: finite(getattr(self, field.name)) for field in fields(self)[:-1]}
        reliability = None if self.calibration is None else self.calibration.table()
        return {**numbers, "calibration_error": self.calibration_error, "reliability": reliability}


@dataclass(frozen=True)
class Grouping:
    """The measures of pictures, group by group.

    Attributes:
        groups: The groups that have any picture, in an order for readers.
    """

    groups: dict[str, Scores]

    @property
    def fairness_ratio(self) -> float | None:
        """The mean chroma error of the worst group by that of the best; 1 is equal treatment.

        Groups of fewer than 30 pictures, and those of unknown skin tone or label, do not count. None if fewer than
        two are left, or the best group has no error.
        """
        return fairness_ratio({name: (scores.pictures, scores.chroma_error) for name, scores in self.groups.items()})

    def as_dict(self) -> dict[str, Any]:
        """The ratio and the groups by name, for JSON."""
        groups = {name: scores.as_dict() for name, scores in self.groups.items()}
        return {"fairness_ratio": self.fairness_ratio, "groups": groups}


def fairness_ratio(groups: Mapping[str, tuple[int, float]]) -> float | None:
    """The mean chroma error of the worst group by that of the best; see `Grouping.fairness_ratio`.

    Args:
        groups: How many pictures each group has, and their mean chroma error.
    """
    errors = [
        error
        for name, (pictures, error) in groups.items()
        if pictures >= FEWEST_PICTURES and name not in (NO_TONE, UNLABELED)
    ]
    if len(errors) < 2 or min(errors) == 0.0:
        return None
    return max(errors) / min(errors)


def finite(number: float) -> float | None:
    """A number for JSON, which knows neither infinity nor NaN: None stands for them."""
    return number if math.isfinite(number) else None
