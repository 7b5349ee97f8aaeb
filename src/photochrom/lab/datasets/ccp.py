"""Street fashion, full length, some photos with masks of skin, hair and clothes."""

import re
from pathlib import Path
from types import MappingProxyType

from photochrom.lab.datasets._catalogue import register
from photochrom.lab.datasets._pictures import sort_as_text
from photochrom.lab.datasets._storage import MAC_ATTRIBUTES
from photochrom.lab.datasets._whole_photos import WholePhotos

_PHOTOS, _MASKS = "photos", "masks"
_NUMBERED = re.compile(r"\d{4}\.(?:jpg|png|webp)")

PARTS = {0: "background", 1: "skin", 2: "hair", 3: "clothes"}
"""The meaning of each level of a mask; hats, shoes and bags are clothes."""


@register
class ClothingCoParsing(WholePhotos):
    """People in the street, one in each photo.

    Reference:
        Yang, Luo and Lin, "Clothing co-parsing by joint image segmentation and labeling", 2014.
    """

    name = "ccp"
    summary = "street fashion, full length"
    rights = "repository Apache-2.0, the photographs are others': research"
    collection = "ccp"
    source = "https://github.com/bearpaw/clothing-co-parsing"
    parts = MappingProxyType(PARTS)
    digest = "13267457420f8c2d8c960f8f8c89c87ade534ecb2d52ff0731bc74c8eee933bd"

    def members(self, folder: Path) -> dict[str, Path]:
        """The numbered files of the first folder `photos` that has a folder `masks` beside it, and the masks."""
        for photos in sort_as_text(folder.rglob(_PHOTOS)):
            masks = photos.with_name(_MASKS)
            if MAC_ATTRIBUTES not in photos.parts and masks.is_dir():
                files = [*sort_as_text(photos.iterdir()), *sort_as_text(masks.iterdir())]
                return {f"{file.parent.name}/{file.name}": file for file in files if _NUMBERED.fullmatch(file.name)}
        return {}

    def pictures(self) -> list[Path]:
        """The photos without the masks."""
        return sort_as_text((self.home / _PHOTOS).glob("*"))

    def mask(self, picture: Path) -> Path | None:
        """A gray picture of the same size with a key of `PARTS` in each pixel; None if there is none."""
        mask = self.home / _MASKS / f"{picture.stem}.png"
        return mask if mask.is_file() else None
