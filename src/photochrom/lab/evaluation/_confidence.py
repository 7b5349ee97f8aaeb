"""Whether a confidence map keeps its word: how often it is right, and whether it tells right from wrong."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from photochrom.lab.metrics import Calibration, FloatArray

__all__ = ["Confidence", "pooled_confidence"]

_LEVELS = 256
_BINS = 15


@dataclass(frozen=True)
class Confidence:
    """How much was right and how much was wrong at each level of confidence.

    Attributes:
        right: Weight of what was right; shape (256,), for stated probabilities of 0 to 255 out of 255.
        wrong: Weight of what was wrong, alike.
    """

    right: FloatArray
    wrong: FloatArray

    @classmethod
    def of(cls, levels: npt.NDArray[np.uint8], hits: npt.NDArray[Any]) -> "Confidence":
        """Count what came true of a confidence map; each map has the same weight, 1, whatever its size.

        Args:
            levels: 255 for certainty; any shape, but not empty.
            hits: The share of what was stated that came true, between 0 and 1; same shape.
        """
        came_true = np.asarray(hits, dtype=np.float64).ravel()
        places = levels.ravel()
        right = np.bincount(places, weights=came_true, minlength=_LEVELS)
        wrong = np.bincount(places, weights=1.0 - came_true, minlength=_LEVELS)
        return cls(right / places.size, wrong / places.size)

    @property
    def calibration(self) -> Calibration:
        """Stated probabilities beside what came true, in 15 bins."""
        stated = np.arange(_LEVELS) / (_LEVELS - 1.0)
        places = np.minimum((stated * _BINS).astype(np.int64), _BINS - 1)

        def summed(weights: FloatArray) -> FloatArray:
            return np.bincount(places, weights=weights, minlength=_BINS).astype(np.float64)

        values = self.right + self.wrong
        return Calibration(summed(values), summed(values * stated), summed(self.right))

    @property
    def discrimination(self) -> float:
        """The area under the ROC curve: how likely something right is stated with more confidence than something wrong.

        Returns:
            1 if confidence tells right from wrong without fail, 0.5 if it tells nothing; NaN if all is right or wrong.

        Reference:
            Fawcett, "An introduction to ROC analysis", 2006; equal confidence counts as half.
        """
        pairs = self.right.sum() * self.wrong.sum()
        if pairs == 0.0:
            return float("nan")
        wrong_below = np.cumsum(self.wrong) - self.wrong
        return float((self.right * (wrong_below + self.wrong / 2.0)).sum() / pairs)


def pooled_confidence(confidences: Iterable[Confidence]) -> Confidence:
    """That of all maps together, each with its weight.

    Args:
        confidences: At least one.
    """
    parts = list(confidences)
    return Confidence(np.sum([part.right for part in parts], axis=0), np.sum([part.wrong for part in parts], axis=0))
