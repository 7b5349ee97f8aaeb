"""The measures of a network's pictures, overall and group by group."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BeforeValidator

from photochrom.lab.datasets import UNLABELED
from photochrom.lab.evaluation._records import as_json
from photochrom.lab.skin_tone import NO_TONE, TONE_GROUPS

Item = TypeVar("Item")

FEWEST_PICTURES = 30
"""Minimum size of a group for the fairness ratio; the mean of fewer pictures says little."""

Figure: TypeAlias = Annotated[float, BeforeValidator(lambda number: math.nan if number is None else number)]
"""A number that files store as null if it is not finite."""


@dataclass(frozen=True)
class Scores:
    """The measures of some pictures; each is a mean over them unless noted.

    Attributes:
        accuracy: Share of channel values within 12 of 255 levels.
        mse: Mean squared error of signed values, before they are clamped.
        peak_signal_to_noise: In dB.
        structural_similarity: At most 1.
        chroma_error: Distance in a* and b* of CIELAB.
        color_difference: CIEDE2000.
        colorfulness_ratio: `colorfulness` divided by `true_colorfulness`; NaN if the truth is gray.
        largest_luma_change: The largest change of the luma of any pixel, in levels of 255.
        calibration_error: The expected calibration error of the stated probabilities that red and blue lie within 12
            levels; None if the network states none.
        reliability: The bins of these probabilities, as `Calibration.table` gives them; None if there are none.
    """

    pictures: int
    accuracy: Figure
    mse: Figure
    peak_signal_to_noise: Figure
    structural_similarity: Figure
    chroma_error: Figure
    color_difference: Figure
    colorfulness: Figure
    true_colorfulness: Figure
    colorfulness_ratio: Figure
    largest_luma_change: Figure
    calibration_error: float | None
    reliability: list[dict[str, float]] | None = None

    @property
    def is_few(self) -> bool:
        """Whether there are too few pictures for the fairness ratio."""
        return self.pictures < FEWEST_PICTURES

    def as_dict(self) -> dict[str, Any]:
        """The measures by name, for JSON."""
        measures: dict[str, Any] = as_json(asdict(self))
        return measures


@dataclass(frozen=True)
class Grouping:
    """The measures of each group that has any picture, in the order of `grouped`."""

    groups: dict[str, Scores]

    @property
    def fairness_ratio(self) -> float | None:
        """The ratio that `fairness_ratio` gives for these groups."""
        return fairness_ratio({name: (scores.pictures, scores.chroma_error) for name, scores in self.groups.items()})

    def as_dict(self) -> dict[str, Any]:
        """The ratio and the groups by name, for JSON."""
        return {"fairness_ratio": self.fairness_ratio, "groups": as_json(asdict(self)["groups"])}


def fairness_ratio(groups: Mapping[str, tuple[int, float]]) -> float | None:
    """The mean chroma error of the worst group divided by that of the best; 1 is equal treatment.

    Groups of fewer than 30 pictures, and those of unknown skin tone or label, are ignored.

    Args:
        groups: The number of pictures and the mean chroma error of each group.

    Returns:
        None if fewer than two groups are left, or the best group has no error.
    """
    errors = [
        error
        for name, (pictures, error) in groups.items()
        if pictures >= FEWEST_PICTURES and name not in (NO_TONE, UNLABELED)
    ]
    if len(errors) < 2 or min(errors) == 0.0:
        return None
    return max(errors) / min(errors)


def grouped(items: Iterable[Item], group_of: Callable[[Item], str | None]) -> dict[str, list[Item]]:
    """Items by the name of their group: skin tones from light to dark, other labels by name, unknown ones last.

    Args:
        items: In any order, which each group keeps.
        group_of: Gives the group of an item; None if it belongs to none.
    """
    members: dict[str, list[Item]] = {}
    for item in items:
        group = group_of(item)
        if group is not None:
            members.setdefault(group, []).append(item)
    tones = {name: place for place, name in enumerate(TONE_GROUPS)}
    order = sorted(members, key=lambda name: (name in (NO_TONE, UNLABELED), tones.get(name, len(tones)), name))
    return {name: members[name] for name in order}
