"""Pictures that are the same but for size or compression: how they are found and kept out of training."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from photochrom.lab.datasets._pairs import Pairs
from photochrom.lab.datasets._pictures import tell_left_out_alike
from photochrom.tensors import GrayPictures

_MAX_DISTANCE = 6
_MIN_CORRELATION = 0.95
_BITS = 64
_SIDE = 32
_FREQUENCIES = 8
_BLOCK = 1024
"""Pictures that are compared at a time with all others, which bounds the memory."""

_BASIS = np.cos(np.pi / _SIDE * np.outer(np.arange(_FREQUENCIES), np.arange(_SIDE) + 0.5)).astype(np.float32)
"""The lowest waves of the discrete cosine transform, not normalized, as is usual for this hash."""

Thumbnails = npt.NDArray[np.float32]
Signs = npt.NDArray[np.float32]


def thumbnails(gray: GrayPictures) -> Thumbnails:
    """Pictures of shape (count, height, width), uint8, resized to (count, 32, 32), range [0, 255]."""
    small = np.empty((len(gray), _SIDE, _SIDE), dtype=np.float32)
    for place, picture in enumerate(gray):
        small[place] = np.asarray(Image.fromarray(picture).resize((_SIDE, _SIDE), Image.Resampling.LANCZOS))
    return small


def perceptual_signs(small: Thumbnails) -> Signs:
    """A perceptual hash of each thumbnail: the 8x8 lowest frequencies of its cosine transform compared to their median.

    Args:
        small: Shape (count, 32, 32).

    Returns:
        Shape (count, 64): 1 where a frequency is above the median, else -1.

    Reference:
        Zauner 2010, "Implementation and benchmarking of perceptual image hash functions", section 3.2.1.
    """
    low = (_BASIS @ small @ _BASIS.T).reshape(len(small), _BITS)
    return np.where(low > np.median(low, axis=1, keepdims=True), 1, -1).astype(np.float32)


def near_duplicates(gray: GrayPictures, others: GrayPictures) -> dict[int, int]:
    """The pictures that are nearly the same as one of some others.

    Two pictures are if at most 6 of the 64 bits of their perceptual hashes differ and their thumbnails correlate by
    0.95 or more. The hash is fast, but aligned faces of different people pass it: 617 of the 20,027 pictures of
    UTKFace's training split are within 6 bits of one of `val` or `test`. 74 of them also correlate, and except for two
    or three blurred ones these are the same photo. In the study's set, which has no copies, no such pair correlates by
    more than 0.94. Of 1,000 copies of 80x80 faces, at least 998 are found after JPEG compression (quality 75 or 20) or
    scaling to half or double, 987 if a fifth brighter, 941 if cropped by 1 pixel on each side, but only 202 if by 2.

    Args:
        gray: Shape (count, height, width), uint8.
        others: Of any size, uint8.

    Returns:
        For each such picture, its index in `gray` and the index of the picture in `others` that it resembles.
    """
    ours, theirs = thumbnails(gray), thumbnails(others)
    our_signs, their_signs = perceptual_signs(ours), perceptual_signs(theirs)
    found: dict[int, int] = {}
    for start in range(0, len(ours), _BLOCK):
        # The product of two rows of signs is the number of equal bits less that of different ones.
        distance = (_BITS - our_signs[start : start + _BLOCK] @ their_signs.T) / 2
        for row, other in np.argwhere(distance <= _MAX_DISTANCE).tolist():
            if _correlation(ours[start + row], theirs[other]) >= _MIN_CORRELATION:
                found.setdefault(start + row, other)
    return found


def _correlation(one: Thumbnails, other: Thumbnails) -> float:
    """The correlation of two thumbnails, from -1 to 1; 0 if one is flat."""
    one, other = one - one.mean(), other - other.mean()
    norm = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float((one * other).sum()) / norm if norm else 0.0


def without_near_duplicates(pairs: Pairs, kept_back: Pairs) -> Pairs:
    """Training pairs without those that are nearly the same as a picture that is kept back for scoring.

    They are logged in one line, and each is named in `left_out`.
    """
    found = near_duplicates(pairs.gray, kept_back.gray)
    if not found:
        return pairs
    reasons = tuple(
        f"{pairs.names[ours]}: nearly the same picture as {kept_back.names[theirs]}, which is kept back"
        for ours, theirs in found.items()
    )
    tell_left_out_alike(reasons)
    fresh = pairs.take([place for place in range(len(pairs)) if place not in found])
    return replace(fresh, left_out=(*pairs.left_out, *reasons))
