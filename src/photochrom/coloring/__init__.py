"""Any gray photo in color, without a deep-learning framework."""

from photochrom.coloring._chroma_field import ChromaField
from photochrom.coloring._colorizer import Colorizer, Look, Result
from photochrom.coloring._comparison import gray_panel, panel, side_by_side
from photochrom.coloring._faces import Box, Face, FaceDetector, Framing, Landmarks, Point, YuNet, frame
from photochrom.coloring._guess import Guess, Patch
from photochrom.coloring._hints import Hint, parse_hint

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
