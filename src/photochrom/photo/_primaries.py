"""Color profiles made of primaries and a gamma, for files that tell their space without a profile."""

import struct
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from photochrom.photo._directories import Directory, Field, integers_of

Floats = npt.NDArray[np.float64]

_D50 = (0.9642, 1.0, 0.8249)
_TO_CONES = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
"""Bradford's matrix (ICC.1:2022, annex E)."""

_SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_ADOBE_RGB = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
"""x and y of white, red, green and blue."""

_SRGB_GAMMA, _ADOBE_RGB_GAMMA = 2.2, 563 / 256
_NEAR = 0.02
"""How far a gamma or a chromaticity may lie from sRGB's and be taken for it."""

_GAMMAS = (0.5, 5.0)
_EXIF_DIRECTORY, _INTEROPERABILITY, _COLOR_SPACE = 0x8769, 0xA005, 0xA001
_INDEX, _OPTION_FILE, _ADOBE_RGB_NUMBER = 0x0001, b"R03", 2


def profile_of_chunks(chunks: Mapping[bytes, bytes]) -> bytes | None:
    """The profile that a PNG's gamma and chromaticities describe.

    Args:
        chunks: Their data by their names.

    Returns:
        None if they describe sRGB, make no sense, or a chunk `sRGB` is among them, which outranks them.

    Reference:
        PNG, third edition, sections 4.3 and 11.3.2.
    """
    told, places = chunks.get(b"gAMA", b""), chunks.get(b"cHRM", b"")
    if b"sRGB" in chunks or not (told or places):
        return None
    gamma = 100_000 / max(1, int.from_bytes(told, "big")) if len(told) == 4 else _SRGB_GAMMA
    primaries = tuple(value / 100_000 for value in struct.unpack(">8I", places)) if len(places) == 32 else _SRGB
    differs = [abs(one - other) > _NEAR for one, other in zip((gamma, *primaries), (_SRGB_GAMMA, *_SRGB), strict=True)]
    if not any(differs) or not _GAMMAS[0] <= gamma <= _GAMMAS[1]:
        return None
    return _profile(primaries, gamma)


def profile_of_exif(tags: Directory) -> bytes | None:
    """The profile of a camera's photo in Adobe RGB that tells so in EXIF alone.

    Args:
        tags: Of EXIF.

    Reference:
        DCF 2.0 (JEITA CP-3461B), section 3.4: option files.
    """
    below = tags.get(_EXIF_DIRECTORY)
    if below is None or isinstance(below, Field):
        return None
    interoperability = below.get(_INTEROPERABILITY)
    index = None if interoperability is None or isinstance(interoperability, Field) else interoperability.get(_INDEX)
    is_option_file = isinstance(index, Field) and index.data.startswith(_OPTION_FILE)
    if not is_option_file and integers_of(below, _COLOR_SPACE, 0)[0] != _ADOBE_RGB_NUMBER:
        return None
    return _profile(_ADOBE_RGB, _ADOBE_RGB_GAMMA)


@cache
def _profile(primaries: Sequence[float], gamma: float) -> bytes | None:
    """A profile of three columns and a gamma (ICC.1:2001-04); None if the primaries span nothing."""
    columns = _columns(primaries)
    if columns is None:
        return None
    name = f"gamma {gamma:.2f}".encode()
    described = b"desc" + bytes(4) + struct.pack(">I", len(name) + 1) + name + bytes(79)
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    tags = {b"desc": described + bytes(-len(described) % 4), b"cprt": b"text" + bytes(4) + b"none" + bytes(4)}
    tags[b"wtpt"] = _xyz(_D50)
    for letter, column in zip(b"rgb", columns.T, strict=True):
        tags[b"%cXYZ" % letter], tags[b"%cTRC" % letter] = _xyz(column), curve
    table, place = struct.pack(">I", len(tags)), 132 + 12 * len(tags)
    for tag, data in tags.items():
        table += struct.pack(">4sII", tag, place, len(data))
        place += len(data)
    head = struct.pack(">I4x4s4s4s4s12x4s28x", place, b"\x02\x40\x00\x00", b"mntr", b"RGB ", b"XYZ ", b"acsp")
    return head + _xyz(_D50)[8:] + bytes(48) + table + b"".join(tags.values())


def _xyz(values: Sequence[float] | Floats) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(float(value) * 65536) for value in values))


def _columns(primaries: Sequence[float]) -> Floats | None:
    """XYZ under D50 of red, green and blue, as columns; shape (3, 3)."""
    places = np.array(primaries, np.float64).reshape(4, 2)
    if not (places > 0).all():
        return None
    white, *colors = (np.array([x / y, 1.0, (1.0 - x - y) / y]) for x, y in places)
    matrix = np.stack(colors, axis=1)
    if abs(np.linalg.det(matrix)) < 1e-3:
        return None
    cones = (_TO_CONES @ np.array(_D50)) / (_TO_CONES @ white)
    adapted: Floats = np.linalg.inv(_TO_CONES) @ np.diag(cones) @ _TO_CONES @ (matrix * np.linalg.solve(matrix, white))
    return adapted
