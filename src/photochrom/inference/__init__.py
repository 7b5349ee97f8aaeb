"""Any photo in, the same photo in color out, without a deep-learning framework."""

from photochrom.inference.colorizer import Colorizer, Look, Result
from photochrom.inference.faces import Face, FaceDetector, YuNet
from photochrom.inference.hints import Hint, parse_hint
from photochrom.inference.photo import Photo, encode_photo, photo_from_image, read_photo, write_photo

__all__ = [
    "Colorizer",
    "Face",
    "FaceDetector",
    "Hint",
    "Look",
    "Photo",
    "Result",
    "YuNet",
    "encode_photo",
    "parse_hint",
    "photo_from_image",
    "read_photo",
    "write_photo",
]
