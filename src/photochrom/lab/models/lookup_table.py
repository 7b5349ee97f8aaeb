"""A table from gray level to color: what the gray of a pixel alone tells about its color."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from photochrom.color import STUDY_MARGIN
from photochrom.lab.models._catalogue import register
from photochrom.lab.models._colorizer import ColorizationModel
from photochrom.tensors import GrayBatch, GrayPictures, RgbBatch, RgbPictures

_LEVELS = 256


@register
class LookupTable(ColorizationModel):
    """256 colors, one for each gray level, linear between them; for pictures of any height and width.

    A fresh table copies gray. It is a yardstick for networks: one that beats it has learned from context.

    Args:
        statistic: What `fit_in_closed_form` chooses for each gray level. `mean` is the mean color, which has the least
            squared error. `mode` is, in each channel, the level with the most true values within the study's margin;
            no table has a higher accuracy on the pictures it was made from.
    """

    def __init__(self, *, statistic: Literal["mean", "mode"] = "mean") -> None:
        super().__init__()
        self.statistic = statistic
        ramp = torch.linspace(-1.0, 1.0, _LEVELS)
        self.table = nn.Parameter(ramp[:, None].repeat(1, 3))

    def forward(self, gray: GrayBatch) -> RgbBatch:
        """The color of gray pictures."""
        level = (gray[:, 0].float().clamp(-1.0, 1.0) + 1.0) * ((_LEVELS - 1) / 2)
        below = level.floor().clamp(max=_LEVELS - 2)
        part = (level - below)[..., None]
        index = below.long()
        color = self.table[index] * (1.0 - part) + self.table[index + 1] * part
        return color.permute(0, 3, 1, 2)

    @torch.no_grad()
    def fit_in_closed_form(self, gray: GrayPictures, color: RgbPictures) -> None:
        """Set the table from pictures, without a gradient.

        Args:
            gray: Shape (count, height, width), uint8.
            color: Shape (count, height, width, 3), uint8.
        """
        counts = _joint_counts(gray, color)
        levels = _means(counts) if self.statistic == "mean" else _modes(counts)
        self.table.copy_(torch.from_numpy(levels / 127.5 - 1.0))


def _joint_counts(gray: GrayPictures, color: RgbPictures) -> npt.NDArray[np.int64]:
    """Counts of each level of each channel at each gray level; shape (256 gray, 3, 256)."""
    flat_gray = gray.reshape(-1).astype(np.int64) * _LEVELS
    channels = [np.bincount(flat_gray + color[..., c].reshape(-1), minlength=_LEVELS**2) for c in range(3)]
    return np.stack([counts.reshape(_LEVELS, _LEVELS) for counts in channels], axis=1)


def _fill_unseen(values: npt.NDArray[np.float64], seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Interpolate the gray levels that never occurred."""
    levels = np.arange(_LEVELS)
    return np.stack([np.interp(levels, levels[seen], values[seen, c]) for c in range(3)], axis=1)


def _means(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    total = counts.sum(axis=2)
    sums = counts @ np.arange(_LEVELS)
    return _fill_unseen(sums / np.maximum(total, 1), total[:, 0] > 0)


def _modes(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    window = np.ones(2 * STUDY_MARGIN - 1, dtype=np.int64)
    hits = np.apply_along_axis(np.convolve, 2, counts, window, "same")
    return _fill_unseen(hits.argmax(axis=2).astype(np.float64), counts.sum(axis=2)[:, 0] > 0)
