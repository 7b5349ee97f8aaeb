"""From the bytes of a photo, in any format, to luma, opacity and whether it is gray."""

import importlib
import io
import logging
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, BinaryIO, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import pyvips
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from photochrom.errors import PhotoError
from photochrom.photo._tiff import is_fax, load_fax, parts_for_libvips, require_all_pixels
from photochrom.photo._tint import Coloring, judge_coloring

__all__ = [
    "HEAD_BYTES",
    "Decoded",
    "Levels",
    "decode_file",
    "decode_image",
    "open_image",
    "pillow_heif",
    "quiet",
    "require_one_photo",
    "sniff",
    "to_8_bits",
]

Levels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

HEAD_BYTES = 32
"""How much of a file's beginning tells what it is."""

_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
)
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"})

_JUDGED_SIDE = 128
"""The least side of the small copy from which it is told whether the photo is gray."""

_DEEP_REFUSAL = "the 16-bit pixels are broken or of a rare kind; save the photo as a plain PNG or TIFF"

_STRIP_ROWS = 256
"""Rows of 16-bit color that are turned into luma at a time."""

_SUBFILE, _BITS, _PHOTOMETRIC = 0x00FE, 0x0102, 0x0106
_REDUCED, _WHITE_IS_ZERO = 1, 0

_one_at_a_time = threading.Lock()

pyvips.cache_set_max(0)  # libvips remembers what it did lately: other people's photos
logging.getLogger("pyvips").setLevel(logging.CRITICAL)  # what is wrong with a photo is told in one line, not in many


class Decoded(NamedTuple):
    """Pixels without their colors.

    Attributes:
        luma: Shape (height, width), uint8 or uint16.
        alpha: Opacity, of the same shape and type; None if nothing is transparent.
        coloring: Whether there were colors.
        is_upright: Whether the decoder has turned the pixels by their orientation already.
    """

    luma: Levels
    alpha: Levels | None
    coloring: Coloring
    is_upright: bool = False


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings of the decoders', as of torn EXIF or of a field that nobody knows.

    One thread at a time: what Python and OpenCV keep silent about is a setting of the whole process.
    """
    with _one_at_a_time, warnings.catch_warnings(action="ignore"):
        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            yield
        finally:
            cv2.utils.logging.setLogLevel(level)


def sniff(head: bytes) -> str:
    """The format of a file.

    Args:
        head: Its first `HEAD_BYTES`.

    Returns:
        Pillow's name of the format.

    Raises:
        PhotoError: The file is empty or of no format that is read.
    """
    if not head:
        raise PhotoError("the file is empty; get a fresh copy of it")
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        return "HEIF"
    raise PhotoError("not a photo that can be read; save it as JPEG, PNG, WebP, TIFF, BMP, GIF or HEIC")


class _Tiff(TiffImagePlugin.TiffImageFile):
    """Pillow's TIFF without its fixed limit of pixels; the limit that the user sets has been checked before."""

    def load_prepare(self) -> None:
        if self._im is None:
            self.im = Image.new(self.mode, self._tile_size).im
        super(TiffImagePlugin.TiffImageFile, self).load_prepare()


def pillow_heif() -> Any:
    """The optional package that reads and writes HEIC.

    Raises:
        PhotoError: It is not installed.
    """
    try:
        return importlib.import_module("pillow_heif")
    except ImportError as error:
        raise PhotoError("HEIC needs another package: pip install 'photochrom[heic]'") from error


def _open_heif(file: BinaryIO) -> ImageFile.ImageFile:
    image: ImageFile.ImageFile = pillow_heif().HeifImageFile(file)
    return image


_OPENERS: Mapping[str, Callable[[BinaryIO], ImageFile.ImageFile]] = MappingProxyType(
    {
        "JPEG": JpegImagePlugin.JpegImageFile,
        "PNG": PngImagePlugin.PngImageFile,
        "WEBP": WebPImagePlugin.WebPImageFile,
        "TIFF": _Tiff,
        "BMP": BmpImagePlugin.BmpImageFile,
        "GIF": GifImagePlugin.GifImageFile,
        "HEIF": _open_heif,
    }
)


def open_image(file: BinaryIO, kind: str) -> ImageFile.ImageFile:
    """A picture of which only the header has been read.

    `Image.open` will not do: it has a fixed limit of pixels, and opens formats that are not safe, such as EPS.

    Args:
        file: At its beginning.
        kind: What `sniff` said.

    Returns:
        Pillow's picture, before its pixels are decoded.
    """
    return _OPENERS[kind](file)


def require_one_photo(image: ImageFile.ImageFile, max_megapixels: float) -> None:
    """Refuse what is too large, or no single photo.

    Args:
        image: Before its pixels are decoded.
        max_megapixels: The most that is decoded.

    Raises:
        PhotoError: It is too large, an animation, several pages or a camera's raw file.
    """
    megapixels = image.width * image.height / 1e6
    if megapixels > max_megapixels:
        raise PhotoError(
            f"too large ({image.width}x{image.height} are {megapixels:.0f} megapixels, at most {max_megapixels:g} "
            "are read); make it smaller, or raise the limit"
        )
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        if _is_reduced(image):
            raise PhotoError("a camera's raw file; export it as JPEG or TIFF")
        if _has_more_pages(image):
            raise PhotoError("a file of several pages; save each page as a file of its own")
    # HEIC names one of its pictures the primary one, which is what phones show.
    elif image.format != "HEIF" and getattr(image, "is_animated", False):
        raise PhotoError("an animation; save one of its pictures as a file of its own")


def _is_reduced(image: TiffImagePlugin.TiffImageFile) -> bool:
    """Whether this page of a TIFF is a small copy of another one."""
    kind = image.tag_v2.get(_SUBFILE, 0)
    return isinstance(kind, int) and bool(kind & _REDUCED)


def _has_more_pages(image: TiffImagePlugin.TiffImageFile) -> bool:
    """Whether a TIFF has further pages; small copies of the first one do not count."""
    found = False
    try:
        while not found:
            image.seek(image.tell() + 1)
            found = not _is_reduced(image)
    except EOFError:
        pass
    image.seek(0)
    return found


def decode_file(image: ImageFile.ImageFile, file: BinaryIO, head: bytes) -> Decoded:
    """The pixels of an opened file.

    Args:
        image: What `open_image` gave.
        file: The file itself.
        head: Its first `HEAD_BYTES`.

    Returns:
        As they lie in the file, unless `is_upright`.

    Raises:
        PhotoError: The pixels are of a kind that is not read.
    """
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        require_all_pixels(image, file)
    if _has_deep_color(image, head):
        return _decode_deep_color(image, file)
    if isinstance(image, JpegImagePlugin.JpegImageFile) and image.mode == "RGB":
        return _decode_jpeg(image, file)
    if isinstance(image, TiffImagePlugin.TiffImageFile) and is_fax(image):
        with quiet():
            return decode_image(load_fax(image, file))
    image.load()
    # While it decodes, Pillow turns a TIFF upright, and nothing else.
    return decode_image(image)._replace(is_upright=isinstance(image, TiffImagePlugin.TiffImageFile))


def _decode_jpeg(image: JpegImagePlugin.JpegImageFile, file: BinaryIO) -> Decoded:
    """Luma as a JPEG stores it, without the detour over RGB, which takes four times the memory and more time."""
    image.draft("L", None)
    luma = np.asarray(image)
    file.seek(0)
    with quiet():
        small = JpegImagePlugin.JpegImageFile(file)
    small.draft("RGB", (_JUDGED_SIDE, _JUDGED_SIDE))
    return Decoded(luma, None, judge_coloring(np.asarray(small)))


def _has_deep_color(image: ImageFile.ImageFile, head: bytes) -> bool:
    """Whether a file has several channels of 16 bits, of which Pillow would read 8."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return image.mode in ("RGB", "RGBA", "RGBX") and 16 in image.tag_v2.get(_BITS, ())
    if image.format != "PNG":
        return False
    bit_depth, color_type = head[24], head[25]
    return bit_depth == 16 and color_type != 0


def _decode_deep_color(image: ImageFile.ImageFile, file: BinaryIO) -> Decoded:
    """By libvips: OpenCV hands out the memory of what it could not decode, with what lay there before."""
    file.seek(0)
    try:
        pixels = _load_deep_color(image, file.read())
    except pyvips.Error as error:
        # What libvips says is left out: its reasons may be those of an earlier photo's.
        raise PhotoError(_DEEP_REFUSAL) from error
    if pixels.dtype != np.uint16 or pixels.ndim != 3 or {*pixels.shape[:2]} != {*image.size}:
        raise PhotoError(_DEEP_REFUSAL)
    is_transparent = pixels.shape[2] in (2, 4)
    alpha = np.ascontiguousarray(pixels[..., -1]) if is_transparent else None
    if alpha is not None and alpha.min() == 65535:
        alpha = None
    if pixels.shape[2] < 3:
        return Decoded(np.ascontiguousarray(pixels[..., 0]), alpha, "gray")
    return Decoded(_deep_luma(pixels), alpha, _judge_deep_color(pixels, alpha))


def _load_deep_color(image: ImageFile.ImageFile, content: bytes) -> npt.NDArray[Any]:
    """All pixels of a file, or none: `fail_on` makes libvips refuse what is cut short.

    Raises:
        pyvips.Error: The file is broken, or of a kind that libvips does not read.
    """
    how = {"fail_on": "truncated", "access": "sequential"}
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return np.asarray(pyvips.Image.pngload_buffer(content, **how).numpy())
    # The limit of its own, 50 MB of memory, is less than a strip may take. How many pixels there are is checked before.
    parts = [pyvips.Image.tiffload_buffer(part, unlimited=True, **how) for part in parts_for_libvips(image, content)]
    return np.asarray(parts[0].bandjoin(parts[1:]).numpy())


def _deep_luma(rgb: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    """BT.601 luma, rounded exactly; in strips, because whole pictures of 32-bit numbers take much memory."""
    luma = np.empty(rgb.shape[:2], np.uint16)
    for top in range(0, len(rgb), _STRIP_ROWS):
        strip = rgb[top : top + _STRIP_ROWS].astype(np.uint32)
        luma[top : top + _STRIP_ROWS] = (299 * strip[..., 0] + 587 * strip[..., 1] + 114 * strip[..., 2] + 500) // 1000
    return luma


def _judge_deep_color(rgb: npt.NDArray[np.uint16], alpha: npt.NDArray[np.uint16] | None) -> Coloring:
    shrink = max(1, min(rgb.shape[:2]) // _JUDGED_SIDE)
    size = (max(1, rgb.shape[1] // shrink), max(1, rgb.shape[0] // shrink))
    small: Any = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    visible: Any = None if alpha is None else to_8_bits(np.asarray(cv2.resize(alpha, size), np.uint16))
    return judge_coloring(np.ascontiguousarray(to_8_bits(small)[..., :3]), visible)


def to_8_bits(levels: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    """The nearest of 256 levels: one of them is 257 of 65536.

    Args:
        levels: Any shape, uint16.

    Returns:
        Same shape, uint8.
    """
    return ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def decode_image(image: Image.Image) -> Decoded:
    """The pixels of a picture that Pillow has loaded.

    Args:
        image: Any mode.

    Returns:
        As they lie in the picture.

    Raises:
        PhotoError: The picture is empty, or its numbers are of a kind that is not read.
    """
    decoded = _decode_levels(image)
    is_gray = image.mode in ("1", "L", "LA", "La") or image.mode.startswith("I")
    curve = _curve_of_gray(image.info.get("icc_profile")) if is_gray else None
    return decoded if curve is None else decoded._replace(luma=_along(curve, decoded.luma))


def _curve_of_gray(profile: object) -> npt.NDArray[np.uint8] | None:
    """The level in sRGB of each of 256 levels of a gray profile, such as that of a scanner; None without one."""
    if not isinstance(profile, bytes) or profile[16:20] != b"GRAY":
        return None
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    try:
        shown = _through_profile(ramp, ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None  # a broken profile is no reason to refuse the photo
    return np.asarray(shown.convert("L"), np.uint8).reshape(256)


def _along(curve: npt.NDArray[np.uint8], luma: Levels) -> Levels:
    if luma.dtype == np.uint8:
        return np.asarray(curve[luma])
    steps = np.interp(np.arange(65536), np.arange(256) * 257, curve.astype(np.float64) * 257.0)
    return np.asarray(np.rint(steps).astype(np.uint16)[luma])


def _decode_levels(image: Image.Image) -> Decoded:
    if 0 in image.size:
        raise PhotoError("the picture is empty; give one with pixels")
    if image.mode.startswith("I"):
        return _decode_deep_gray(image)
    if image.mode == "F":
        raise PhotoError("pixels of floating-point numbers; save the photo with 8 or 16 bits")
    if image.mode in ("1", "L") and not image.has_transparency_data:
        return Decoded(np.asarray(image.convert("L")), None, "gray")
    if image.mode == "La":  # Pillow knows no way from here to any other mode
        image = image.convert("LA")
    if image.has_transparency_data or image.mode == "RGBa":
        return _decode_transparent(image.convert("RGBA"))
    rgb = _to_rgb(image)
    return Decoded(np.asarray(rgb.convert("L")), None, judge_coloring(np.asarray(_reduced(rgb))))


def _decode_transparent(rgba: Image.Image) -> Decoded:
    luma, alpha, small = np.asarray(rgba.convert("L")), np.asarray(rgba.getchannel("A")), _reduced(rgba)
    coloring = judge_coloring(np.asarray(small.convert("RGB")), np.asarray(small.getchannel("A")))
    return Decoded(luma, None if alpha.min() == 255 else alpha, coloring)


def _reduced(image: Image.Image) -> Image.Image:
    return image.reduce(max(1, min(image.size) // _JUDGED_SIDE))


def _to_rgb(image: Image.Image) -> Image.Image:
    """Any opaque mode as RGB; CMYK through its profile, without which its darks would be wrong."""
    profile = image.info.get("icc_profile")
    if image.mode == "LAB":
        return _through_profile(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
    if image.mode == "CMYK" and isinstance(profile, bytes) and profile[16:20] == b"CMYK":
        try:
            return _through_profile(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)))
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # a broken profile is no reason to refuse the photo
    return image.convert("RGB")


def _through_profile(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    transform = ImageCms.buildTransform(profile, srgb, image.mode, "RGB")
    return ImageCms.applyTransform(image, transform) or image


def _decode_deep_gray(image: Image.Image) -> Decoded:
    """Luma of 16 bits, which Pillow would clip to white."""
    levels = np.asarray(image)
    if levels.dtype.kind != "u" and (levels.min() < 0 or levels.max() > 65535):
        raise PhotoError("pixels of 32 bits, or below zero; save the photo with 8 or 16 bits")
    luma = levels.astype(np.uint16)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        if 12 in image.tag_v2.get(_BITS, ()):
            luma = ((luma.astype(np.uint32) * 65535 + 2047) // 4095).astype(np.uint16)
        if image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:  # Pillow inverts 8 bits, but not 16
            luma = np.uint16(65535) - luma
    transparent = image.info.get("transparency")  # one level that stands for transparent
    alpha = np.where(luma == transparent, 0, 65535).astype(np.uint16) if isinstance(transparent, int) else None
    return Decoded(luma, alpha, "gray")
