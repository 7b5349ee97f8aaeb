"""How light the skin in a picture of a face looks, so that measures can be compared between groups of skin tone."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Float

from photochrom.color import rgb_to_chroma, to_signed
from photochrom.tensors import RgbPictures

__all__ = ["NO_TONE", "TONE_GROUPS", "skin_mask", "tone_group", "typology_angle"]

TONE_GROUPS = ("very light", "light", "intermediate", "tan", "brown", "dark")
"""From the lightest to the darkest."""

NO_TONE = "unknown"
"""The group of pictures that show too little skin, most of them gray, or under strongly colored light."""

_LOWEST_ANGLES = (55.0, 41.0, 28.0, 10.0, -30.0)
"""What an angle must exceed to belong to each group but the last, in degrees."""

_ELLIPSE_HEIGHT, _ELLIPSE_WIDTH = 0.7, 0.5
"""Shares of the picture: from the brow to the mouth, from cheek to cheek in a picture that is cut to the face."""

_CB_LEVELS, _CR_LEVELS = (77, 127), (133, 173)
_LEVELS_PER_CHROMA = 112.0
"""Of the digital Cb and Cr of BT.601, which run from 16 to 240 around 128."""

_LEAST_SHARE = 0.1
"""Of the ellipse; where less of it is skin, its median says little."""

_LIGHTNESS_PIVOT = 50.0


def skin_mask(rgb: RgbPictures) -> Bool[Any, "count height width"]:
    """Where pictures of faces show skin: in their middle ellipse, where the color is one that skin has.

    The range is one of chroma and leaves lightness open. Measured on 2000 faces of UTKFace: for each of its five labels
    of race the median face keeps the whole ellipse, and nine faces in ten keep at least 0.85 of it; what loses its
    mask is gray pictures and strongly colored light.

    Args:
        rgb: Shape (count, height, width, 3), uint8 sRGB; each cut to a face.

    Returns:
        Shape (count, height, width), bool.

    Reference:
        Chai and Ngan, "Face segmentation using skin-color map in videophone applications", 1999:
        77 <= Cb <= 127 and 133 <= Cr <= 173.
    """
    chroma = 128.0 + _LEVELS_PER_CHROMA * rgb_to_chroma(np.moveaxis(to_signed(rgb), -1, 1))
    has_color_of_skin = _is_between(chroma[:, 0], _CB_LEVELS) & _is_between(chroma[:, 1], _CR_LEVELS)
    return has_color_of_skin & _middle_ellipse(*rgb.shape[1:3])


def _is_between(levels: npt.NDArray[np.floating], ends: tuple[int, int]) -> npt.NDArray[np.bool_]:
    return (levels >= ends[0]) & (levels <= ends[1])


def _middle_ellipse(height: int, width: int) -> npt.NDArray[np.bool_]:
    """Shape (height, width)."""
    down = ((np.arange(height) + 0.5) / height - 0.5) / (_ELLIPSE_HEIGHT / 2.0)
    across = ((np.arange(width) + 0.5) / width - 0.5) / (_ELLIPSE_WIDTH / 2.0)
    return np.asarray(down[:, None] ** 2 + across**2 <= 1.0)


def typology_angle(rgb: RgbPictures) -> Float[Any, " count"]:
    """The individual typology angle of the skin in pictures of faces: high for light skin, low for dark skin.

    It was made for a colorimeter on the skin, under a light of its own. From a photograph it says how light the skin
    looks in that picture, no more: exposure, shadow, white balance, make-up and the camera move it by tens of
    degrees. Of the same 2000 faces of UTKFace, those labeled Black have a median of 4 degrees and those labeled White
    one of 37, yet a fifth of the latter falls into the groups brown and dark. So it serves to compare averages over
    many pictures. It must not be used to say anything of a person, and it is no measure of descent.

    Args:
        rgb: True pictures, not colored ones; shape (count, height, width, 3), uint8 sRGB; each cut to a face.

    Returns:
        Shape (count,), in degrees: arctan((L* - 50) / b*), with the medians of L* and b* over the skin; NaN where
        less than a tenth of the middle ellipse is skin.

    Reference:
        Chardin et al., "Skin colour typology and suntanning pathways", 1991.
    """
    from skimage.color import rgb2lab

    masks = skin_mask(rgb)
    enough = _LEAST_SHARE * _middle_ellipse(*rgb.shape[1:3]).sum()
    angles = np.full(len(rgb), np.nan)
    for place, (picture, mask) in enumerate(zip(rgb, masks, strict=True)):
        if mask.any() and mask.sum() >= enough:
            lightness, _, yellow = np.median(rgb2lab(picture[mask]), axis=0)
            # b* is above 0 in all but a thousandth of the mask's range, and there this is the plain arctangent; where
            # it is just below 0, the angle of very light skin goes on past 90 degrees instead of turning to -90.
            angles[place] = math.degrees(math.atan2(lightness - _LIGHTNESS_PIVOT, yellow))
    return angles


def tone_group(angle: float) -> str:
    """The group of skin tone to which an angle belongs.

    Args:
        angle: The individual typology angle, in degrees; NaN if it is not known.

    Returns:
        One of `TONE_GROUPS`, or `NO_TONE` for NaN.

    Reference:
        Chardin et al., 1991, and Del Bino et al., "Relationship between skin response to ultraviolet exposure and
        skin color type", 2006: very light > 55 > light > 41 > intermediate > 28 > tan > 10 > brown > -30 > dark.

    Example:
        >>> tone_group(60.0), tone_group(0.0), tone_group(float("nan"))
        ('very light', 'brown', 'unknown')
    """
    if math.isnan(angle):
        return NO_TONE
    exceeded = (group for group, lowest in zip(TONE_GROUPS, _LOWEST_ANGLES, strict=False) if angle > lowest)
    return next(exceeded, TONE_GROUPS[-1])
