"""Value ranges of pictures and the ways between them, for numpy arrays and torch tensors alike.

Three ranges have names: `signed` is [-1, 1], in which networks think; `unit` is [0, 1]; `uint8` is what files hold.
"""

from array_api_compat import array_namespace

from photochrom.tensors import AnyArray

__all__ = ["cast_with_wraparound", "share_out_of_range", "to_signed", "to_uint8"]


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

    Args:
        signed: Any shape, float.

    Returns:
        Between 0 and 1.
    """
    xp = array_namespace(signed)
    return float(xp.mean(xp.astype(xp.abs(signed) > 1.0, xp.float32)))
