"""What a file format is to this package."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal, NamedTuple, get_args

from PIL import ImageFile

from photochrom.photo._metadata import Origin
from photochrom.photo._pillow import open_with_pillow, origin_of_image, picture_of
from photochrom.photo._pixels import Picture
from photochrom.photo._salvage import Mended

__all__ = ["ALL_TAGS", "HEAD_BYTES", "MANIFEST", "Format", "Opened", "Tag", "further_pictures", "opened_by_pillow"]

HEAD_BYTES = 32
"""How much of a file's beginning tells what it is."""

MANIFEST = "a C2PA manifest, which is of the source alone"
"""What is told of one that a file has: it would not hold for other pixels."""

Tag = Literal["EXIF", "XMP", "IPTC", "ICC", "resolution", "comment", "texts", "Photoshop's resources"]

ALL_TAGS: frozenset[Tag] = frozenset(get_args(Tag))


class Opened(NamedTuple):
    """A file whose header has been read.

    Attributes:
        picture: The pixels, before they are decoded.
        origin: What else the file tells.
        refusal: Why this is no photo, and what to do; empty if it is one.
        left_out: What else is in the file and is not read, such as further pages; empty if nothing is.
    """

    picture: Picture
    origin: Origin
    refusal: str = ""
    left_out: str = ""


def opened_by_pillow(opener: Callable[[BinaryIO], ImageFile.ImageFile], file: BinaryIO) -> Opened:
    """A file whose picture and tags Pillow reads as they are."""
    image = open_with_pillow(opener, file)
    return Opened(picture_of(image), origin_of_image(image))


def further_pictures(count: int) -> str:
    """What is told of a file of several pictures, of which the first one is read; empty if there is only one."""
    return f"a file of {count} pictures, of which only the first one is colored" if count > 1 else ""


@dataclass(frozen=True, eq=False)
class Format:
    """A file format. To add one is to add a module here that has a `FORMAT`.

    Attributes:
        name: Pillow's name for it.
        suffixes: In lower case, the usual one first.
        media_type: As HTTP names it.
        recognizes: Whether a file that begins with these `HEAD_BYTES` is of this format.
        open: Reads the header and the tags of a file; its pixels are not decoded yet.
        encode: Makes a file of an sRGB image of libvips', which has opacity only if `has_alpha`, and of what the
            source told; None if the format is only read.
        bits: The most bits of a channel that are written.
        can_turn: Whether pixels may lie turned, with a tag that says so.
        has_alpha: Whether it holds opacity.
        tags: Which tags it carries.
        is_raw: Whether a file of this format is a camera's raw file, which is developed and never written.
        mend: Makes a whole file of what a torn one still holds, if it holds pixels and promises no more of them than
            so many; None if nothing can be done for files of this format.
    """

    name: str
    suffixes: tuple[str, ...]
    media_type: str
    recognizes: Callable[[bytes], bool]
    open: Callable[[BinaryIO], Opened]
    encode: Callable[[Any, Origin], bytes] | None = None
    bits: Literal[8, 16] = 8
    can_turn: bool = False
    has_alpha: bool = True
    tags: frozenset[Tag] = ALL_TAGS
    is_raw: Callable[[BinaryIO], bool] = lambda _: False
    mend: Callable[[bytes, int], Mended | None] | None = None
