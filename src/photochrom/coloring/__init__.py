"""Coloring of gray photos, without a deep-learning framework."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from photochrom.coloring._chroma_field import ChromaField
    from photochrom.coloring._colorizer import Colorizer, Result
    from photochrom.coloring._faces import Box, Face, FaceDetector, Framing, Landmarks, Point, frame
    from photochrom.coloring._guess import Guess, Patch
    from photochrom.coloring._hints import HintLayer, require_inside
    from photochrom.coloring._options import (
        PROVIDERS,
        Hint,
        Limits,
        Look,
        Model,
        Options,
        Outputs,
        parse_hint,
        require_provider,
    )
    from photochrom.coloring._outputs import Guesser, Output, guesses, outputs
    from photochrom.coloring._yunet import YuNet

__all__ = [
    "PROVIDERS",
    "Box",
    "ChromaField",
    "Colorizer",
    "Face",
    "FaceDetector",
    "Framing",
    "Guess",
    "Guesser",
    "Hint",
    "HintLayer",
    "Landmarks",
    "Limits",
    "Look",
    "Model",
    "Options",
    "Output",
    "Outputs",
    "Patch",
    "Point",
    "Result",
    "YuNet",
    "frame",
    "guesses",
    "outputs",
    "parse_hint",
    "require_inside",
    "require_provider",
]

_HOMES = {
    "_chroma_field": ("ChromaField",),
    "_colorizer": ("Colorizer", "Result"),
    "_faces": ("Box", "Face", "FaceDetector", "Framing", "Landmarks", "Point", "frame"),
    "_guess": ("Guess", "Patch"),
    "_hints": ("HintLayer", "require_inside"),
    "_options": (
        "PROVIDERS",
        "Hint",
        "Limits",
        "Look",
        "Model",
        "Options",
        "Outputs",
        "parse_hint",
        "require_provider",
    ),
    "_outputs": ("Guesser", "Output", "guesses", "outputs"),
    "_yunet": ("YuNet",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name on first use: color arithmetic needs neither networks nor picture libraries."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
