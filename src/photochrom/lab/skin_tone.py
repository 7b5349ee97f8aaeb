"""How light the skin in a picture of a face looks, for comparing measures between groups of skin tone."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Float

from photochrom.color import rgb_to_chroma, to_signed
from photochrom.tensors import RgbPictures

TONE_GROUPS = ("very light", "light", "intermediate", "tan", "brown", "dark")
"""From the lightest to the darkest."""

NO_TONE = "unknown"
"""The group of pictures in which too little skin is found: most are gray or have strongly colored light."""

_LOWEST_ANGLES = (55.0, 41.0, 28.0, 10.0, -30.0)
"""The angle, in degrees, above which a picture belongs to each group but the last."""

_ELLIPSE_HEIGHT, _ELLIPSE_WIDTH = 0.7, 0.5
"""Shares of a picture that is cropped to the face: from brow to mouth, from cheek to cheek."""

_CB_LEVELS, _CR_LEVELS = (77, 127), (133, 173)
_LEVELS_PER_CHROMA = 112.0
"""The digital Cb and Cr of BT.601 run from 16 to 240 around 128."""

_LEAST_SHARE = 0.1
"""Least share of the ellipse that must be skin; the median of less says little."""

_LIGHTNESS_PIVOT = 50.0


def skin_mask(rgb: RgbPictures) -> Bool[Any, "count height width"]:
    """Where pictures of faces show skin: pixels of skin color in the middle ellipse.

    Skin color is a range of chroma, whatever the lightness. On 2000 faces of UTKFace, for each of its five labels of
    race, the median face keeps the whole ellipse, and nine of ten faces keep at least 0.85 of it. Gray pictures and
    pictures in strongly colored light lose the mask.

    Args:
        rgb: Shape (count, height, width, 3), uint8 sRGB; each cropped to a face.

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

    The angle is defined for a colorimeter on the skin. In a photograph it only tells how light the skin looks in that
    picture: exposure, shadow, white balance, make-up and the camera change it by tens of degrees. Of the same 2000
    faces of UTKFace, those labeled Black have a median of 4 degrees and those labeled White of 37, yet a fifth of the
    latter falls into the groups brown and dark. Use it to compare averages over many pictures. It must not be used to
    say anything about a person, and it does not measure descent.

    Args:
        rgb: True pictures, not colored ones; shape (count, height, width, 3), uint8 sRGB; each cropped to a face.

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
            # For b* above 0, which is nearly all of the mask's range, this is the plain arctangent. For b* just below
            # 0, the angle of very light skin exceeds 90 degrees instead of jumping to -90.
            angles[place] = math.degrees(math.atan2(lightness - _LIGHTNESS_PIVOT, yellow))
    return angles


def tone_group(angle: float) -> str:
    """The group of skin tone of an angle.

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
