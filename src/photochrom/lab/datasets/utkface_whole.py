"""UTKFace's whole pictures: faces with hair and some background."""

from photochrom.lab.datasets._catalogue import register
from photochrom.lab.datasets._utkface import UTKFaceFiles


@register
class UTKFaceWhole(UTKFaceFiles):
    """The whole pictures of UTKFace, scaled; files and splits are the same as those of the tight crops."""

    name = "utkface_whole"
    summary = "UTKFace: the same pictures whole, with hair and some background, 160x160"
