"""Openly licensed photos: families, crowds, markets, offices, streets, landscapes, garments."""

from pathlib import Path

from photochrom.lab.datasets._catalogue import register
from photochrom.lab.datasets._pictures import PICTURE_SUFFIXES, sort_as_text
from photochrom.lab.datasets._storage import MAC_ATTRIBUTES
from photochrom.lab.datasets._whole_photos import WholePhotos

_PARTS = ("openstax", "18f", "dollarstreet", "garments")


@register
class OpenPhotos(WholePhotos):
    """Photos from open textbooks, a public agency, Gapminder's Dollar Street and a data set of garments.

    Networks trained on them may be shared freely, together with the list of attributions.

    Reference:
        https://github.com/openstax (books at pinned commits), https://github.com/18F/18f.gsa.gov,
        https://github.com/dongyeon522/dollar-street-visualization, https://github.com/alexeygrigorev/clothing-dataset.
    """

    name = "open_photos"
    summary = "openly licensed photos: families, crowds, markets, offices, streets, landscapes, garments"
    rights = "CC BY 4.0, CC BY-SA, CC0 and public domain, picture by picture"
    collection = "open_photos"
    source = "https://github.com/openstax and three more repositories; see the class"
    digest = "c1d34cafa83a7409a9de86835eb57b95d2e47b4c78f95b3b0d8a1f23c261dd94"

    def members(self, folder: Path) -> dict[str, Path]:
        """The pictures of the first folder `openstax`, and of the other sources' folders beside it."""
        for first in sort_as_text(folder.rglob(_PARTS[0])):
            if MAC_ATTRIBUTES in first.parts:
                continue
            parts = [first.with_name(part) for part in _PARTS if first.with_name(part).is_dir()]
            return {
                f"{part.name}/{path.name}": path
                for part in parts
                for path in sort_as_text(part.iterdir())
                if path.suffix.lower() in PICTURE_SUFFIXES
            }
        return {}
