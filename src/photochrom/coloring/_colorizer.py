"""A photo in, the same photo in color: the portrait network for the whole, the face network for every face."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from photochrom.coloring._chroma_field import FloatMap, Pixels, render, signed_luma
from photochrom.coloring._faces import Face, FaceDetector, Framing, frame
from photochrom.coloring._guess import Canvas, Guess, Patch
from photochrom.coloring._hints import HintLayer, hint_layer, require_inside
from photochrom.coloring._memory import release_freed_memory
from photochrom.coloring._options import Hint, Look
from photochrom.coloring._yunet import YuNet
from photochrom.coloring.distribution import MAX_VARIANTS, decode_chroma, probability_within, variant_chroma
from photochrom.coloring.network import Network
from photochrom.coloring.resampling import resized
from photochrom.errors import ConfigError, InColorError
from photochrom.photo import Photo, photo_from_image, read_photo, to_8_bits, write_photo
from photochrom.shipped import DEFAULT_MODEL, network_file
from photochrom.tensors import AnyArray

__all__ = ["Colorizer", "Result"]

_WORKING_SIDE = 176
"""Side of a square of as many pixels as the whole photo is shrunk to for the network, which learnt from 160x160."""

_SHORTEST_SIDE = 128
"""Of the shrunk photo: a panorama may get more pixels, for the network must still see what is in it."""

_LONGEST_SIDE = 4096
"""Of the shrunk photo, whatever the rule above asks for: one of 1x3000 pixels would get twelve million."""

_GRID_PIXELS = 1_000_000
"""At most so many places has the grid on which chroma follows luma; a photo has as many at most as it has pixels."""

_FACE_SIDE = 80
"""Pixels of a face as its network learnt them."""

_BUST_SIDE = 160
"""Pixels of head and shoulders, which the network for whole photos knows best: so large its training showed them."""

_BUST_SHARE = 2.2
"""Side of the square around head and shoulders, as a multiple of that around the face."""

_BUST_ABOVE = 0.42
"""Share of that square that lies above the middle of the face."""

_LONG = 1.6
"""Longer side of a photo by its shorter one, from which on each person in it gets a look at the square around."""

_WINDOW_FULL = 0.92
"""Share of the way to the edge of that square within which its colors hold: it shows all that a square photo would."""

_LARGEST_PART = 0.6
"""Of the photo's area: head and shoulders that take more of it are seen well enough with the whole."""

_LARGEST_FACE = 2.0
"""Side of a face's square as a multiple of the photo's longer side; no detector is right about a larger one."""

_PARTS_AT_ONCE = 8


@dataclass(frozen=True, eq=False)
class Result:
    """A photo, a guess of its colors, and how it shall look.

    Attributes:
        photo: As it was read.
        faces: Where faces were found.
        guess: What the networks say.
        look: How strong and vivid it is, and what the user knows better.
        layer: What the look's hints give; None if there are none.
    """

    photo: Photo
    faces: tuple[Face, ...]
    guess: Guess
    look: Look
    layer: HintLayer | None = None

    def adjusted(
        self, *, strength: float | None = None, vividness: float | None = None, hints: Sequence[Hint] | None = None
    ) -> "Result":
        """The same guess with another look, at the cost of no network.

        Args:
            strength: As in `Look`; the present one if not given.
            vividness: Likewise.
            hints: Likewise.

        Raises:
            ConfigError: A value is out of range, or a hint lies outside the photo.
        """
        old = self.look
        look = Look(
            old.strength if strength is None else strength,
            old.vividness if vividness is None else vividness,
            old.hints if hints is None else tuple(hints),
        )
        if look.hints == old.hints:
            return replace(self, look=look)
        size = self.photo.luma.shape
        require_inside(look.hints, size)
        return replace(self, look=look, layer=hint_layer(self.guess.luma, look.hints, size))

    @cached_property
    def rgb(self) -> Pixels:
        """The colored photo, upright; shape (height, width, 3), uint8 or uint16 as its luma."""
        look, guess, luma = self.look, self.guess, self.photo.luma
        field = guess.field.scaled(look.strength * look.vividness)
        return render(self.layer.upon(field) if self.layer else field, luma)

    @property
    def image(self) -> Image.Image:
        """The colored photo, upright, as a Pillow image of 8 bits."""
        return Image.fromarray(_eight_bits(self.rgb))

    @property
    def confidence(self) -> npt.NDArray[np.uint8]:
        """How sure the networks are, upright, 255 for certainty; shape (height, width)."""
        levels = np.rint(self.guess.confidence.clip(0.0, 1.0) * 255.0).astype(np.uint8)
        return resized(levels, *self.photo.luma.shape)

    def save(self, path: Path | str, *, overwrite: bool = False) -> None:
        """Write the colored photo with all that came with it, whole or not at all.

        Args:
            path: Where it goes.
            overwrite: Whether a file that is there may be replaced.

        Raises:
            PhotoError: There is such a file, this kind of photo cannot be written, or the disk does not take it.
        """
        write_photo(self.rgb, self.photo, Path(path), overwrite=overwrite)


class Colorizer:
    """Colors photos on the CPU, without a deep-learning framework; loads its networks once."""

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        face_model: str | None = "face",
        detector: FaceDetector | None = None,
        threads: int = 1,
    ) -> None:
        """Load the networks.

        Args:
            model: For the whole photo: a shipped model, or the path of an ONNX file that `photochrom export` wrote.
            face_model: For faces, likewise; None if faces shall not be looked for.
            detector: Finds faces; YuNet if not given.
            threads: How many cores a photo may take.

        Raises:
            CheckpointError: There is no such model, or it cannot be run.
            ConfigError: The model gives no probabilities of chroma.
        """
        self._whole = _load(model, threads)
        self._faces = None if face_model is None else _load(face_model, threads)
        self._detector = YuNet(threads=threads) if detector is None else detector

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
            PhotoError: The photo cannot be read.
            InColorError: It is in color already.
            ConfigError: A value is out of range, or a hint lies outside the photo.
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
            count: From 1 to `MAX_VARIANTS` of `photochrom.coloring.distribution`; the rest as for `colorize`.

        Raises:
            PhotoError: The photo cannot be read.
            InColorError: It is in color already.
            ConfigError: A value is out of range, or a hint lies outside the photo.
        """
        if not 1 <= count <= MAX_VARIANTS:
            raise ConfigError(f"there can be 1 to {MAX_VARIANTS} variants, not {count}")
        look = Look(strength, vividness, tuple(hints))
        photo = _photo(source)
        require_inside(look.hints, photo.luma.shape)
        if photo.coloring == "color" and not force:
            raise InColorError("it is in color already; force colors it anew from its luma")
        faces = tuple(self._detector.detect(_eight_bits(photo.luma))) if self._faces else ()
        canvases = self._whole_photo(photo.luma, count)
        for network, decoding, patches in self._closer_looks(photo.luma, faces):
            _lay_parts(canvases, network, decoding, patches)
        layer = hint_layer(canvases[0].luma, look.hints, photo.luma.shape)
        results = [Result(photo, faces, canvas.guess(), look, layer) for canvas in canvases]
        del canvases
        release_freed_memory()  # before a picture of full size is made
        return results

    def _closer_looks(self, luma: Pixels, faces: Sequence[Face]) -> Iterator[tuple[Network, str, list[Patch]]]:
        """Parts looked at by themselves, each kind laid upon the one before: network, decoding and parts."""
        if self._faces is None:
            return
        squares = [square for square in map(frame, faces) if _is_in_photo(square, luma.shape)]
        windows = _windows(squares, luma.shape)
        yield self._whole, "cautious", [Patch.cut(luma, window, _WORKING_SIDE, _WINDOW_FULL) for window in windows]
        busts = [_bust(square, luma.shape) for square in squares if _is_small(square, luma.shape)]
        yield self._whole, "cautious", [Patch.cut(luma, bust, _BUST_SIDE) for bust in busts]
        yield self._faces, "natural", [Patch.cut(luma, square, _FACE_SIDE) for square in squares]

    def _whole_photo(self, luma: Pixels, count: int) -> list[Canvas]:
        """What the network for whole photos says, in several ways."""
        grid = _grid(luma)
        probabilities = self._whole.run(_shrunk(luma)[None, None])
        return [Canvas(grid, chroma[0], sure[0]) for chroma, sure in _readings(probabilities, "cautious", count)]


def _lay_parts(canvases: Sequence[Canvas], network: Network, decoding: str, patches: Sequence[Patch]) -> None:
    """Lay upon each canvas what a network says of parts of the photo."""
    for start in range(0, len(patches), _PARTS_AT_ONCE):
        chosen = patches[start : start + _PARTS_AT_ONCE]
        probabilities = network.run(np.stack([patch.gray for patch in chosen])[:, None])
        for canvas, (chroma, sure) in zip(canvases, _readings(probabilities, decoding, len(canvases)), strict=True):
            for patch, own_chroma, own_sure in zip(chosen, chroma, sure, strict=True):
                canvas.lay(patch, own_chroma, own_sure)


def _is_in_photo(square: Framing, size: tuple[int, int]) -> bool:
    """Whether the photo shows a part of a square that is not absurdly large, as that of a false find may be."""
    (left, top, side), (height, width) = square, size
    return -side < left < width and -side < top < height and side <= _LARGEST_FACE * max(size)


def _windows(faces: Sequence[Framing], size: tuple[int, int]) -> list[Framing]:
    """In a long photo, the squares as wide as it that show each person as a photo of them alone would."""
    side = float(min(size))
    windows: list[Framing] = []
    if max(size) < _LONG * side:
        return windows
    for face in sorted(faces, key=lambda square: square.side, reverse=True):
        left = _moved_inside(face.left + face.side / 2 - side / 2, side, size[1])
        top = _moved_inside(face.top + face.side / 2 - side / 2, side, size[0])
        if all(abs(left - other.left) + abs(top - other.top) > side / 2 for other in windows):
            windows.append(Framing(left, top, side))
    return windows


def _bust(face: Framing, size: tuple[int, int]) -> Framing:
    """The square around head and shoulders, moved into the photo as far as it goes."""
    side = _BUST_SHARE * face.side
    left = face.left + face.side / 2 - side / 2
    top = face.top + face.side / 2 - side * _BUST_ABOVE
    return Framing(_moved_inside(left, side, size[1]), _moved_inside(top, side, size[0]), side)


def _moved_inside(start: float, extent: float, limit: int) -> float:
    if extent > limit:  # it shows as much beyond one edge as beyond the other
        return (limit - extent) / 2
    return max(0.0, min(start, limit - extent))


def _is_small(face: Framing, size: tuple[int, int]) -> bool:
    """Whether head and shoulders are but a part of the photo, so that a closer look is worth its time."""
    return (_BUST_SHARE * face.side) ** 2 < _LARGEST_PART * size[0] * size[1]


def _load(model: str, threads: int) -> Network:
    """A network that gives probabilities, by the name of a shipped model or by its path.

    Raises:
        CheckpointError: There is no such model, or it cannot be run.
        ConfigError: It gives no probabilities of chroma.
    """
    path = network_file(model)
    if not model.endswith(".onnx") and not path.is_file():
        raise ConfigError(f"{model}: is for the study alone and colors no photos; 'photochrom models' lists what does")
    network = Network(path, threads)
    if network.metadata.output != "probabilities":
        raise ConfigError(f"{model}: gives colors without probabilities; 'photochrom models' lists what colors photos")
    return network


def _photo(source: Path | str | bytes | Image.Image | Photo) -> Photo:
    if isinstance(source, Photo):
        return source
    if isinstance(source, Image.Image):
        return photo_from_image(source)
    return read_photo(source if isinstance(source, bytes) else Path(source))


def _eight_bits(levels: Pixels) -> Pixels:
    if levels.dtype == np.uint8:
        return levels.astype(np.uint8, copy=False)
    return to_8_bits(np.asarray(levels, np.uint16))


def _grid(luma: Pixels) -> FloatMap:
    """The photo's luma on the grid on which chroma follows it."""
    height, width = luma.shape
    share = min(1.0, (_GRID_PIXELS / (height * width)) ** 0.5)
    return signed_luma(resized(luma, max(1, round(height * share)), max(1, round(width * share))))


def _shrunk(luma: Pixels) -> FloatMap:
    """The photo as the network for whole photos sees it: about as large as what that learnt from; 4 divides its sides.

    A smaller photo is enlarged; none is squashed.
    """
    height, width = luma.shape
    share = max(_WORKING_SIDE / (height * width) ** 0.5, _SHORTEST_SIDE / min(height, width))
    share = min(share, _LONGEST_SIDE / max(height, width))
    rows, columns = (max(1, round(side * share / 4)) * 4 for side in (height, width))
    return signed_luma(resized(luma, rows, columns))


def _readings(probabilities: AnyArray, decoding: str, count: int) -> list[tuple[AnyArray, AnyArray]]:
    """Guesses and how likely each is: the best by the decoding, then others as far off as the probabilities allow.

    Args:
        probabilities: Shape (batch, 2, bins, rows, columns).
        decoding: A key of `photochrom.coloring.distribution.DECODINGS`.
        count: How many.

    Returns:
        `count` times chroma, shape (batch, 2, rows, columns), and how likely each is, shape (batch, 1, rows, columns).
    """
    best, (median, *others) = decode_chroma(probabilities, decoding), variant_chroma(probabilities, count)
    guesses = [best, *(best + (other - median) for other in others)]
    return [(guess, probability_within(probabilities, guess)) for guess in guesses]
