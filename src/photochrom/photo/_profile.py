"""Color profiles: what the values of a photo mean where they are not those of sRGB."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from photochrom.color import LUMA_WEIGHTS
from photochrom.photo._pixels import Levels

Floats = npt.NDArray[Any]

_SRGB_TO_XYZ = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)
"""Linear sRGB to XYZ under D50, as profiles have it (IEC 61966-2-1, adapted by Bradford's matrix)."""

_LUMA = np.array(LUMA_WEIGHTS)
_COLUMNS, _CURVES = (b"rXYZ", b"gXYZ", b"bXYZ"), (b"rTRC", b"gTRC", b"bTRC")
_TABLES = frozenset({b"A2B0", b"A2B1", b"D2B0", b"D2B1"})
_PARAMETERS = MappingProxyType({0: 1, 1: 3, 2: 4, 3: 5, 4: 7})
_MOST_TAGS = 200

_SAMPLES = 65536
_FINE = 2**20
"""Steps of linear light: so fine that the darkest levels of 16 bits, where curves are steep, are still told apart."""

_UNSEEN = 1.0 / 255.0
"""A space whose colors differ from sRGB's by no more than that in any channel is taken for sRGB."""

_ROWS_AT_ONCE = 128


@dataclass(frozen=True, eq=False)
class ColorSpace:
    """An RGB space that a profile describes by a matrix and a curve for each channel.

    Attributes:
        to_linear_srgb: From its linear light to that of sRGB; shape (3, 3).
        curves: Linear light at evenly spaced values of each channel; shape (3, samples), range [0, 1].
    """

    to_linear_srgb: Floats
    curves: Floats

    def gray_as_srgb(self, kind: "np.dtype[Any]") -> Levels:
        """The luma in sRGB of each gray level of this space.

        Args:
            kind: uint8 or uint16.

        Returns:
            Shape (256,) or (65536,), of that type.
        """
        highest = np.iinfo(kind).max
        places = np.linspace(0, _SAMPLES - 1, highest + 1).round().astype(np.intp)
        shown = _encoded_srgb(self.to_linear_srgb @ self.curves[:, places])
        return np.asarray(np.rint(_LUMA @ shown * highest).astype(kind))

    def of_srgb(self, rgb: Levels, luma: Levels, stored: Levels | None = None) -> Levels:
        """Colors of sRGB as values of this space.

        Args:
            rgb: Shape (height, width, 3), uint8 or uint16.
            luma: That of `rgb`; shape (height, width).
            stored: The gray levels of this space that `luma` was made of, of the same shape and type, if they are
                known. Where there is no color they come back exactly, though several may have had the same luma.

        Returns:
            Shape and type of `rgb`. What the space cannot show is clipped.
        """
        highest = np.iinfo(rgb.dtype).max
        levels = np.arange(highest + 1) / highest
        linear = _linear_srgb(levels).astype(np.float32)
        matrix = np.linalg.inv(self.to_linear_srgb).astype(np.float32)
        inverses = [np.interp(np.linspace(0, 1, _FINE), *_rising(curve)).astype(np.float32) for curve in self.curves]
        for inverse in inverses:
            inverse *= highest
        out = np.empty_like(rgb)
        for top in range(0, len(rgb), _ROWS_AT_ONCE):
            rows = slice(top, top + _ROWS_AT_ONCE)
            light, gray = linear[rgb[rows]] @ matrix.T, linear[luma[rows]]
            for channel, inverse in enumerate(inverses):
                value = _looked_up(inverse, light[..., channel])
                if stored is not None:
                    value += stored[rows] - _looked_up(inverse, gray * matrix[channel].sum())
                out[rows, :, channel] = np.rint(value).clip(0, highest)
        return out


def space_of(profile: bytes | None) -> ColorSpace | None:
    """The space that an RGB profile describes.

    Args:
        profile: ICC.

    Returns:
        None if there is no profile, if it is broken or describes sRGB, or if it has tables; see `has_tables`.

    Reference:
        ICC.1:2022, sections 7.3, 10.6, 10.18 and 10.31.
    """
    if profile is None or has_tables(profile):
        return None
    try:
        tags = _tags_of(profile)
        columns = np.array([struct.unpack_from(">3i", tags[tag], 8) for tag in _COLUMNS]).T / 65536.0
        matrix = np.linalg.inv(_SRGB_TO_XYZ) @ columns
        curves = np.stack([_curve(tags[tag]) for tag in _CURVES])
        np.linalg.inv(matrix)
    except (LookupError, ValueError, struct.error, np.linalg.LinAlgError):
        return None
    space = ColorSpace(matrix, curves)
    return None if not np.isfinite(curves).all() or _is_srgb(space) else space


def has_tables(profile: bytes) -> bool:
    """Whether a profile describes its space by tables, as those of scanners and printers do.

    Colors can be read through such tables, but many have none for the way back.
    """
    return not _TABLES.isdisjoint(_tags_of(profile))


def _tags_of(profile: bytes) -> Mapping[bytes, bytes]:
    """The tags of a profile; those that lie outside of it are left out."""
    if len(profile) < 132:
        return {}
    count = min(int.from_bytes(profile[128:132], "big"), _MOST_TAGS, (len(profile) - 132) // 12)
    entries = struct.iter_unpack(">4sII", profile[132 : 132 + 12 * count])
    return {tag: profile[start : start + size] for tag, start, size in entries if start + size <= len(profile)}


def _curve(tag: bytes) -> Floats:
    """Linear light at evenly spaced values; shape (samples,), range [0, 1].

    Raises:
        ValueError: It is of no kind that profiles for RGB have.
    """
    values = np.linspace(0.0, 1.0, _SAMPLES)
    if tag[:4] == b"curv":
        count = int.from_bytes(tag[8:12], "big")
        table = np.frombuffer(tag, ">u2", count, 12)
        if count == 0:
            return values
        if count == 1:
            return np.asarray(values ** (float(table[0]) / 256.0))
        return np.interp(values, np.linspace(0.0, 1.0, count), table / 65535.0)
    if tag[:4] != b"para":
        raise ValueError("no curve")
    kind = int.from_bytes(tag[8:10], "big")
    gamma, *rest = (number / 65536.0 for number in struct.unpack_from(f">{_PARAMETERS[kind]}i", tag, 12))
    scale, offset, slope, limit, above, below = _completed(kind, rest)
    curved = np.maximum(scale * values + offset, 0.0) ** gamma + above
    return np.where(values >= limit, curved, slope * values + below).clip(0.0, 1.0)


def _completed(kind: int, parameters: list[float]) -> tuple[float, ...]:
    """Scale, offset, slope, limit and the two shifts of a parametric curve, whichever of them its kind tells."""
    if kind == 0:
        return 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    scale, offset, *rest = parameters
    if kind in (1, 2):
        shift = rest[0] if rest else 0.0
        return scale, offset, 0.0, -offset / scale if scale else 0.0, shift, shift
    return scale, offset, rest[0], rest[1], *(rest[2:] or (0.0, 0.0))


def _is_srgb(space: ColorSpace) -> bool:
    """Whether the corners of the cube and some grays and half tones look as they do in sRGB."""
    steps = np.stack(np.meshgrid(*[np.linspace(0.0, 1.0, 5)] * 3), axis=-1).reshape(-1, 3)
    places = (steps * (_SAMPLES - 1)).astype(np.intp)
    linear = np.stack([curve[places[:, channel]] for channel, curve in enumerate(space.curves)])
    return bool(np.abs(_encoded_srgb(space.to_linear_srgb @ linear).T - steps).max() <= _UNSEEN)


def _rising(curve: Floats) -> tuple[Floats, Floats]:
    """Linear light, which never falls, and the values that have it."""
    return np.maximum.accumulate(curve), np.linspace(0.0, 1.0, len(curve))


def _looked_up(table: Floats, light: Floats) -> Floats:
    """The entries of a table of `_FINE` steps for light from 0 to 1; other light is clipped."""
    return np.asarray(table[(light * np.float32(_FINE - 1)).clip(0, _FINE - 1).astype(np.int32)])


def _linear_srgb(values: Floats) -> Floats:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _encoded_srgb(linear: Floats) -> Floats:
    clipped = linear.clip(0.0, 1.0)
    return np.where(clipped <= 0.0031308, clipped * 12.92, 1.055 * clipped ** (1 / 2.4) - 0.055)
