"""What a worker does with a photo that is kept: look at it once, then draw it small and often, or write it whole.

A sketch is a folder with the photo's luma and its guesses, small enough that no move of a slider needs a network, or
the photo itself. It differs from the written file by the few levels that a coarser chroma grid costs.
"""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from photochrom.album import facts_of
from photochrom.coloring import ChromaField, Guesser, Hint, Look, Options, Outputs, Result, guesses, outputs
from photochrom.coloring._chroma_field import FloatMap, render
from photochrom.coloring._hints import HintLayer, hint_layer
from photochrom.coloring.resampling import resized
from photochrom.errors import GoneError
from photochrom.files import written_whole
from photochrom.photo import read_photo, to_8_bits
from photochrom.server.tasks import Confidence, FaceBox
from photochrom.workers import announce_size

__all__ = [
    "GUESSES",
    "WIDEST",
    "Facts",
    "Part",
    "PictureFormat",
    "Show",
    "View",
    "draw",
    "sketch",
    "write",
]

GUESSES = 4
"""How many guesses a kept photo has."""

WIDEST = 4096
"""Pixels across the widest picture that is drawn."""

_LUMA_PIXELS = 2_000_000
"""Of the luma of a sketch; a screen shows hardly more."""

_GRID_PIXELS = 250_000
"""Of the chroma grid of a sketch. Drawn at two megapixels, its largest difference to a grid of a million places was 2
of 255 levels, the mean 0.005."""

_CERTAINTY = ((0, 34, 78), (65, 77, 107), (124, 123, 120), (188, 175, 111), (254, 232, 56))
"""From a mere guess, dark blue, to near certainty, yellow: five of the colors of matplotlib's map `cividis`, which
people with any color vision can order."""

_CERTAINTY_SHARE = 0.7

_ENCODINGS: dict[str, dict[str, Any]] = {
    "jpeg": {"quality": 90},
    "webp": {"quality": 85, "method": 0},
    "png": {"compress_level": 1},
}

PictureFormat = Literal["jpeg", "webp", "png"]
Show = Literal["color", "gray", "confidence"]
Part = Literal["color", "comparison", "confidence"]


@dataclass(frozen=True)
class Facts:
    """What is told of a photo that is kept.

    Attributes:
        width: In pixels, upright.
        height: In pixels, upright.
        bits: Of each channel: 8 or 16.
        format: Of its file, by Pillow's name, such as `JPEG`.
        coloring: Whether it was `gray`, `tinted` or in `color`.
        faces: Those that were found.
        confidence: How sure the best guess is.
        guesses: How many there are.
    """

    width: int
    height: int
    bits: int
    format: str
    coloring: str
    faces: tuple[FaceBox, ...]
    confidence: Confidence
    guesses: int

    @classmethod
    def of(cls, told: dict[str, Any]) -> "Facts":
        """What `sketch` returned."""
        faces = tuple(FaceBox(**face) for face in told["faces"])
        return cls(**{**told, "faces": faces, "confidence": Confidence(**told["confidence"])})


@dataclass(frozen=True)
class View:
    """Which small picture of a photo is wanted.

    Attributes:
        show: The photo in color or in gray, or how sure its colors are.
        guess: Which guess, from 0.
        look: How strong and vivid, and with which hints.
        width: In pixels, at most; a sketch is never enlarged.
        format: Of the picture's file.
    """

    show: Show = "color"
    guess: int = 0
    look: Look = field(default_factory=Look)
    width: int = WIDEST
    format: PictureFormat = "jpeg"


def sketch(colorizer: Guesser, source: Path, folder: Path, options: Options) -> dict[str, Any]:
    """Guess a photo's colors, and keep what is needed to draw it: a task for `photochrom.workers.Pool`.

    Args:
        colorizer: Guesses the colors.
        source: The photo's file.
        folder: Where the sketch goes; made if it is not there.
        options: How large a photo may be.

    Returns:
        Plain data, of which `Facts.of` makes facts.

    Raises:
        GoneError: The photo was deleted meanwhile.
        PhotochromError: The photo cannot be read or colored.
    """
    with _still_there():
        content = source.read_bytes()
    limits = replace(options.limits, force=True)
    photo = read_photo(content, limits.max_megapixels, announce_size)
    results = guesses(photo, replace(options, limits=limits, outputs=Outputs(variants=GUESSES)), colorizer)
    with _still_there():
        folder.mkdir(exist_ok=True)
        _keep(results, folder)
    own = {"bits": photo.bits, "format": photo.origin.format, "guesses": len(results)}
    return facts_of(photo, results) | own


def draw(_: Guesser, folder: Path, size: tuple[int, int], view: View) -> bytes:
    """A small picture of a photo, from its sketch alone: a task for `photochrom.workers.Pool`.

    Args:
        _: Not needed: the guesses are there.
        folder: The sketch.
        size: Width and height of the photo itself, in whose pixels hints are given.
        view: Which picture.

    Raises:
        GoneError: The photo was deleted meanwhile.
    """
    with _still_there():
        luma = _narrowed(np.load(folder / "luma.npy"), view.width)
        if view.show == "gray":
            pixels = luma
        elif view.show == "confidence":
            pixels = _certainty(_part(folder, "confidence", view.guess), luma)
        else:
            guess = ChromaField(_part(folder, "fields", view.guess).astype(np.float32))
            guess = guess.scaled(view.look.strength * view.look.vividness)
            layer = _layer(folder, view.look.hints, size)
            pixels = render(layer.upon(guess) if layer else guess, luma)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, view.format, **_ENCODINGS[view.format])
    return file.getvalue()


def write(colorizer: Guesser, source: Path, guess: int, part: Part, options: Options) -> dict[str, Any]:
    """A photo's file in color, of its own size, with its tags: a task for `photochrom.workers.Pool`.

    Args:
        colorizer: Guesses the colors.
        source: The photo's file.
        guess: Which guess, from 0.
        part: The photo, or the comparison, or how sure the colors are.
        options: How it shall look, and its format.

    Returns:
        Plain data: the fields of a `photochrom.coloring.Output`.

    Raises:
        GoneError: The photo was deleted meanwhile.
        InColorError: It is in color already, and `options.limits.force` is not set.
        PhotoError: It cannot be written so.
    """
    with _still_there():
        content = source.read_bytes()
    photo = read_photo(content, options.limits.max_megapixels, announce_size)
    several = replace(options.outputs, variants=guess + 1)
    chosen = guesses(photo, replace(options, outputs=several), colorizer)[guess]
    wanted = replace(options.outputs, variants=1, compare=part == "comparison", confidence=part == "confidence")
    *_, last = outputs(photo, [chosen], replace(options, outputs=wanted))
    return asdict(last)


@contextmanager
def _still_there() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise GoneError("the photo was deleted; send it again") from None


def _keep(results: list[Result], folder: Path) -> None:
    levels = results[0].photo.luma
    luma = np.asarray(levels, np.uint8) if levels.dtype == np.uint8 else to_8_bits(np.asarray(levels, np.uint16))
    _save(folder / "luma.npy", np.asarray(_shrunk_image(luma, _LUMA_PIXELS)))
    grid = _shrunk_size(results[0].guess.luma.shape, _GRID_PIXELS)
    fields = [resized(result.guess.field.coefficients, *grid) for result in results]
    _save(folder / "fields.npy", np.stack(fields).astype(np.float16))
    sure = [resized(result.guess.confidence, *grid).clip(0.0, 1.0) * 255.0 for result in results]
    _save(folder / "confidence.npy", np.rint(np.stack(sure)).astype(np.uint8))
    _save(folder / "grid.npy", resized(results[0].guess.luma, *grid).astype(np.float32))


def _save(path: Path, values: npt.NDArray[Any]) -> None:
    with written_whole(path) as aside:
        np.save(aside, values, allow_pickle=False)


def _part(folder: Path, name: str, guess: int) -> npt.NDArray[Any]:
    """The part of a map that belongs to a guess; of the others nothing is read."""
    values: npt.NDArray[Any] = np.load(folder / f"{name}.npy", mmap_mode="r")[guess]
    return values


def _layer(folder: Path, hints: tuple[Hint, ...], size: tuple[int, int]) -> HintLayer | None:
    """What hints give, which is worked out once: a slider that moves leaves hints as they are."""
    if not hints:
        return None
    path = folder / f"hints-{hashlib.sha256(repr(hints).encode()).hexdigest()[:16]}.npy"
    if not path.exists():
        grid: FloatMap = np.load(folder / "grid.npy")
        layer = hint_layer(grid, hints, size[::-1])
        if layer is None:
            return None
        for old in folder.glob("hints-*.npy"):
            old.unlink(missing_ok=True)
        _save(path, np.concatenate([layer.field.coefficients, layer.weights[None]]))
        return layer
    maps: FloatMap = np.load(path)
    return HintLayer(ChromaField(maps[:-1]), maps[-1])


def _certainty(levels: npt.NDArray[np.uint8], luma: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """How sure colors are, over the photo's own shades; shape (height, width, 3)."""
    steps = np.linspace(0, 255, len(_CERTAINTY))
    table = np.stack([np.interp(np.arange(256), steps, channel) for channel in zip(*_CERTAINTY, strict=True)], axis=1)
    wide = np.asarray(Image.fromarray(levels).resize(luma.shape[::-1], Image.Resampling.BILINEAR))
    shares = (table * _CERTAINTY_SHARE).astype(np.float32)
    mixed = shares[wide] + luma[..., None] * np.float32(1.0 - _CERTAINTY_SHARE)
    return np.asarray(np.rint(mixed), np.uint8)


def _narrowed(luma: npt.NDArray[np.uint8], width: int) -> npt.NDArray[np.uint8]:
    height, own_width = luma.shape
    if width >= own_width:
        return luma
    size = (width, max(1, round(height * width / own_width)))
    return np.asarray(Image.fromarray(luma).resize(size, Image.Resampling.BOX))


def _shrunk_image(luma: npt.NDArray[np.uint8], pixels: int) -> Image.Image:
    rows, columns = _shrunk_size(luma.shape, pixels)
    image = Image.fromarray(luma)
    return image if (columns, rows) == image.size else image.resize((columns, rows), Image.Resampling.BOX)


def _shrunk_size(shape: tuple[int, ...], pixels: int) -> tuple[int, int]:
    """Rows and columns of a map that has no more than so many places, of about the same shape."""
    share = min(1.0, (pixels / (shape[0] * shape[1])) ** 0.5)
    return max(1, int(shape[0] * share)), max(1, int(shape[1] * share))
