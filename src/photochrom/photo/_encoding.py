"""From colors, opacity and what the source told to the bytes of a file of each format."""

import io
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from PIL import Image, JpegImagePlugin

from photochrom.errors import PhotoError
from photochrom.photo._containers import (
    PIXEL_TAGS,
    Field,
    fraction_field,
    read_directory,
    short_field,
    with_fields,
    with_png_chunks,
)
from photochrom.photo._decoding import Levels, pillow_heif
from photochrom.photo._origin import EXIF_HEAD, Origin, minimal_exif

__all__ = ["DEEP_FORMATS", "ENCODERS"]

DEEP_FORMATS = frozenset({"PNG", "TIFF"})
"""Formats that hold 16 bits a channel."""

_JPEG_QUALITY = 95
_HEIF_QUALITY = 90
_WEBP_LOSSY: Mapping[str, Any] = MappingProxyType({"quality": 95, "method": 2})
_WEBP_LOSSLESS: Mapping[str, Any] = MappingProxyType({"lossless": True, "quality": 20, "method": 0})
"""The quickest: the slowest takes ten times as long for a file smaller by a tenth."""

_JPEG_SEGMENT = 65533
_JPEG_XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\x00"
_JPEG_IPTC_MARKER = b"\xff\xed"
_PNG_XMP_HEAD = b"XML:com.adobe.xmp" + b"\x00" * 5
_INCH_IN_METERS = 0.0254

_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT, _XMP, _EXTRA_SAMPLES, _ICC = 0x11A, 0x11B, 0x128, 0x2BC, 0x152, 0x8773
_BYTES, _ANYTHING = 1, 7  # kinds of TIFF's fields
_INCHES, _STRAIGHT_ALPHA = 2, 2


def _pillow_image(rgb: Levels, alpha: Levels | None) -> Image.Image:
    return Image.fromarray(rgb if alpha is None else np.dstack([rgb, alpha]))


def _saved(image: Image.Image, target: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, target, **options)
    return file.getvalue()


def _saved_by_opencv(suffix: str, rgb: Levels, alpha: Levels | None, *options: int) -> bytes:
    pixels: Any = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    if alpha is not None:
        pixels = np.dstack([pixels, alpha])
    is_encoded, content = cv2.imencode(suffix, pixels, options)
    if not is_encoded:
        raise PhotoError(f"this photo does not fit into a {suffix} file; choose another format")
    return content.tobytes()


def _encode_jpeg(rgb: Levels, alpha: Levels | None, origin: Origin) -> bytes:
    image = Image.fromarray(rgb)
    if alpha is not None:
        image = Image.composite(image, Image.new("RGB", image.size, "white"), Image.fromarray(alpha))
    exif = EXIF_HEAD + origin.exif
    if len(exif) > _JPEG_SEGMENT:  # all of it must lie in one segment
        exif = EXIF_HEAD + minimal_exif(origin)
    options: dict[str, Any] = {"exif": exif, "icc_profile": origin.icc_profile, "comment": origin.comment}
    if origin.xmp is not None and len(origin.xmp) <= _JPEG_SEGMENT - len(_JPEG_XMP_HEAD):
        options["xmp"] = origin.xmp
    if 0 < len(origin.iptc) <= _JPEG_SEGMENT:
        options["extra"] = _JPEG_IPTC_MARKER + (len(origin.iptc) + 2).to_bytes(2, "big") + origin.iptc
    if origin.dpi is not None:
        options["dpi"] = origin.dpi
    return _saved(image, "JPEG", qtables=_fine_tables(origin.quantization), subsampling="4:4:4", **options)


def _fine_tables(source: tuple[tuple[int, ...], ...]) -> list[list[int]]:
    """Tables for luma and chroma that lose no more, at any frequency, than the source's nor than quality 95."""
    probe = io.BytesIO(_saved(Image.new("RGB", (8, 8)), "JPEG", quality=_JPEG_QUALITY))
    usual = list(JpegImagePlugin.JpegImageFile(probe).quantization.values())
    own = [table for table in source if len(table) == 64] or usual
    return [
        [max(1, min(steps)) for steps in zip(table, own[min(index, len(own) - 1)], strict=True)]
        for index, table in enumerate(usual)
    ]


def _encode_png(rgb: Levels, alpha: Levels | None, origin: Origin) -> bytes:
    # OpenCV's defaults take a quarter of the time of Pillow's quickest, for a file of about the same size.
    png = _saved_by_opencv(".png", rgb, alpha)
    chunks = list(origin.chunks)
    if origin.icc_profile is not None:
        chunks = [chunk for chunk in chunks if chunk[0] != b"sRGB"]  # a file may have the one or the other
        chunks.append((b"iCCP", b"icc\x00\x00" + zlib.compress(origin.icc_profile)))
    if origin.dpi is not None and not any(kind == b"pHYs" for kind, _ in chunks):
        per_meter = [round(value / _INCH_IN_METERS).to_bytes(4, "big") for value in origin.dpi]
        chunks.append((b"pHYs", b"".join(per_meter) + b"\x01"))
    if origin.xmp is not None and not any(data.startswith(_PNG_XMP_HEAD[:18]) for _, data in chunks):
        chunks.append((b"iTXt", _PNG_XMP_HEAD + origin.xmp))
    return with_png_chunks(png, [*chunks, (b"eXIf", origin.exif)])


def _encode_webp(rgb: Levels, alpha: Levels | None, origin: Origin) -> bytes:
    told = {"exif": origin.exif, "icc_profile": origin.icc_profile or b"", "xmp": origin.xmp or b""}
    how = _WEBP_LOSSLESS if origin.lossless else _WEBP_LOSSY
    return _saved(_pillow_image(rgb, alpha), "WEBP", exact=True, **told, **how)


def _encode_tiff(rgb: Levels, alpha: Levels | None, origin: Origin) -> bytes:
    tiff = _saved_by_opencv(".tiff", rgb, alpha, cv2.IMWRITE_TIFF_COMPRESSION, origin.compression)
    fields = {tag: field for tag, field in read_directory(origin.exif).items() if tag not in PIXEL_TAGS}
    if origin.dpi is not None and _X_RESOLUTION not in fields:
        across, down = origin.dpi
        fields |= {_X_RESOLUTION: fraction_field(across), _Y_RESOLUTION: fraction_field(down)}
        fields[_RESOLUTION_UNIT] = short_field(_INCHES)
    if origin.icc_profile is not None:
        fields[_ICC] = Field(_ANYTHING, origin.icc_profile)
    if origin.xmp is not None:
        fields[_XMP] = Field(_BYTES, origin.xmp)
    if alpha is not None:
        fields[_EXTRA_SAMPLES] = short_field(_STRAIGHT_ALPHA)
    return with_fields(tiff, fields)


def _encode_bmp(rgb: Levels, alpha: Levels | None, origin: Origin) -> bytes:
    if alpha is not None:
        return _saved_by_opencv(".bmp", rgb, alpha)  # with the masks by which readers find the opacity
    return _saved(Image.fromarray(rgb), "BMP", **({} if origin.dpi is None else {"dpi": origin.dpi}))


def _encode_heif(rgb: Levels, alpha: Levels | None, origin: Origin) -> bytes:
    image = _pillow_image(rgb, alpha)
    told = {"exif": EXIF_HEAD + origin.exif, "icc_profile": origin.icc_profile, "xmp": origin.xmp}
    image.info.update({name: value for name, value in told.items() if value})
    file = io.BytesIO()
    pillow_heif().from_pillow(image).save(file, quality=_HEIF_QUALITY, chroma=444)
    return file.getvalue()


ENCODERS: Mapping[str, Callable[[Levels, Levels | None, Origin], bytes]] = MappingProxyType(
    {
        "JPEG": _encode_jpeg,
        "PNG": _encode_png,
        "WEBP": _encode_webp,
        "TIFF": _encode_tiff,
        "BMP": _encode_bmp,
        "HEIF": _encode_heif,
    }
)
"""By Pillow's name of the format, what makes a file of RGB, of opacity or None, and of what the source told.

Shapes are (height, width, 3) and (height, width), as they shall lie in the file; uint8, or uint16 for `DEEP_FORMATS`.
"""
