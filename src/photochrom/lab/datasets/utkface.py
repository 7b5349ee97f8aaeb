"""Tight 80x80 crops of UTKFace's faces, like the study's."""

from PIL import Image

from photochrom.lab.datasets._catalogue import register
from photochrom.lab.datasets._utkface import UTKFaceFiles

_ALIGNED = 200
_STUDY_FRAMING = (38, 45, 162, 169)
"""Left, upper, right and lower edge of the study's crop in an aligned face."""


@register
class UTKFace(UTKFaceFiles):
    """The faces of UTKFace in the study's crop, from the brows to the chin, for training on both."""

    name = "utkface"
    summary = "UTKFace: 80x80 crops like the study's, of all ages"

    def __init__(self) -> None:
        super().__init__(size=80)

    def cut(self, image: Image.Image, size: int) -> Image.Image:
        """Crop to the face."""
        aligned = super().cut(image, _ALIGNED)
        return aligned.resize((size, size), Image.Resampling.LANCZOS, box=_STUDY_FRAMING)
