"""Boxes of files of the ISO's family, such as JPEG 2000, HEIF and AVIF."""

import struct
from collections.abc import Iterator
from typing import BinaryIO

from photochrom.photo.formats._format import MANIFEST

_MANIFEST = bytes.fromhex("D8FEC3D61B0E483C92975828877EC481")
"""The identifier of a manifest of C2PA."""

_LARGEST_BOX = 64 * 1024 * 1024


def uuid_boxes(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Identifier and data of each box that some other standard has defined."""
    file.seek(0)
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"uuid" and 24 <= length <= _LARGEST_BOX:
            yield file.read(16), file.read(length - 24)
        elif length < 8:  # the box reaches to the end, or is longer than four bytes can tell
            return
        else:
            file.seek(length - 8, 1)


def manifests_in(file: BinaryIO) -> tuple[str, ...]:
    """What is told of a manifest of C2PA; nothing if there is none."""
    return (MANIFEST,) if any(name == _MANIFEST for name, _ in uuid_boxes(file)) else ()
