"""Measures of predicted color against the truth, and of stated probabilities against how often they are right.

Predictions and targets have the same shape; otherwise a `DataError` is raised.
The study's measures give one value for all pictures, from numpy arrays or torch tensors. The others take numpy arrays
and give one value for each picture, shape (count,), for comparing groups of pictures; `by_picture` does so for the
study's measures.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from array_api_compat import array_namespace

from photochrom.color import STUDY_MARGIN, luma, to_signed
from photochrom.errors import DataError
from photochrom.tensors import AnyArray

FloatArray = npt.NDArray[np.floating]

SMALLEST_SIDE = 11
"""Least side of a picture for `structural_similarity`, the width of its window."""


def _require_same_shape(prediction: AnyArray, target: AnyArray) -> None:
    if tuple(prediction.shape) != tuple(target.shape):
        raise DataError(
            f"predictions of shape {tuple(prediction.shape)} cannot be scored against {tuple(target.shape)}"
        )


def by_picture(measure: Callable[..., float], *pictures: AnyArray) -> FloatArray:
    """The value of a measure for each picture.

    Args:
        measure: Gives one value, such as `accuracy_within`.
        pictures: The arguments of the measure, each with the pictures along its first axis.

    Returns:
        Shape (count,).

    Example:
        >>> by_picture(accuracy_within, np.array([[0, 0], [0, 99]]), np.array([[0, 0], [0, 0]])).tolist()
        [1.0, 0.5]
    """
    return np.array([measure(*one) for one in zip(*pictures, strict=True)], dtype=np.float64)


def is_within(prediction: AnyArray, target: AnyArray, margin: int = STUDY_MARGIN) -> AnyArray:
    """Which channel values differ from the truth by less than a margin.

    Args:
        margin: A value counts if `|prediction - target| < margin`.

    Returns:
        Same shape, bool.
    """
    _require_same_shape(prediction, target)
    xp = array_namespace(prediction)
    return xp.abs(xp.astype(prediction, xp.int16) - xp.astype(target, xp.int16)) < margin


def accuracy_within(prediction: AnyArray, target: AnyArray, margin: int = STUDY_MARGIN) -> float:
    """The study's accuracy: the share of channel values that differ from the truth by less than a margin.

    All pictures have the same size, so the mean over all values is also the mean over pictures.

    Args:
        prediction: Any shape, uint8.
        margin: A value counts if `|prediction - target| < margin`.

    Returns:
        Between 0 and 1.

    Example:
        >>> accuracy_within(np.array([0, 100], dtype=np.uint8), np.array([11, 112], dtype=np.uint8))
        0.5
    """
    xp = array_namespace(prediction)
    return float(xp.mean(xp.astype(is_within(prediction, target, margin), xp.float32)))


def mean_squared_error(prediction: AnyArray, target: AnyArray) -> float:
    """The study's loss: the mean squared difference of signed values.

    Args:
        prediction: Any shape, signed floats; not clamped, so values out of range count fully.

    Returns:
        At least 0.
    """
    _require_same_shape(prediction, target)
    xp = array_namespace(prediction)
    return float(xp.mean((prediction - target) ** 2))


def colorfulness(pictures: AnyArray) -> float:
    """The mean colorfulness of pictures: 0 for gray, about 33 for moderately, 59 for quite colorful ones.

    Args:
        pictures: Shape (count, height, width, 3), or (height, width, 3) for one; uint8 RGB.

    Returns:
        At least 0.

    Reference:
        Hasler and Suesstrunk, "Measuring colorfulness in natural images", 2003: with rg = R - G and
        yb = (R + G) / 2 - B, the length of their deviations plus 0.3 times the length of their means.
    """
    xp = array_namespace(pictures)
    red, green, blue = (xp.astype(pictures[..., c], xp.float32) for c in range(3))
    opponents = (red - green, (red + green) / 2.0 - blue)
    spread = sum(xp.var(opponent, axis=(-2, -1)) for opponent in opponents) ** 0.5
    offset = sum(xp.mean(opponent, axis=(-2, -1)) ** 2 for opponent in opponents) ** 0.5
    return float(xp.mean(spread + 0.3 * offset))


def peak_signal_to_noise(prediction: AnyArray, target: AnyArray) -> FloatArray:
    """The ratio of the highest level to the error of each picture, in dB: about 20 is poor, 30 is good.

    Args:
        prediction: Shape (count, height, width, 3), uint8 RGB.

    Returns:
        Shape (count,); infinite where the two are equal.

    Reference:
        Huynh-Thu and Ghanbari, "Scope of validity of PSNR in image/video quality assessment", 2008.
    """
    _require_same_shape(prediction, target)
    error = np.mean((prediction.astype(np.float32) - target) ** 2, axis=(1, 2, 3), dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(10.0 * np.log10(255.0**2 / error))


def structural_similarity(prediction: AnyArray, target: AnyArray) -> FloatArray:
    """The structural similarity (SSIM) of each picture, the mean over red, green and blue.

    Most of all three is luma, so a network that keeps the luma scores high; compare only networks of the same kind.

    Args:
        prediction: Shape (count, height, width, 3), uint8 RGB; no side below 11.

    Returns:
        Shape (count,), between -1 and 1; 1 where the two are equal.

    Reference:
        Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004, with its
        Gaussian window of 11 pixels and deviation 1.5.
    """
    from skimage.metrics import structural_similarity as similarity_of_two

    _require_same_shape(prediction, target)
    if min(prediction.shape[1:3]) < SMALLEST_SIDE:
        raise DataError(f"pictures must be at least {SMALLEST_SIDE} pixels on each side to compare their structure")

    def similarity(one: AnyArray, other: AnyArray) -> float:
        as_in_paper = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        value = similarity_of_two(one, other, channel_axis=-1, data_range=255, **as_in_paper)  # type: ignore[no-untyped-call]
        return float(value)

    return by_picture(similarity, prediction, target)


def chroma_error(prediction: AnyArray, target: AnyArray) -> FloatArray:
    """The mean distance of each picture's color from the truth in a* and b*, without lightness.

    Args:
        prediction: Shape (count, height, width, 3), uint8 sRGB.

    Returns:
        Shape (count,), at least 0; about 2 is just noticeable.

    Reference:
        CIE 15, CIELAB under D65 and the observer of 2 degrees; as the error of colorization, Deshpande et al.,
        "Learning large-scale automatic image colorization", 2015.
    """
    _require_same_shape(prediction, target)
    distance = np.linalg.norm(to_lab(prediction)[..., 1:] - to_lab(target)[..., 1:], axis=-1)
    return np.asarray(distance.mean(axis=(1, 2), dtype=np.float64))


def color_difference(prediction: AnyArray, target: AnyArray) -> FloatArray:
    """The mean CIEDE2000 difference of each picture: how different it looks to people with normal vision.

    Args:
        prediction: Shape (count, height, width, 3), uint8 sRGB.

    Returns:
        Shape (count,), at least 0; about 1 is just noticeable.

    Reference:
        Sharma et al., "The CIEDE2000 color-difference formula", 2005.
    """
    from skimage.color import deltaE_ciede2000

    _require_same_shape(prediction, target)
    difference = deltaE_ciede2000(to_lab(prediction), to_lab(target))  # type: ignore[no-untyped-call]
    return np.asarray(difference.mean(axis=(1, 2), dtype=np.float64))


def to_lab(pictures: AnyArray) -> AnyArray:
    """The CIELAB values of sRGB pictures; in float32, which takes a tenth of the time of float64.

    Args:
        pictures: Shape (..., 3), uint8 sRGB.

    Returns:
        Same shape: L*, a* and b* under D65, off by less than 0.001.
    """
    from skimage.color import rgb2lab

    return rgb2lab(pictures.astype(np.float32) / np.float32(255.0))


def largest_luma_change(prediction: AnyArray, gray: AnyArray) -> FloatArray:
    """The largest difference between the luma of each colored picture and the gray picture it was made from.

    Args:
        prediction: Shape (count, height, width, 3), uint8 RGB.
        gray: Shape (count, height, width), uint8.

    Returns:
        Shape (count,), in levels of 255; up to 1 is the rounding of gray and color to whole levels.

    Reference:
        ITU-R BT.601-7.
    """
    _require_same_shape(prediction[..., 0], gray)
    of_prediction = luma(np.moveaxis(to_signed(prediction), -1, 1))[:, 0]
    return np.asarray(np.abs(of_prediction - to_signed(gray)).max(axis=(1, 2)) * 127.5, dtype=np.float64)


@dataclass(frozen=True)
class Calibration:
    """Stated probabilities and how often they were right, in bins of equal width; see `pooled` for many pictures.

    Attributes:
        values: The number of values in each bin; shape (bins,).
        stated: The sum of their stated probabilities; shape (bins,).
        observed: The sum of their outcomes; shape (bins,).
    """

    values: FloatArray
    stated: FloatArray
    observed: FloatArray

    @property
    def error(self) -> float:
        """The expected calibration error, between 0 and 1: how much a stated probability is wrong on average.

        Reference:
            Guo et al., "On calibration of modern neural networks", 2017, equation 3.
        """
        return float(np.abs(self.stated - self.observed).sum() / self.values.sum())

    def table(self) -> list[dict[str, float]]:
        """The bins that are not empty: `from` and `to`, mean `stated` and `observed`, and `share` of all values."""
        width = 1.0 / len(self.values)
        return [
            {
                "from": place * width,
                "to": (place + 1) * width,
                "stated": float(self.stated[place] / values),
                "observed": float(self.observed[place] / values),
                "share": float(values / self.values.sum()),
            }
            for place, values in enumerate(self.values)
            if values > 0
        ]


def calibration(stated: AnyArray, hits: AnyArray, bins: int = 15) -> Calibration:
    """Compare stated probabilities with how often they were right.

    Args:
        stated: Probabilities between 0 and 1; any shape, not empty.
        hits: Outcomes, bool or between 0 and 1; same shape.

    Raises:
        DataError: The shapes differ, or a stated value is not a probability.

    Reference:
        Guo et al., "On calibration of modern neural networks", 2017, with 15 bins.

    Example:
        >>> round(calibration(np.array([0.9, 0.9]), np.array([True, False])).error, 3)
        0.4
    """
    _require_same_shape(stated, hits)
    probabilities = np.asarray(stated, dtype=np.float64).ravel()
    if not probabilities.size or not np.all((probabilities >= 0.0) & (probabilities <= 1.0)):
        raise DataError("stated probabilities must be numbers from 0 to 1, and at least one")
    places = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    outcomes = np.asarray(hits, dtype=np.float64).ravel()

    def summed(values: FloatArray) -> FloatArray:
        return np.bincount(places, weights=values, minlength=bins).astype(np.float64)

    return Calibration(summed(np.ones_like(probabilities)), summed(probabilities), summed(outcomes))


def pooled(calibrations: Iterable[Calibration]) -> Calibration:
    """The calibration of all values together."""
    parts = [(part.values, part.stated, part.observed) for part in calibrations]
    return Calibration(*np.sum(parts, axis=0))
