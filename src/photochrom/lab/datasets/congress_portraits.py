"""Official portraits of members of the US Congress."""

import re

from PIL import Image, ImageOps

from photochrom.lab.datasets._catalogue import register
from photochrom.lab.datasets._published import PictureCollection

_TOWARDS_THE_TOP = (0.5, 0.3)
"""Of the 22 rows that are cropped from 100x122, 7 are above, which keeps the hair, and 15 below."""


@register
class CongressPortraits(PictureCollection):
    """Head and shoulders in front of a studio backdrop, mostly blue; 814 files of 100x122.

    Reference:
        https://github.com/unitedstates/images; works of the US government, in the public domain.
    """

    name = "congress_portraits"
    summary = "official portraits of the US Congress, head and shoulders, 160x160"
    rights = "public domain (US government)"
    collection = "congress_portraits"
    # The id of a member of Congress in the Biographical Directory.
    file_name = re.compile(r"[A-Z]\d{6}\.jpg")
    source = "https://github.com/unitedstates/images"
    digest = "b31260f11cffa0782ec4e56733bd9d2165f46f027b916ec8ed489e268fe24334"

    def cut(self, image: Image.Image, size: int) -> Image.Image:
        """Crop to the upper part, where the face is."""
        return ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS, centering=_TOWARDS_THE_TOP)
