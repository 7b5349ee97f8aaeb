"""Targa, which has no mark at its beginning."""

import io
import struct
from collections.abc import Mapping

import numpy as np
import pytest
from PIL import Image

from photochrom.photo import FORMATS, encode_photo, losses, read_photo

_RAMP = np.add.outer(np.arange(30), np.arange(40)).astype(np.uint8)


def saved(mode: str, options: Mapping[str, object]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(_RAMP).convert(mode).save(file, "TGA", **options)
    return file.getvalue()


@pytest.mark.parametrize("options", [{}, {"compression": "tga_rle"}, {"orientation": 1}])
@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA"])
def test_luma_is_kept_to_the_bit(mode: str, options: Mapping[str, object]) -> None:
    photo = read_photo(saved(mode, options))
    np.testing.assert_array_equal(photo.luma, _RAMP)
    assert (photo.coloring, photo.alpha, photo.suffix) == ("gray", None, ".png")


def test_a_last_channel_that_is_no_opacity_is_passed_over() -> None:
    header = struct.pack("<3B9x2H2B", 0, 0, 2, 40, 30, 32, 0x20)
    pixels = np.dstack([_RAMP, _RAMP, _RAMP, np.zeros_like(_RAMP)])
    photo = read_photo(header + pixels.tobytes())
    assert photo.alpha is None
    np.testing.assert_array_equal(photo.luma, _RAMP)


def test_what_was_typed_in_becomes_the_comment_of_the_result() -> None:
    plain = saved("L", {"id_section": b"roll 7"})
    author, lines = (
        b"F. Weiss".ljust(41, b"\x00"),
        b"".join(text.ljust(81, b"\x00") for text in (b"Grandma", b"at the sea", b"", b"")),
    )
    extension = (struct.pack("<H", 495) + author + lines).ljust(495, b"\x00")
    pixels = plain.removesuffix(plain[-26:]) if plain.endswith(b"TRUEVISION-XFILE.\x00") else plain
    footer = struct.pack("<II", len(pixels), 0) + b"TRUEVISION-XFILE.\x00"
    photo = read_photo(pixels + extension + footer)
    assert photo.origin.comment == b"roll 7\nF. Weiss\nGrandma\nat the sea"
    assert losses(photo) == ()
    with Image.open(io.BytesIO(encode_photo(np.dstack([photo.luma] * 3), photo))) as result:
        assert result.info["Comment"] == "roll 7\nF. Weiss\nGrandma\nat the sea"


@pytest.mark.parametrize(
    "head",
    [
        b"\x00\x00\x01\x00\x01\x00\x10\x10" + bytes(24),  # an icon
        b"\x00\x00\x02\x00\x01\x00\x20\x20\x00\x00\x04\x00\x04\x00\x30\x01\x18\x00" + bytes(14),  # a cursor
        b"\x00\x00\x01\xba\x44\x00\x04\x00" + bytes(24),  # a video
        b"\x00\x01\x00\x00\x00\x0f\x00\x80\x00\x03\x00\x70" + bytes(20),  # a font
        bytes(32),
        b"\x00\x00\x02",
    ],
)
def test_other_files_are_not_taken_for_it(head: bytes) -> None:
    assert not FORMATS["TGA"].recognizes(head)
