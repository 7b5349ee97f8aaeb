"""A photo in, the same photo in color: the portrait network for the whole, the face network for every face."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from photochrom.chroma import MAX_VARIANTS, chance_within, read_chroma, variant_chroma
from photochrom.errors import ConfigError, PhotoError
from photochrom.graph import Graph
from photochrom.inference.chroma_field import ChromaField, FloatMap, Pixels, follow_luma, render, resized, signed_luma
from photochrom.inference.faces import Face, FaceDetector, Framing, YuNet, frame
from photochrom.inference.hints import Hint, apply_hints
from photochrom.inference.photo import Photo, photo_from_image, read_photo, write_photo
from photochrom.shipped import shipped_model
from photochrom.tensors import AnyArray, ChromaBatch

__all__ = ["Colorizer", "Look", "Result"]

_WORKING_SIDE = 176
"""Side of a square of as many pixels as the whole photo is shrunk to for the network, which learnt from 160x160."""

_SHORTEST_SIDE = 64
"""Of the shrunk photo: a panorama may get more pixels, for the network must still see what is in it."""

_GRID_PIXELS = 1_000_000
"""At most so many places has the grid on which chroma follows luma; a photo has as many at most as it has pixels."""

_FACE_SIDE = 80
"""Pixels of a face as its network learnt them."""

_FACES_AT_ONCE = 16

_FACE_WEIGHTS_FULL, _FACE_WEIGHTS_NONE = 0.62, 1.0
"""Within the first share of the way from a face's middle to the edge of its square its own colors hold; beyond the
second they do not."""


@dataclass(frozen=True)
class Look:
    """How a guess shall look; none of it needs the network again.

    Attributes:
        strength: From 0, gray, to 1, the guess.
        vividness: How many times as vivid as guessed, from 0 to 3; what RGB cannot show is faded.
        hints: Colors that the user knows; neither strength nor vividness changes them.
    """

    strength: float = 1.0
    vividness: float = 1.0
    hints: tuple[Hint, ...] = ()

    def __post_init__(self) -> None:
        if not 0.0 <= self.strength <= 1.0:
            raise ConfigError(f"strength must lie between 0 and 1, not {self.strength:g}")
        if not 0.0 <= self.vividness <= 3.0:
            raise ConfigError(f"vividness must lie between 0 and 3, not {self.vividness:g}")


@dataclass(frozen=True)
class Guess:
    """What the networks say of one photo.

    Attributes:
        field: Its chroma.
        luma: Of the photo, on the field's grid; shape (rows, columns), signed.
        confidence: How likely red and blue lie within the study's margin; shape (rows, columns), range [0, 1].
    """

    field: ChromaField
    luma: FloatMap
    confidence: FloatMap


@dataclass(frozen=True)
class Result:
    """A photo, a guess of its colors, and how it shall look.

    Attributes:
        photo: As it was read.
        faces: Where faces were found.
        guess: What the networks say.
        look: How strong and vivid it is, and what the user knows better.
    """

    photo: Photo
    faces: tuple[Face, ...]
    guess: Guess
    look: Look

    def adjusted(self, **changes: Any) -> "Result":
        """The same guess with another look, at the cost of no network.

        Args:
            **changes: `strength`, `vividness` or `hints`, as `Look` has them.

        Raises:
            ConfigError: A value is out of range.
        """
        return replace(self, look=replace(self.look, **changes))

    @cached_property
    def rgb(self) -> Pixels:
        """The colored photo, upright; shape (height, width, 3), uint8 or uint16 as its luma.

        Raises:
            ConfigError: A hint lies outside the photo.
        """
        look, guess, luma = self.look, self.guess, self.photo.luma
        field = guess.field.scaled(look.strength * look.vividness)
        return render(apply_hints(field, guess.luma, look.hints, luma.shape), luma)

    @property
    def image(self) -> Image.Image:
        """The colored photo, upright, as a Pillow image of 8 bits."""
        rgb = self.rgb
        return Image.fromarray(rgb if rgb.dtype == np.uint8 else (rgb // 257).astype(np.uint8))

    @property
    def confidence(self) -> npt.NDArray[np.uint8]:
        """How sure the networks are, upright, 255 for certainty; shape (height, width)."""
        height, width = self.photo.luma.shape
        levels = np.rint(self.guess.confidence.clip(0.0, 1.0) * 255.0).astype(np.uint8)
        wide: npt.NDArray[np.uint8] = cv2.resize(levels, (width, height), interpolation=cv2.INTER_LINEAR)
        return wide

    def save(self, path: Path | str, *, overwrite: bool = False) -> None:
        """Write the colored photo with all that came with it, whole or not at all.

        Args:
            path: Where it goes.
            overwrite: Whether a file that is there may be replaced.

        Raises:
            PhotoError: There is such a file, or this kind of photo cannot be written.
            OSError: The folder cannot be written to, or the disk is full.
        """
        write_photo(self.rgb, self.photo, Path(path), overwrite=overwrite)


class Colorizer:
    """Colors photos on the CPU, without a deep-learning framework; loads its networks once."""

    def __init__(
        self,
        model: str = "portrait",
        *,
        face_model: str | None = "face",
        detector: FaceDetector | None = None,
        threads: int = 1,
    ) -> None:
        """Load the networks.

        Args:
            model: For the whole photo: a shipped model, or the path of an ONNX file that `photochrom export` wrote.
            face_model: For faces, likewise; None leaves them to the other.
            detector: Finds faces; YuNet if not given.
            threads: How many cores a photo may take.

        Raises:
            CheckpointError: There is no such model, or it cannot be run.
            ConfigError: The model gives no odds of chroma.
        """
        self._whole = _load(model, threads)
        self._faces = None if face_model is None else _load(face_model, threads)
        self._detector = detector or YuNet()

    def colorize(
        self,
        source: Path | str | bytes | Image.Image | Photo,
        *,
        strength: float = 1.0,
        vividness: float = 1.0,
        hints: Sequence[Hint] = (),
        force: bool = False,
    ) -> Result:
        """Color a photo.

        Args:
            source: A path, the bytes of a picture file, a Pillow image or a photo that was read before.
            strength: From 0, gray, to 1.
            vividness: How many times as vivid as guessed.
            hints: Colors that are known.
            force: Whether to color anew what is in color already.

        Raises:
            PhotoError: The photo cannot be read, or is in color already.
            ConfigError: A value is out of range.
        """
        (result,) = self.variants(source, 1, strength=strength, vividness=vividness, hints=hints, force=force)
        return result

    def variants(
        self,
        source: Path | str | bytes | Image.Image | Photo,
        count: int,
        *,
        strength: float = 1.0,
        vividness: float = 1.0,
        hints: Sequence[Hint] = (),
        force: bool = False,
    ) -> list[Result]:
        """Color a photo in several ways: the best guess first, then warmer and cooler ones.

        Args:
            source: As in `colorize`.
            count: How many, from 1 to `photochrom.chroma.MAX_VARIANTS`.
            strength: As in `colorize`.
            vividness: As in `colorize`.
            hints: As in `colorize`.
            force: As in `colorize`.

        Raises:
            PhotoError: The photo cannot be read, or is in color already.
            ConfigError: A value is out of range.
        """
        if not 1 <= count <= MAX_VARIANTS:
            raise ConfigError(f"there can be 1 to {MAX_VARIANTS} variants, not {count}")
        look = Look(strength, vividness, tuple(hints))
        photo = _photo(source)
        if photo.coloring == "color" and not force:
            raise PhotoError("it is in color already; --force (or force=True) colors it anew from its luma")
        faces = tuple(self._detector.detect(_eight_bits(photo.luma))) if self._faces else ()
        return [Result(photo, faces, guess, look) for guess in self._guesses(photo.luma, faces, count)]

    def _guesses(self, luma: Pixels, faces: Sequence[Face], count: int) -> list[Guess]:
        grid = _grid(luma)
        guesses = self._whole_photo(luma, grid, count)
        if not faces or self._faces is None:
            return guesses
        patches = [_Patch.of(face, luma) for face in faces]
        for start in range(0, len(patches), _FACES_AT_ONCE):
            chosen = patches[start : start + _FACES_AT_ONCE]
            odds = self._faces.run(np.stack([patch.gray for patch in chosen])[:, None])
            for number, (chroma, confidence) in enumerate(_readings(odds, "natural", count)):
                for patch, own_chroma, own_confidence in zip(chosen, chroma, confidence, strict=True):
                    guesses[number] = patch.lay_upon(guesses[number], own_chroma, own_confidence)
        return guesses

    def _whole_photo(self, luma: Pixels, grid: FloatMap, count: int) -> list[Guess]:
        """What the network for whole photos says."""
        odds = self._whole.run(_shrunk(luma)[None, None])
        cell = max(grid.shape) / max(odds.shape[-2:])
        return [
            Guess(
                field=follow_luma(_as_map(chroma[0]), grid, radius=max(1, round(cell))),
                luma=grid,
                confidence=resized(confidence[0, 0], *grid.shape),
            )
            for chroma, confidence in _readings(odds, "cautious", count)
        ]


@dataclass(frozen=True)
class _Patch:
    """A face and the square around it that the network sees.

    Attributes:
        square: In the photo.
        size: Height and width of the photo.
        gray: What the network sees; shape (80, 80), signed.
    """

    square: Framing
    size: tuple[int, int]
    gray: FloatMap

    @classmethod
    def of(cls, face: Face, luma: Pixels) -> "_Patch":
        """The patch of a face; beyond the photo its edge is continued."""
        square = frame(face)
        side = max(1, round(square.side))
        left, top = round(square.left), round(square.top)
        rows = np.arange(top, top + side).clip(0, luma.shape[0] - 1)
        columns = np.arange(left, left + side).clip(0, luma.shape[1] - 1)
        cut = signed_luma(luma[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
        whole = cut[np.ix_(rows - rows[0], columns - columns[0])]
        return cls(Framing(left, top, side), luma.shape, resized(whole, _FACE_SIDE, _FACE_SIDE))

    def lay_upon(self, guess: Guess, chroma: FloatMap, confidence: FloatMap) -> Guess:
        """A guess in which this face has its own colors.

        Args:
            guess: For the photo.
            chroma: Of the face; shape (2, rows, columns).
            confidence: Likewise; shape (1, rows, columns).
        """
        cell = round(_FACE_SIDE / chroma.shape[-1])
        own = follow_luma(_as_map(chroma), self.gray, radius=cell).coefficients
        wide = resized(confidence[0], _FACE_SIDE, _FACE_SIDE)
        everything = np.concatenate([own, wide[..., None], _face_weights()[..., None]], axis=2)
        grid = guess.luma.shape
        maps = np.concatenate([guess.field.coefficients, guess.confidence[..., None]], axis=2)
        where, laid = self._on_grid(everything, grid)
        weights = laid[..., -1:]
        maps[where] += weights * (laid[..., :-1] - maps[where])
        return Guess(ChromaField(maps[..., :-1]), guess.luma, maps[..., -1])

    def _on_grid(self, maps: FloatMap, grid: tuple[int, int]) -> tuple[tuple[slice, slice], FloatMap]:
        """Maps of the face at the size that it has on a grid over the photo, and where on the grid they lie.

        Returns:
            Rows and columns of the grid, and the maps there, without what lies beyond the photo.
        """
        top, bottom = (_scaled(y, self.size[0], grid[0]) for y in (self.square.top, self.square.top + self.square.side))
        left, right = (
            _scaled(x, self.size[1], grid[1]) for x in (self.square.left, self.square.left + self.square.side)
        )
        rows, columns = max(1, bottom - top), max(1, right - left)
        shrunk = resized(maps, rows, columns)
        inside = np.s_[max(0, -top) : max(0, grid[0] - top), max(0, -left) : max(0, grid[1] - left)]
        where = np.s_[max(0, top) : max(0, top + rows), max(0, left) : max(0, left + columns)]
        return where, shrunk[inside]


def _scaled(place: float, pixels: int, places: int) -> int:
    return round(place * places / pixels)


def _load(model: str, threads: int) -> Graph:
    """A network that gives odds, by the name of a shipped model or by its path.

    Raises:
        CheckpointError: There is no such model, or it cannot be run.
        ConfigError: It gives no odds of chroma.
    """
    graph = Graph(Path(model) if model.endswith(".onnx") else shipped_model(model).graph, threads)
    if graph.recipe["output"] != "odds":
        raise ConfigError(f"{model}: gives colors without odds; 'photochrom models' lists what colors photos")
    return graph


def _photo(source: Path | str | bytes | Image.Image | Photo) -> Photo:
    if isinstance(source, Photo):
        return source
    if isinstance(source, Image.Image):
        return photo_from_image(source)
    return read_photo(source if isinstance(source, bytes) else Path(source))


def _eight_bits(luma: Pixels) -> npt.NDArray[np.uint8]:
    if luma.dtype == np.uint8:
        return luma.astype(np.uint8, copy=False)
    return (luma // 257).astype(np.uint8)


def _grid(luma: Pixels) -> FloatMap:
    """The photo's luma on the grid on which chroma follows it."""
    height, width = luma.shape
    share = min(1.0, (_GRID_PIXELS / (height * width)) ** 0.5)
    return signed_luma(_area_mean(luma, max(1, round(height * share)), max(1, round(width * share))))


def _shrunk(luma: Pixels) -> FloatMap:
    """The photo as the network for whole photos sees it: no taller or wider than it is, but for what makes 4 divide it.

    A photo that is smaller than what the network learnt from is enlarged.
    """
    height, width = luma.shape
    share = max(_WORKING_SIDE / (height * width) ** 0.5, _SHORTEST_SIDE / min(height, width))
    rows, columns = (max(1, round(side * share / 4)) * 4 for side in (height, width))
    return signed_luma(_area_mean(luma, rows, columns))


def _area_mean(luma: Pixels, rows: int, columns: int) -> Pixels:
    shrinks = rows < luma.shape[0] or columns < luma.shape[1]
    resized: Pixels = cv2.resize(luma, (columns, rows), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return resized


def _as_map(chroma: ChromaBatch) -> FloatMap:
    """Chroma with its channels last, as OpenCV has them."""
    return np.ascontiguousarray(chroma.transpose(1, 2, 0), dtype=np.float32)


def _readings(odds: AnyArray, read_out: str, count: int) -> list[tuple[AnyArray, AnyArray]]:
    """Guesses and how likely each is: the best one by the read-out, others where the odds leave room.

    Args:
        odds: Shape (batch, 2, bins, rows, columns).
        read_out: A key of `photochrom.chroma.READ_OUTS`.
        count: How many.

    Returns:
        `count` times chroma, shape (batch, 2, rows, columns), and chances, shape (batch, 1, rows, columns).
    """
    guesses = [read_chroma(odds, read_out), *variant_chroma(odds, count)[1:]]
    return [(guess, chance_within(odds, guess)) for guess in guesses]


def _face_weights() -> FloatMap:
    """How much a face's own colors count in its square: all within a round shape, nothing at the edges."""
    places = np.abs((np.arange(_FACE_SIDE, dtype=np.float32) + 0.5) / _FACE_SIDE * 2.0 - 1.0)
    distance = (places[:, None] ** 4 + places[None, :] ** 4) ** 0.25
    share = (_FACE_WEIGHTS_NONE - distance) / (_FACE_WEIGHTS_NONE - _FACE_WEIGHTS_FULL)
    clipped = share.clip(0.0, 1.0)
    weights: FloatMap = (clipped * clipped * (3.0 - 2.0 * clipped)).astype(np.float32)
    return weights
