"""One photo of each class of ImageNet: animals, plants, tools, food, buildings, landscapes."""

import re

from photochrom.lab.datasets._catalogue import register
from photochrom.lab.datasets._whole_photos import WholePhotos


@register
class ImagenetSamples(WholePhotos):
    """A thousand photos of things, named as in WordNet.

    Reference:
        Deng et al., "ImageNet: a large-scale hierarchical image database", 2009.
    """

    name = "imagenet_samples"
    summary = "one photo of each class of ImageNet"
    rights = "research"
    collection = "imagenet_samples"
    # A WordNet id and a word.
    file_name = re.compile(r"n\d{8}_.+\.(?:JPEG|jpg|webp)")
    source = "https://github.com/EliSchwartz/imagenet-sample-images"
    digest = "f116de6921e8799ef6335da73b25a37e08d5fa5f36c6a69cb63b7432d479524e"
