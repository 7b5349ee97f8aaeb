"""Tasks for workers with a kept photo: guess its colors once, draw previews often, write the whole file.

A sketch is a folder with a small copy of the photo's luma and its guesses, so that a slider needs neither a network nor
the photo itself. Previews differ from the written file by a few levels, because the chroma grid is coarser.
"""

import functools
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
from photochrom.coloring import (
    ChromaField,
    Guess,
    Guesser,
    Hint,
    HintLayer,
    Look,
    Options,
    Outputs,
    Result,
    guesses,
    outputs,
)
from photochrom.errors import GoneError
from photochrom.files import written_whole
from photochrom.photo import Photo, losses, read_photo, to_8_bits
from photochrom.workers import announce_size

GUESSES = 4
"""The number of guesses of a kept photo."""

WIDEST = 4096
"""Maximum width of a preview."""

_LUMA_PIXELS = 2_000_000
"""Maximum pixels of the luma of a sketch; a screen shows hardly more."""

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
class View:
    """A preview of a photo.

    Attributes:
        look: Strength, vividness and hints.
        width: In pixels, at most; a sketch is never enlarged.
    """

    show: Show = "color"
    guess: int = 0
    look: Look = field(default_factory=Look)
    width: int = WIDEST
    format: PictureFormat = "jpeg"


def sketch(colorizer: Guesser, source: Path, folder: Path, options: Options) -> dict[str, Any]:
    """Guess a photo's colors and write its sketch: a task for `photochrom.workers.Pool`.

    Args:
        folder: The folder of the sketch; made if missing.

    Returns:
        The fields of `photochrom.server._facts.KeptFacts`.
    """
    with _still_there():
        content = source.read_bytes()
    limits = replace(options.limits, force=True)
    photo = read_photo(content, limits.max_megapixels, announce_size)
    results = guesses(photo, replace(options, limits=limits, outputs=Outputs(variants=GUESSES)), colorizer)
    with _still_there():
        folder.mkdir(exist_ok=True)
        _keep(results, folder)
    told = facts_of(photo, results)
    own = {"bits": photo.bits, "format": photo.origin.format, "guesses": len(results)}
    return told | own | {"remarks": [*told["remarks"], *losses(photo)]}


def draw(_: Guesser, folder: Path, size: tuple[int, int], view: View) -> bytes:
    """A preview of a photo, from its sketch alone: a task for `photochrom.workers.Pool`.

    Args:
        folder: The sketch.
        size: Width and height of the photo itself, in whose pixels hints are given.
    """
    with _still_there():
        result = _looked_at(folder, view)
        if view.show == "gray":
            pixels = result.photo.luma
        elif view.show == "confidence":
            pixels = _certainty(result)
        else:
            layer = _layer(folder, view.look.hints, size) if view.look.hints else None
            pixels = replace(result, layer=layer).rgb
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, view.format, **_ENCODINGS[view.format])
    return file.getvalue()


def write(colorizer: Guesser, source: Path, guess: int, part: Part, options: Options) -> dict[str, Any]:
    """A photo's file in color, of its own size, with its tags: a task for `photochrom.workers.Pool`.

    Args:
        part: The photo, the comparison, or the confidence map.

    Returns:
        Plain data: the fields of a `photochrom.coloring.Output`.
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
    _save(folder / "luma.npy", _shrunk(to_8_bits(results[0].photo.luma), _LUMA_PIXELS))
    _save(folder / "grid.npy", _shrunk(results[0].guess.luma, _GRID_PIXELS))
    fields = [
        np.stack([_shrunk(channel, _GRID_PIXELS) for channel in result.guess.field.coefficients]) for result in results
    ]
    _save(folder / "fields.npy", np.stack(fields).astype(np.float16))
    sure = np.stack([_shrunk(result.guess.confidence, _GRID_PIXELS) for result in results])
    _save(folder / "confidence.npy", sure.astype(np.float16))


def _save(path: Path, values: npt.NDArray[Any]) -> None:
    with written_whole(path) as aside:
        np.save(aside, values, allow_pickle=False)


def _looked_at(folder: Path, view: View) -> Result:
    """A small copy of a photo's result, with the one guess that is viewed and without hints."""
    luma = np.load(folder / "luma.npy")
    height, width = luma.shape
    if view.width < width:
        luma = _resized(luma, max(1, round(height * view.width / width)), view.width)

    def chosen(name: str) -> npt.NDArray[np.float32]:
        guesses_of = np.load(folder / f"{name}.npy", mmap_mode="r")
        return np.asarray(guesses_of[view.guess], np.float32)

    field = ChromaField(chosen("fields"))
    guess = Guess(field, np.load(folder / "grid.npy"), chosen("confidence"))
    return Result(Photo(luma), (), guess, view.look)


@functools.lru_cache(maxsize=4)
def _layer(folder: Path, hints: tuple[Hint, ...], size: tuple[int, int]) -> HintLayer | None:
    """The effect of hints on the grid of a sketch; cached, because a slider does not change hints."""
    grid = np.load(folder / "grid.npy")
    guess = Guess(ChromaField(np.zeros((4, *grid.shape), np.float32)), grid, grid)
    photo = Photo(np.broadcast_to(np.uint8(0), size[::-1]))  # hints need only its size
    return Result(photo, (), guess, Look()).adjusted(hints=hints).layer


def _certainty(result: Result) -> npt.NDArray[np.uint8]:
    """The confidence as colors over the photo's shades; shape (height, width, 3)."""
    steps = np.linspace(0, 255, len(_CERTAINTY))
    table = np.stack([np.interp(np.arange(256), steps, channel) for channel in zip(*_CERTAINTY, strict=True)], axis=1)
    shares = (table * _CERTAINTY_SHARE).astype(np.float32)
    mixed = shares[result.confidence] + result.photo.luma[..., None] * np.float32(1.0 - _CERTAINTY_SHARE)
    return np.asarray(np.rint(mixed), np.uint8)


def _shrunk(values: npt.NDArray[Any], pixels: int) -> npt.NDArray[Any]:
    """A map shrunk to a maximum number of pixels; unchanged if it has no more."""
    share = (pixels / values.size) ** 0.5
    rows, columns = (max(1, int(side * share)) for side in values.shape)
    return values if share >= 1.0 else _resized(values, rows, columns)


def _resized(values: npt.NDArray[Any], rows: int, columns: int) -> npt.NDArray[Any]:
    """A map of uint8 or float32, shrunk by averaging."""
    return np.asarray(Image.fromarray(values).resize((columns, rows), Image.Resampling.BOX))
