"""Data sets of whole photos of any shape, stored as squares with their true aspect ratios."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from photochrom.lab.datasets._pairs import Pairs, Split
from photochrom.lab.datasets._pictures import is_gray, tell_left_out_alike
from photochrom.lab.datasets._published import PictureCollection


class WholePhotos(PictureCollection):
    """Photos that are squashed to squares, not cropped; with `Pairs.aspects` training can undo this."""

    val_share = 0.05
    test_share = 0.05

    def __init__(self, *, size: int = 192) -> None:
        super().__init__(size=size)

    def cut(self, image: Image.Image, size: int) -> Image.Image:
        """The whole photo, squashed."""
        return image.resize((size, size), Image.Resampling.LANCZOS)

    def split(self, split: Split) -> Pairs:
        """The pairs of one split with the aspect ratio of each photo; gray photos are left out."""
        pairs = _without_gray(super().split(split))
        aspects = [self.aspect(self.home / name) for name in pairs.names]
        return replace(pairs, aspects=np.asarray(aspects, dtype=np.float32))

    def aspect(self, path: Path) -> float:
        """Width divided by height of an upright photo; NaN if the file does not tell it."""
        with Image.open(path) as image:
            width, height = image.size
            is_turned = image.getexif().get(_ORIENTATION, 1) >= _FIRST_TURNED
        return height / width if is_turned else width / height


def _without_gray(pairs: Pairs) -> Pairs:
    """The pairs whose color pictures have any color."""
    are_gray = [is_gray(picture) for picture in pairs.truth]
    if not any(are_gray):
        return pairs
    reasons = tuple(f"{name}: a gray picture" for name, gray in zip(pairs.names, are_gray, strict=True) if gray)
    tell_left_out_alike(reasons)
    kept = pairs.take([place for place, gray in enumerate(are_gray) if not gray])
    return replace(kept, left_out=(*pairs.left_out, *reasons))


_ORIENTATION = 0x0112
_FIRST_TURNED = 5
"""EXIF's orientations from here on swap rows and columns."""
