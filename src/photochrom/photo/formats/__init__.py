"""The file formats that are read and written: one module each."""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from photochrom.errors import UnreadableError
from photochrom.photo._kinds import kind_of
from photochrom.photo.formats._format import HEAD_BYTES, MANIFEST, Format, Opened

__all__ = [
    "FORMATS",
    "HEAD_BYTES",
    "MANIFEST",
    "SUFFIXES",
    "USUAL_SUFFIXES",
    "WRITTEN_FORMATS",
    "Format",
    "Opened",
    "format_of",
]


def _found() -> dict[str, Format]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    formats = [importlib.import_module(f"{__name__}.{name}").FORMAT for name in names]
    return {one.name: one for one in formats}


FORMATS: Mapping[str, Format] = MappingProxyType(_found())
"""All formats by name."""

WRITTEN_FORMATS = tuple(name for name, one in FORMATS.items() if one.encode is not None)
"""The names of the formats that can be written."""

SUFFIXES: Mapping[str, tuple[str, ...]] = MappingProxyType({name: FORMATS[name].suffixes for name in WRITTEN_FORMATS})
"""The suffixes of each format that can be written, the usual one first."""

USUAL_SUFFIXES = ", ".join(suffixes[0] for suffixes in SUFFIXES.values())
"""One of each format that can be written, for messages."""


def format_of(head: bytes) -> Format:
    """The format of a file, told by its content.

    Args:
        head: The file's first `HEAD_BYTES`.

    Raises:
        UnreadableError: The file is empty or of no format that is read.
    """
    if not head:
        raise UnreadableError("the file is empty; get a fresh copy of it")
    for one in FORMATS.values():
        if one.recognizes(head):
            return one
    kind = kind_of(head)
    if kind is not None:
        raise UnreadableError(f"{kind.name} is not read; {kind.remedy}")
    raise UnreadableError(f"not a photo that can be read; save it as one of: {', '.join(WRITTEN_FORMATS)}")
