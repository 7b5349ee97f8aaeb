"""Photos of daily life: people, children, dogs, streets, lawns, beaches, sport."""

import math
import re
from pathlib import Path

from photochrom.lab.datasets._catalogue import register
from photochrom.lab.datasets._whole_photos import WholePhotos


@register
class Flickr8k(WholePhotos):
    """Photos that people shared on Flickr, chosen because their scene can be described.

    Copies of this set that are squashed to squares do not tell the aspect ratios, most of which are 4:3 or 3:2.

    Reference:
        Hodosh, Young and Hockenmaier, "Framing image description as a ranking task", 2013.
    """

    name = "flickr8k"
    summary = "photos of daily life: people, dogs, streets, lawns, beaches, sport"
    rights = "photographs from Flickr, gathered for research: non-commercial research"
    collection = "flickr8k"
    # A Flickr id and its secret.
    file_name = re.compile(r"\d+_[0-9a-f]{10}\.(?:jpg|webp)")
    source = "https://hockenmaier.cs.illinois.edu/8k-pictures.html"
    digest = "6828611bdf8654f3bce24a19c6587c4ab2e4caa08fdf5a6edb3d41524cdf3688"

    def aspect(self, path: Path) -> float:
        """Unknown for square files: photos on Flickr are rarely square, so these were squashed."""
        told = super().aspect(path)
        return math.nan if told == 1.0 else told
