"""Any gray photo in color, without a deep-learning framework."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from photochrom.coloring._chroma_field import ChromaField
    from photochrom.coloring._colorizer import Colorizer, Look, Result
    from photochrom.coloring._comparison import gray_panel, panel, side_by_side
    from photochrom.coloring._faces import Box, Face, FaceDetector, Framing, Landmarks, Point, frame
    from photochrom.coloring._guess import Guess, Patch
    from photochrom.coloring._hints import Hint, parse_hint
    from photochrom.coloring._yunet import YuNet

__all__ = [
    "Box",
    "ChromaField",
    "Colorizer",
    "Face",
    "FaceDetector",
    "Framing",
    "Guess",
    "Hint",
    "Landmarks",
    "Look",
    "Patch",
    "Point",
    "Result",
    "YuNet",
    "frame",
    "gray_panel",
    "panel",
    "parse_hint",
    "side_by_side",
]

_HOMES = {
    "_chroma_field": ("ChromaField",),
    "_colorizer": ("Colorizer", "Look", "Result"),
    "_comparison": ("gray_panel", "panel", "side_by_side"),
    "_faces": ("Box", "Face", "FaceDetector", "Framing", "Landmarks", "Point", "frame"),
    "_guess": ("Guess", "Patch"),
    "_hints": ("Hint", "parse_hint"),
    "_yunet": ("YuNet",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first used: color arithmetic alone needs no network and no picture library."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
