"""Do two checkouts make the same pictures of the same photos?

Makes a set of photos of every format, depth, mode, orientation, profile and opacity, lets a checkout read each one and
write it in color, and compares what two checkouts made: pixels, size, resolution, profile and tags.

    PYTHONPATH=old/src python benchmarks/same_pictures.py record before
    PYTHONPATH=new/src python benchmarks/same_pictures.py record after
    python benchmarks/same_pictures.py compare before after

The colors are shifts of each photo's luma, not a network's guess, so that only reading and writing are compared.
"""

import io
import json
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import typer
from PIL import Image, ImageCms, TiffImagePlugin

Pixels = npt.NDArray[Any]

SIDE = 160
LOSSLESS = ("PNG", "TIFF", "BMP")
LOSSY_LIMIT = 2
"""Levels of 255 by which pixels may differ after lossy encoding."""

_TABLES = "written with the tables of one quality, not with the finer one of two tables at each frequency"

ON_PURPOSE = {
    "jpeg-cmyk": _TABLES,
    "jpeg-fine": _TABLES,
    "jpeg-gray": _TABLES,
    **{f"jpeg-turned-{orientation}": _TABLES for orientation in range(2, 9)},
    "jpeg-many-captions": "all of a JPEG's APP13 segments are kept, not the first alone",
    "tiff-premultiplied": "un-multiplied by libvips, which rounds where Pillow cuts off: one level",
    "tiff-premultiplied-16": "16 bits are un-multiplied as 8 bits always were",
    "tiff-infrared-16": "a channel without a meaning is no opacity in 16 bits either",
    "tiff-planes-16": "planes one after the other were mixed up",
    "tiff-planes-16-rgba": "planes one after the other were mixed up",
    "tiff-tiled-planes-16": "was refused or mixed up",
    "tiff-big": "BigTIFF keeps its tags",
    "png-late-exif": "EXIF after the pixels is kept",
    "avif": "was not read",
    "avif-alpha": "was not read",
}
"""Photos whose pictures shall differ, and why."""

OWN_PACKET = b"compositeWithTrainedAlgorithmicMedia"
"""What results of 0.3 say of themselves, in an XMP packet, where the photo had none."""


def portrait() -> Pixels:
    """The public-domain astronaut in color."""
    import skimage.data

    photo: Pixels = skimage.data.astronaut()[:320, 60:380]  # type: ignore[no-untyped-call]
    return np.asarray(Image.fromarray(photo).resize((SIDE, SIDE - 40), Image.Resampling.LANCZOS))


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """A file as Pillow writes it."""
    file = io.BytesIO()
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.from_pillow(image).save(file, quality=95, **options)
    else:
        image.save(file, kind, **options)
    return file.getvalue()


def exif(orientation: int = 1) -> Image.Exif:
    """Tags of a photo, of its exposure and of its place."""
    made = Image.Exif()
    made[0x0112], made[0x010E], made[0x0131] = orientation, "Grandmother, 1931", "Scanner 2.0"
    made.get_ifd(0x8769)[0x9003] = "1931:05:06 07:08:09"
    made.get_ifd(0x8825)[1] = "N"
    return made


def srgb_profile() -> bytes:
    """The same profile of sRGB at each call."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = bytes(12)  # the date, or else each run had another one
    return bytes(profile)


def png(pixels: Pixels, *after: tuple[bytes, bytes]) -> bytes:
    """A PNG of 8 or 16 bits; chunks may follow the pixels."""
    height, width, channels = pixels.shape
    rows = pixels.astype(pixels.dtype.newbyteorder(">")).reshape(height, -1).view(np.uint8)
    data = zlib.compress(np.hstack([np.zeros((height, 1), np.uint8), rows]).tobytes())
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, pixels.dtype.itemsize * 8, kind, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", data), *after, (b"IEND", b"")]
    packed = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def tiff(
    pixels: Pixels,
    *,
    photometric: int | None = None,
    extra: int | None = None,
    planes: bool = False,
    tile: int = 0,
    order: Literal["<", ">"] = "<",
    big: bool = False,
    tags: dict[int, tuple[int, bytes]] | None = None,
) -> bytes:
    """A TIFF without compression, in strips or tiles, by pixel or by plane."""
    height, width, channels = pixels.shape
    pixels = pixels.astype(pixels.dtype.newbyteorder(order))
    parts = [pixels[..., [c]] for c in range(channels)] if planes else [pixels]
    blocks: list[bytes] = []
    for part in parts:
        if tile:
            padded = np.pad(part, ((0, -height % tile), (0, -width % tile), (0, 0)))
            blocks += [
                padded[y : y + tile, x : x + tile].tobytes()
                for y in range(0, height, tile)
                for x in range(0, width, tile)
            ]
        else:
            blocks += [part[y : y + 64].tobytes() for y in range(0, height, 64)]
    start = 16 if big else 8
    offsets = [start + sum(map(len, blocks[:number])) for number in range(len(blocks))]
    numbers: dict[int, tuple[int, list[int]]] = {
        256: (4, [width]), 257: (4, [height]), 258: (3, [pixels.dtype.itemsize * 8] * channels), 259: (3, [1]),
        262: (3, [photometric if photometric is not None else (2 if channels > 2 else 1)]), 277: (3, [channels]),
        284: (3, [2 if planes else 1]),
    }  # fmt: skip
    places = (324, 325) if tile else (273, 279)
    numbers |= {places[0]: (4, offsets), places[1]: (4, [len(block) for block in blocks])}
    numbers |= {322: (4, [tile]), 323: (4, [tile])} if tile else {278: (4, [64])}
    if extra is not None:
        numbers[338] = (3, [extra])
    entries = {
        tag: (kind, struct.pack(f"{order}{len(v)}{'HI'[kind == 4]}", *v), len(v)) for tag, (kind, v) in numbers.items()
    }
    entries |= {tag: (kind, data, len(data) // {3: 2, 4: 4}.get(kind, 1)) for tag, (kind, data) in (tags or {}).items()}
    width_of_offset, offset_format = (8, "Q") if big else (4, "I")
    body, end = b"".join(blocks), start + sum(map(len, blocks))
    directory = struct.pack(order + ("Q" if big else "H"), len(entries))
    for tag, (kind, data, count) in sorted(entries.items()):
        if len(data) > width_of_offset:
            body += data + b"\0" * (len(data) % 2)
            data, end = struct.pack(order + offset_format, end), end + len(data) + len(data) % 2
        directory += struct.pack(f"{order}HH{offset_format}", tag, kind, count) + data.ljust(width_of_offset, b"\0")
    mark = b"II" if order == "<" else b"MM"
    head = mark + (struct.pack(order + "HHHQ", 43, 8, 0, end) if big else struct.pack(order + "HI", 42, end))
    return head + body + directory + b"\0" * width_of_offset


def photos() -> Iterator[tuple[str, str, bytes]]:
    """Name, suffix and content of each photo."""
    rgb = Image.fromarray(portrait())
    gray, alpha = rgb.convert("L"), Image.linear_gradient("L").resize(rgb.size)
    rgba, la = rgb.copy(), gray.copy()
    rgba.putalpha(alpha)
    la.putalpha(alpha)
    sepia = Image.merge("RGB", [gray.point(lambda v, s=s: round(255 * (v / 255) ** s)) for s in (0.8, 1.0, 1.3)])
    icc = srgb_profile()
    yield from _plain(rgb, gray, rgba, la, sepia, icc)
    yield from _turned(gray)
    yield from _deep(np.asarray(rgb), np.asarray(alpha))
    yield from _told(rgb, gray, icc)


def _plain(*pictures: Any) -> Iterator[tuple[str, str, bytes]]:
    rgb, gray, rgba, la, sepia, icc = pictures
    two = rgb.convert("1")
    for name, image in (("gray", gray), ("rgb", rgb), ("sepia", sepia)):
        yield f"jpeg-{name}", ".jpg", saved(image, "JPEG", quality=90)
        yield f"png-{name}", ".png", saved(image, "PNG")
        yield f"webp-{name}", ".webp", saved(image, "WEBP", quality=90)
        yield f"tiff-{name}", ".tif", saved(image, "TIFF")
        yield f"bmp-{name}", ".bmp", saved(image, "BMP")
        yield f"heif-{name}", ".heic", saved(image, "HEIF")
    yield "jpeg-fine", ".jpg", saved(gray, "JPEG", quality=99, subsampling=0)
    yield "jpeg-progressive", ".jpg", saved(gray.convert("RGB"), "JPEG", progressive=True)
    yield "jpeg-cmyk", ".jpg", saved(rgb.convert("CMYK"), "JPEG", quality=90)
    yield "webp-lossless", ".webp", saved(rgb, "WEBP", lossless=True)
    yield "webp-alpha", ".webp", saved(rgba, "WEBP", lossless=True)
    yield "gif", ".gif", saved(rgb.convert("P"), "GIF")
    yield "heif-alpha", ".heic", saved(rgba, "HEIF")
    yield "avif", ".avif", saved(gray.convert("RGB"), "AVIF", quality=90)
    yield "avif-alpha", ".avif", saved(rgba, "AVIF", quality=90)
    for kind, suffix in (("PNG", ".png"), ("TIFF", ".tif")):
        name = kind.lower()
        yield f"{name}-bilevel", suffix, saved(two, kind)
        yield f"{name}-palette", suffix, saved(rgb.convert("P"), kind)
        yield f"{name}-gray-alpha", suffix, saved(la, kind)
        yield f"{name}-rgb-alpha", suffix, saved(rgba, kind, icc_profile=icc)
    yield "png-transparent-level", ".png", saved(gray, "PNG", transparency=gray.getpixel((3, 3)))
    for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        yield f"tiff-{name.removeprefix('tiff_')}", ".tif", saved(gray.convert("RGB"), "TIFF", compression=name)
    yield "tiff-fax", ".tif", saved(two, "TIFF", compression="group4")
    yield "tiff-cmyk", ".tif", saved(rgb.convert("CMYK"), "TIFF")
    lab = ImageCms.profileToProfile(
        rgb, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    yield "tiff-lab", ".tif", saved(lab or rgb, "TIFF")
    yield "tiff-tiled", ".tif", tiff(np.asarray(rgb), tile=64)
    yield "tiff-planes", ".tif", tiff(np.asarray(rgb), planes=True)
    yield "tiff-white-is-zero", ".tif", tiff(255 - np.asarray(gray)[..., None], photometric=0)
    yield "tiff-premultiplied", ".tif", tiff(_premultiplied(np.asarray(rgba)), extra=1)
    yield "tiff-infrared", ".tif", tiff(np.asarray(rgba), extra=0)


def _premultiplied(rgba: Pixels) -> Pixels:
    highest = np.iinfo(rgba.dtype).max
    share = rgba[..., 3:].astype(np.float64) / highest
    return np.dstack([(rgba[..., :3] * share).round().astype(rgba.dtype), rgba[..., 3:]])


def _turned(gray: Image.Image) -> Iterator[tuple[str, str, bytes]]:
    for orientation in range(2, 9):
        yield f"jpeg-turned-{orientation}", ".jpg", saved(gray, "JPEG", exif=exif(orientation), quality=92)
    for kind, suffix in (("PNG", ".png"), ("WEBP", ".webp"), ("TIFF", ".tif")):
        options = {"lossless": True} if kind == "WEBP" else {}
        yield f"{kind.lower()}-turned-6", suffix, saved(gray.convert("RGB"), kind, exif=exif(6), **options)


def _deep(rgb: Pixels, alpha: Pixels) -> Iterator[tuple[str, str, bytes]]:
    noise = np.random.default_rng(3).integers(0, 257, rgb.shape, dtype=np.uint16)
    deep = np.minimum(rgb.astype(np.uint16) * 256 + noise, 65535).astype(np.uint16)
    rgba = np.dstack([deep, alpha.astype(np.uint16) * 257])
    gray = deep[..., :1]
    yield "png-gray-16", ".png", png(gray)
    yield "png-gray-alpha-16", ".png", png(np.dstack([gray, rgba[..., 3:]]))
    yield "png-rgb-16", ".png", png(deep)
    yield "png-rgba-16", ".png", png(rgba)
    yield "tiff-gray-16", ".tif", tiff(gray)
    yield "tiff-gray-16-big-endian", ".tif", tiff(gray, order=">")
    yield "tiff-white-is-zero-16", ".tif", tiff(65535 - gray, photometric=0)
    yield "tiff-rgb-16", ".tif", tiff(deep)
    yield "tiff-rgb-16-tiled", ".tif", tiff(deep, tile=64)
    yield "tiff-rgba-16", ".tif", tiff(rgba, extra=2)
    yield "tiff-premultiplied-16", ".tif", tiff(_premultiplied(rgba), extra=1)
    yield "tiff-infrared-16", ".tif", tiff(rgba, extra=0)
    yield "tiff-planes-16", ".tif", tiff(deep, planes=True)
    yield "tiff-planes-16-rgba", ".tif", tiff(rgba, planes=True, extra=2)
    yield "tiff-tiled-planes-16", ".tif", tiff(deep, planes=True, tile=64)
    yield "tiff-turned-16", ".tif", tiff(deep, tags={274: (3, struct.pack("<H", 6)), 270: (2, b"Grandmother\0")})
    yield "tiff-big", ".tif", tiff(gray, big=True, tags={270: (2, b"Grandmother, 1931\0")})


def _told(rgb: Image.Image, gray: Image.Image, icc: bytes) -> Iterator[tuple[str, str, bytes]]:
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>who</x:xmpmeta>"
    caption = b"\x1c\x02\x78\x00\x03who"
    resource = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00" + struct.pack(">I", len(caption)) + caption
    segment = b"\xff\xed" + struct.pack(">H", len(resource) + 2) + resource
    more = (
        b"Photoshop 3.0\x008BIM\x03\xed\x00\x00"
        + struct.pack(">I", 16)
        + struct.pack(">IHHIHH", 300 << 16, 1, 1, 300 << 16, 1, 1)
    )
    second = b"\xff\xed" + struct.pack(">H", len(more) + 2) + more
    all_told = {"exif": exif(), "icc_profile": icc, "dpi": (300, 600)}
    yield "jpeg-told", ".jpg", saved(gray, "JPEG", comment=b"attic", xmp=xmp, extra=segment, **all_told)
    yield "jpeg-many-captions", ".jpg", saved(gray, "JPEG", extra=second + segment, **all_told)
    yield "png-told", ".png", saved(rgb, "PNG", **all_told)
    yield "webp-told", ".webp", saved(rgb, "WEBP", exif=exif(), icc_profile=icc, xmp=xmp)
    yield "tiff-told", ".tif", saved(rgb, "TIFF", **all_told)
    yield "bmp-told", ".bmp", saved(rgb, "BMP", dpi=(300, 600))
    yield "heif-told", ".heic", saved(rgb, "HEIF", exif=exif().tobytes(), icc_profile=icc, xmp=xmp)
    block = exif(6).tobytes().removeprefix(b"Exif\0\0")
    yield "png-late-exif", ".png", png(np.asarray(gray)[..., None], (b"eXIf", block))


def colored(luma: Pixels) -> Pixels:
    """Colors whose luma is about the photo's and that differ from pixel to pixel."""
    step = 257 if luma.dtype == np.uint16 else 1
    shifted = luma[..., None].astype(np.int64) + np.array([12, -8, 6]) * step
    shown: Pixels = np.clip(shifted, 0, np.iinfo(luma.dtype).max).astype(luma.dtype)
    return shown


def record(folder: Path) -> None:
    """Read each photo and write it in color with the checkout that PYTHONPATH names."""
    from photochrom.errors import PhotoError
    from photochrom.photo import encode_photo, read_photo

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "photos").mkdir(exist_ok=True)
    seen: dict[str, dict[str, Any]] = {}
    for name, suffix, content in photos():
        path = folder / "photos" / f"{name}{suffix}"
        path.write_bytes(content)
        try:
            photo = read_photo(path)
        except PhotoError as error:
            seen[name] = {"error": str(error)}
            continue
        arrays: dict[str, Any] = {"luma": photo.luma} | ({} if photo.alpha is None else {"alpha": photo.alpha})
        np.savez_compressed(folder / f"{name}.npz", **arrays)
        (folder / f"{name}{photo.suffix}").write_bytes(encode_photo(colored(photo.luma), photo))
        told_of_it = {"coloring": photo.coloring, "bits": photo.bits, "suffix": photo.suffix}
        seen[name] = {**told_of_it, "format": photo.origin.format}
    (folder / "seen.json").write_text(json.dumps(seen, indent=1))
    typer.echo(f"{len(seen)} photos, {sum('error' in one for one in seen.values())} of them refused")


def told(path: Path) -> dict[str, Any]:
    """What an independent reader finds in a file: size, depth, resolution, profile and tags."""
    image: Any = opened(path)
    ifd = image.getexif()
    directories = {"": ifd, "exif ": ifd.get_ifd(0x8769), "gps ": ifd.get_ifd(0x8825)}
    ignored = set(range(0x0100, 0x0120)) - {0x010E, 0x0112, 0x011A} | {
        0x0140,
        0x0144,
        0x0145,
        0x0152,
        0x0153,
        0x8769,
        0x8825,
        0x013D,
        0x02BC,
        0x8773,
        0xFE,
    }
    tags = {
        f"{where}{tag:#06x}": str(value)
        for where, all_ in directories.items()
        for tag, value in all_.items()
        if tag not in ignored
    }
    if tags.get("0x011a", "1.0") == "1.0":  # what some writers tell of a resolution that nobody knows
        tags.pop("0x011a", None), tags.pop("0x0128", None)
    info = image.info
    dpi = tuple(round(float(value)) for value in info.get("dpi", ()))
    texts = {key: str(value) for key, value in getattr(image, "text", {}).items() if key != "XML:com.adobe.xmp"}
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp")
    xmp = xmp.encode() if isinstance(xmp, str) else xmp
    xmp = None if xmp and OWN_PACKET in xmp else xmp
    return {
        "format": image.format, "mode": image.mode, "size": image.size, "dpi": dpi, "tags": tags, "texts": texts,
        "profile": info.get("icc_profile"), "xmp": xmp, "comment": info.get("comment"),
        "captions": [data for marker, data in getattr(image, "applist", ()) if marker == "APP13"],
        "compression": info.get("compression") if isinstance(image, TiffImagePlugin.TiffImageFile) else None,
    }  # fmt: skip


def opened(path: Path) -> Image.Image:
    """A written file as Pillow opens it."""
    if path.suffix == ".heic":
        import pillow_heif

        pillow_heif.register_heif_opener()
    return Image.open(path)


def pixels_of(path: Path) -> Pixels:
    """The pixels of a written file, by a reader that is not the one under test where there is one."""
    if path.suffix in (".png", ".tif"):
        import pyvips

        return np.asarray(pyvips.Image.new_from_file(str(path)).numpy())
    return np.asarray(opened(path))


def differences(name: str, before: Path, after: Path, one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """What differs between the pictures that two checkouts made of one photo."""
    if "error" in one or "error" in other:
        return (
            []
            if ("error" in one) == ("error" in other)
            else [f"{one.get('error', 'read')} -> {other.get('error', 'read')}"]
        )
    found = [f"{key} {one[key]} -> {other[key]}" for key in one if one[key] != other[key]]
    luma = [np.load(folder / f"{name}.npz") for folder in (before, after)]
    limit = 0 if one["format"] in (*LOSSLESS, "GIF") or name.startswith("webp-") else LOSSY_LIMIT
    found += _apart("luma", luma[0]["luma"], luma[1]["luma"], limit)
    if ("alpha" in luma[0]) != ("alpha" in luma[1]):
        found.append("opacity in one of them alone")
    elif "alpha" in luma[0]:
        found += _apart("opacity", luma[0]["alpha"], luma[1]["alpha"], 0)
    if one["suffix"] != other["suffix"]:
        return found
    paths = [folder / f"{name}{one['suffix']}" for folder in (before, after)]
    is_lossless = one["suffix"] in (".png", ".tif", ".bmp") or name in ("webp-lossless", "webp-alpha", "webp-turned-6")
    found += _apart("pixels", pixels_of(paths[0]), pixels_of(paths[1]), 0 if is_lossless else LOSSY_LIMIT)
    first, second = (told(path) for path in paths)
    found += [f"{key}: {_short(first[key])} -> {_short(second[key])}" for key in first if first[key] != second[key]]
    return found


def _apart(what: str, one: Pixels, other: Pixels, limit: int) -> list[str]:
    if one.shape != other.shape or one.dtype != other.dtype:
        return [f"{what}: {one.shape} {one.dtype} -> {other.shape} {other.dtype}"]
    most = int(np.abs(one.astype(np.int64) - other).max())
    return [f"{what} differ by up to {most}"] if most > limit else []


def _short(value: Any) -> str:
    return str(value) if len(str(value)) < 200 else f"{str(value)[:200]}..."


def compare(before: Path, after: Path) -> None:
    """Compare what two checkouts made; exit status 1 if anything differs that is not meant to."""
    first, second = (json.loads((folder / "seen.json").read_text()) for folder in (before, after))
    unexpected = 0
    for name in first:
        found = differences(name, before, after, first[name], second[name])
        if not found:
            continue
        unexpected += name not in ON_PURPOSE
        typer.echo(
            f"{name}: {'; '.join(found)}" + (f"\n    on purpose: {ON_PURPOSE[name]}" if name in ON_PURPOSE else "")
        )
    typer.echo(f"{len(first)} photos, {unexpected} differ that should not")
    raise typer.Exit(int(unexpected > 0))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    app = typer.Typer(add_completion=False)
    commands: tuple[Callable[..., None], ...] = (record, compare)
    for command in commands:
        app.command()(command)
    app()
