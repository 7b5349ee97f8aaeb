"""Tight 80x80 faces of all ages, cut from UTKFace as the study's are."""

from PIL import Image

from photochrom.lab.datasets._catalogue import register
from photochrom.lab.datasets._utkface import UTKFaceFiles

__all__ = ["UTKFace"]

_ALIGNED = 200
_STUDY_FRAMING = (38, 45, 162, 169)
"""Left, upper, right and lower edge of the square of an aligned face that shows what the study's crops show."""


@register
class UTKFace(UTKFaceFiles):
    """The faces of UTKFace in the study's framing, from the brows to the chin, so that both can be learnt together."""

    name = "utkface"
    summary = "UTKFace: 80x80 crops like the study's, of all ages"

    def __init__(self) -> None:
        super().__init__(size=80)

    def cut(self, image: Image.Image, size: int) -> Image.Image:
        """The face alone."""
        aligned = super().cut(image, _ALIGNED)
        return aligned.resize((size, size), Image.Resampling.LANCZOS, box=_STUDY_FRAMING)
