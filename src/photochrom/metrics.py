"""How near predicted color is to the truth, for numpy arrays and torch tensors alike."""

from array_api_compat import array_namespace

from photochrom.errors import DataError
from photochrom.tensors import AnyArray

__all__ = ["STUDY_MARGIN", "accuracy_within", "colorfulness", "mean_squared_error"]

STUDY_MARGIN = 12


def _require_same_shape(prediction: AnyArray, target: AnyArray) -> None:
    if tuple(prediction.shape) != tuple(target.shape):
        raise DataError(
            f"predictions of shape {tuple(prediction.shape)} cannot be scored against {tuple(target.shape)}"
        )


def accuracy_within(prediction: AnyArray, target: AnyArray, margin: int = STUDY_MARGIN) -> float:
    """The study's accuracy: the share of channel values that are nearer to the truth than a margin.

    All pictures have the same size here, so the mean over all values is the mean over pictures too.

    Args:
        prediction: Any shape, uint8.
        target: Same shape, uint8.
        margin: A value counts if `|prediction - target| < margin`.

    Returns:
        Between 0 and 1.

    Raises:
        DataError: The shapes differ.

    Example:
        >>> import numpy as np
        >>> accuracy_within(np.array([0, 100], dtype=np.uint8), np.array([11, 112], dtype=np.uint8))
        0.5
    """
    _require_same_shape(prediction, target)
    xp = array_namespace(prediction)
    distance = xp.abs(xp.astype(prediction, xp.int16) - xp.astype(target, xp.int16))
    return float(xp.mean(xp.astype(distance < margin, xp.float32)))


def mean_squared_error(prediction: AnyArray, target: AnyArray) -> float:
    """The study's loss: the mean squared difference of signed values.

    Args:
        prediction: Any shape, signed floats; not clamped, so that what leaves the range is punished.
        target: Same shape, signed floats.

    Returns:
        At least 0.

    Raises:
        DataError: The shapes differ.
    """
    _require_same_shape(prediction, target)
    xp = array_namespace(prediction)
    return float(xp.mean((prediction - target) ** 2))


def colorfulness(pictures: AnyArray) -> float:
    """The mean colorfulness of pictures: 0 for gray, about 33 for moderately, 59 for quite colorful ones.

    Args:
        pictures: Shape (count, height, width, 3), uint8 RGB.

    Returns:
        At least 0.

    Reference:
        Hasler and Suesstrunk, "Measuring colorfulness in natural images", 2003: with rg = R - G and
        yb = (R + G) / 2 - B, the length of their deviations plus 0.3 times the length of their means.
    """
    xp = array_namespace(pictures)
    red, green, blue = (xp.astype(pictures[..., c], xp.float32) for c in range(3))
    opponents = (red - green, (red + green) / 2.0 - blue)
    spread = sum(xp.var(opponent, axis=(1, 2)) for opponent in opponents) ** 0.5
    offset = sum(xp.mean(opponent, axis=(1, 2)) ** 2 for opponent in opponents) ** 0.5
    return float(xp.mean(spread + 0.3 * offset))
