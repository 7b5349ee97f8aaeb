"""Value ranges of pictures, luma and chroma, and the ways between them, for numpy arrays and torch tensors alike.

Three ranges have names: `signed` is [-1, 1], in which networks think; `unit` is [0, 1]; `uint8` is what files hold.
Luma is BT.601's weighted mean of gamma-encoded red, green and blue, which is also what Pillow's `convert("L")` gives;
chroma is how far blue (Cb) and red (Cr) stand from it.
"""

from array_api_compat import array_namespace

from photochrom.tensors import AnyArray, ChromaBatch, GrayBatch, RgbBatch

LUMA_WEIGHTS = _RED, _GREEN, _BLUE = 0.299, 0.587, 0.114
"""The shares of the channels in luma (ITU-R BT.601-7)."""

BLUE_SPAN = 2.0 * (1.0 - _BLUE)
"""How far blue moves when Cb moves by one."""

RED_SPAN = 2.0 * (1.0 - _RED)
"""How far red moves when Cr moves by one."""

GREEN_PER_BLUE, GREEN_PER_RED = -_BLUE / _GREEN, -_RED / _GREEN
"""How far green moves when blue or red moves by one and luma stays."""

STUDY_MARGIN = 12
"""In the study a value counts as right if it differs from the truth by fewer of 255 levels than this."""


def to_signed(pixels: AnyArray) -> AnyArray:
    """The signed floats of uint8 pixels.

    Args:
        pixels: Any shape, uint8.

    Returns:
        Same shape, float32, range [-1, 1].

    Example:
        >>> import numpy as np
        >>> to_signed(np.array([0, 255], dtype=np.uint8)).tolist()
        [-1.0, 1.0]
    """
    xp = array_namespace(pixels)
    return xp.astype(pixels, xp.float32) / 127.5 - 1.0


def to_uint8(signed: AnyArray) -> AnyArray:
    """The uint8 pixels of signed floats: clamped first, then rounded.

    Args:
        signed: Any shape, float; values beyond [-1, 1] become the nearest end.

    Returns:
        Same shape, uint8.

    Example:
        >>> import numpy as np
        >>> to_uint8(np.array([-1.5, 0.0, 1.01])).tolist()
        [0, 128, 255]
    """
    xp = array_namespace(signed)
    return xp.astype(xp.round((xp.clip(signed, -1.0, 1.0) + 1.0) * 127.5), xp.uint8)


def cast_with_wraparound(signed: AnyArray) -> AnyArray:
    """The uint8 pixels that the original study made: truncated, and wrapped round beyond the range.

    A value just above 1 comes out near 0 and one just below -1 near 255. In its pictures, where mostly red
    leaves the range, that is the cyan noise. Kept to show and measure it; everything else uses `to_uint8`.

    Args:
        signed: Any shape, float.

    Returns:
        Same shape, uint8.

    Reference:
        The study's program turned `tensor / 2 + 0.5` into a picture with torchvision's `to_pil_image`, which
        multiplies by 255 and casts to bytes.

    Example:
        >>> import numpy as np
        >>> cast_with_wraparound(np.array([-1.01, 0.0, 1.01])).tolist()
        [255, 127, 0]
    """
    xp = array_namespace(signed)
    truncated = xp.trunc((signed / 2.0 + 0.5) * 255.0)
    return xp.astype(xp.remainder(truncated, 256.0), xp.uint8)


def share_out_of_range(signed: AnyArray) -> float:
    """The share of values that lie outside [-1, 1].

    Returns:
        Between 0 and 1.
    """
    xp = array_namespace(signed)
    return float(xp.mean(xp.astype(xp.abs(signed) > 1.0, xp.float32)))


def luma(rgb: RgbBatch) -> GrayBatch:
    """The luma of color pictures.

    Args:
        rgb: Shape (batch, 3, height, width), signed.

    Returns:
        Shape (batch, 1, height, width), signed.
    """
    return _RED * rgb[:, 0:1] + _GREEN * rgb[:, 1:2] + _BLUE * rgb[:, 2:3]


def rgb_to_chroma(rgb: RgbBatch) -> ChromaBatch:
    """Cb and Cr of color pictures.

    Args:
        rgb: Shape (batch, 3, height, width), signed.

    Returns:
        Shape (batch, 2, height, width), range [-1, 1]; gray is 0.
    """
    gray = luma(rgb)
    blue, red = (rgb[:, 2:3] - gray) / BLUE_SPAN, (rgb[:, 0:1] - gray) / RED_SPAN
    return array_namespace(rgb).concat([blue, red], axis=1)


def merge(gray: GrayBatch, chroma: ChromaBatch) -> RgbBatch:
    """The color pictures that have the given luma and chroma, whether or not RGB can show them.

    Args:
        gray: Luma; shape (batch, 1, height, width), signed.
        chroma: Cb and Cr; shape (batch, 2, height, width), range [-1, 1].

    Returns:
        Shape (batch, 3, height, width); values may leave [-1, 1].
    """
    return array_namespace(gray).concat(_channels(gray, chroma), axis=1)


def fit_gamut(gray: GrayBatch, chroma: ChromaBatch) -> RgbBatch:
    """Merge luma and chroma, fading the colors that RGB cannot show towards gray until they fit.

    Clamping RGB instead would change the luma.

    Args:
        gray: Kept exactly; shape (batch, 1, height, width), signed, range [-1, 1].
        chroma: Cb and Cr; shape (batch, 2, height, width), range [-1, 1].

    Returns:
        Shape (batch, 3, height, width), range [-1, 1].
    """
    xp = array_namespace(gray)
    offset = merge(gray, chroma) - gray
    highest = xp.max(offset, axis=1, keepdims=True)
    lowest = xp.min(offset, axis=1, keepdims=True)
    share = xp.minimum(_room_for(1.0 - gray, highest), _room_for(1.0 + gray, -lowest))
    return xp.clip(gray + share * offset, -1.0, 1.0)


def _channels(gray: GrayBatch, chroma: ChromaBatch) -> list[AnyArray]:
    red = gray + RED_SPAN * chroma[:, 1:2]
    blue = gray + BLUE_SPAN * chroma[:, 0:1]
    green = (gray - _RED * red - _BLUE * blue) / _GREEN
    return [red, green, blue]


def _room_for(room: AnyArray, wanted: AnyArray) -> AnyArray:
    """The share of what is wanted for which there is room, at most all of it."""
    xp = array_namespace(room)
    least = 1e-6  # against a division by zero where nothing is wanted
    return xp.clip(room / xp.clip(wanted, least, None), 0.0, 1.0)
