"""Sets of photos of any shape, kept whole: squashed to squares beside their true shape."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from photochrom.lab.datasets._pairs import Pairs, Split
from photochrom.lab.datasets._pictures import tell_left_out
from photochrom.lab.datasets._published import PictureCollection

__all__ = ["WholePhotos"]


class WholePhotos(PictureCollection):
    """Photos that are not cut: `Pairs.aspects` says how wide each is, so that training can show it unsquashed.

    Args:
        size: Side of the squares in which photos are stored.
    """

    val_share = 0.05
    test_share = 0.05

    def __init__(self, *, size: int = 192) -> None:
        super().__init__(size=size)

    def cut(self, image: Image.Image, size: int) -> Image.Image:
        """The whole photo, squashed."""
        return image.resize((size, size), Image.Resampling.LANCZOS)

    def split(self, split: Split) -> Pairs:
        """The pairs of one split, with the shape of each photo; gray photos teach nothing and are left out."""
        pairs = _without_gray(super().split(split))
        aspects = [self.aspect(self.home / name) for name in pairs.names]
        return replace(pairs, aspects=np.asarray(aspects, dtype=np.float32))

    def aspect(self, path: Path) -> float:
        """Width by height of what a file shows, upright; NaN if the file does not tell."""
        with Image.open(path) as image:
            width, height = image.size
            is_turned = image.getexif().get(_ORIENTATION, 1) >= _FIRST_TURNED
        return height / width if is_turned else width / height


def _without_gray(pairs: Pairs) -> Pairs:
    """The pairs whose truth has any color."""
    spreads = [float(np.ptp(picture.astype(np.int16), axis=2).mean()) for picture in pairs.truth]
    gray = [place for place, spread in enumerate(spreads) if spread < _GRAY_SPREAD]
    if not gray:
        return pairs
    reasons = tuple(f"{pairs.names[place]}: a gray picture" for place in gray)
    tell_left_out([reasons[0] if len(reasons) == 1 else f"{reasons[0]}; and {len(reasons) - 1} more like that"])
    kept = pairs.take([place for place, spread in enumerate(spreads) if spread >= _GRAY_SPREAD])
    return replace(kept, left_out=(*pairs.left_out, *reasons))


_GRAY_SPREAD = 3.0
"""Mean difference of the largest and the smallest of red, green and blue, in levels, from which a photo has color."""

_ORIENTATION = 0x0112
_FIRST_TURNED = 5
"""EXIF's orientations from here on change rows for columns."""
