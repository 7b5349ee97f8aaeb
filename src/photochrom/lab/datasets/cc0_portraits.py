"""Generated portraits of people who do not exist, free for any use (CC0)."""

from pathlib import Path

from PIL import Image

from photochrom.lab.datasets._catalogue import register
from photochrom.lab.datasets._pictures import sort_as_text
from photochrom.lab.datasets._published import PictureCollection
from photochrom.lab.datasets._storage import MAC_ATTRIBUTES

_SIDE = 512
_PARTS = ("female", "male")


@register
class CC0Portraits(PictureCollection):
    """Generated portraits with clothes and backgrounds: 160 files of 512x512 in `female` and `male`.

    Reference:
        https://github.com/faker-js/assets-person-portrait; CC0 1.0.
    """

    name = "cc0_portraits"
    summary = "generated portraits with clothes and backgrounds, 160x160"
    rights = "CC0 1.0"
    collection = "cc0_portraits"
    source = "https://github.com/faker-js/assets-person-portrait"
    digest = "4bcdfc53f3cae929e045ab73fb1536267b93b9f0aa8fe4517e6be6807d870afd"

    def members(self, folder: Path) -> dict[str, Path]:
        """Numbered files of 512x512 in the first folders `female` and `male` that lie side by side.

        The published repository has a folder for each size, such as `female/512/0.jpg`.
        """
        for female in sort_as_text(folder.rglob(_PARTS[0])):
            if MAC_ATTRIBUTES not in female.parts and female.with_name(_PARTS[1]).is_dir():
                return {
                    f"{part}/{path.name}": path
                    for part in _PARTS
                    for place in (female.with_name(part), female.with_name(part) / str(_SIDE))
                    for path in sort_as_text(place.glob("*.jpg"))
                    if path.stem.isdecimal() and _is_of_that_size(path)
                }
        return {}


def _is_of_that_size(path: Path) -> bool:
    """Whether a picture has the published size; broken pictures are reported later."""
    try:
        with Image.open(path) as image:
            return image.size == (_SIDE, _SIDE)
    except OSError:
        return True
