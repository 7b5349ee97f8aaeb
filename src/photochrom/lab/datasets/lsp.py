"""Whole bodies: sport, gyms, streets, lawns."""

import re

from photochrom.lab.datasets._catalogue import register
from photochrom.lab.datasets._whole_photos import WholePhotos


@register
class LeedsSportsPoses(WholePhotos):
    """A part of the extended Leeds Sports Pose set: people in motion, with bare arms and legs.

    Reference:
        Johnson and Everingham, "Learning effective human pose estimation from inaccurate annotation", 2011.
    """

    name = "lsp"
    summary = "whole bodies in sport, with bare arms and legs"
    rights = "photographs from Flickr, rights unstated: research"
    collection = "lsp"
    file_name = re.compile(r"im\d{5}\.(?:jpg|webp|png)")
    source = "https://github.com/axelcarlier/lsp"
    digest = "e3e2affd2a3430725094a3c1328d5b4668959c1b37ea9cd124e0966ab794dc98"
