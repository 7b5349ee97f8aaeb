"""How well a confidence map is calibrated, and whether it tells right from wrong."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from photochrom.lab.metrics import Calibration, FloatArray

_LEVELS = 256
_BINS = 15


@dataclass(frozen=True)
class Confidence:
    """Counts of right and wrong values at each level of confidence.

    Attributes:
        right: Weight of right values at each level, from 0 to 255 for certainty; shape (256,).
        wrong: Weight of wrong values; same shape.
    """

    right: FloatArray
    wrong: FloatArray

    @classmethod
    def of(cls, levels: npt.NDArray[np.uint8], hits: npt.NDArray[Any]) -> "Confidence":
        """Count the values of a confidence map; each map has a total weight of 1, whatever its size.

        Args:
            levels: 255 for certainty; any shape, not empty.
            hits: Share of each value that is right, from 0 to 1; same shape.
        """
        outcomes = np.asarray(hits, dtype=np.float64).ravel()
        right, wrong = (
            np.bincount(levels.ravel(), weights=weights, minlength=_LEVELS) / levels.size
            for weights in (outcomes, 1.0 - outcomes)
        )
        return cls(right, wrong)

    @property
    def calibration(self) -> Calibration:
        """Stated probabilities and how often they were right, in 15 bins."""
        stated = np.arange(_LEVELS) / (_LEVELS - 1.0)
        places = np.minimum((stated * _BINS).astype(np.int64), _BINS - 1)
        values = self.right + self.wrong
        binned = [np.bincount(places, each, _BINS).astype(float) for each in (values, values * stated, self.right)]
        return Calibration(*binned)

    @property
    def discrimination(self) -> float:
        """The area under the ROC curve: the probability that a right value has more confidence than a wrong one.

        Returns:
            1 if confidence always tells right from wrong, 0.5 if it never does; NaN if all values are right or wrong.

        Reference:
            Fawcett, "An introduction to ROC analysis", 2006; equal confidence counts as half.
        """
        pairs = self.right.sum() * self.wrong.sum()
        if pairs == 0.0:
            return float("nan")
        wrong_below = np.cumsum(self.wrong) - self.wrong
        return float((self.right * (wrong_below + self.wrong / 2.0)).sum() / pairs)


def pooled_confidence(confidences: Iterable[Confidence]) -> Confidence:
    """The counts of all maps together.

    Args:
        confidences: At least one.
    """
    return Confidence(*np.sum([(one.right, one.wrong) for one in confidences], axis=0))
