"""Colors a photo: one network for the whole photo, another one for each face."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from photochrom.coloring._chroma_field import FloatMap, Pixels, render, signed_luma
from photochrom.coloring._faces import Face, FaceDetector, Framing, frame, moved, turned_back
from photochrom.coloring._guess import Canvas, Guess, Patch
from photochrom.coloring._hints import HintLayer, hint_layer, require_inside
from photochrom.coloring._memory import release_freed_memory
from photochrom.coloring._options import Hint, Look
from photochrom.coloring._yunet import YuNet
from photochrom.coloring.decoding import as_observed, of_bins, probability_within, variant_chroma
from photochrom.coloring.distribution import require_variants
from photochrom.coloring.network import Network, require_probabilities
from photochrom.coloring.resampling import resized
from photochrom.errors import InColorError, PhotoError
from photochrom.photo import Photo, photo_from_image, read_photo, to_8_bits, write_photo
from photochrom.shipped import DEFAULT_MODEL, network_file
from photochrom.tensors import AnyArray, GrayBatch

__all__ = ["SHORTEST_SIDE", "Colorizer", "Result"]

SHORTEST_SIDE = 256
"""Shorter side, in pixels, of a photo in the network for whole photos. `scene` was trained at 192 and then at this
size; `scene-open`, trained at 192 alone, is better at it too."""

_LONGEST_SIDE = 2048
"""Maximum longer side of the same: otherwise a photo of 1x3000 pixels would be enlarged to millions of pixels."""

_GRID_PIXELS = 1_000_000
"""Maximum number of cells in the grid on which chroma follows luma; it has no more cells than the photo has pixels."""

_FACE_SIDE = 80
"""Side of the input of the face network, in pixels, as in its training."""

_LARGEST_FACE = 2.0
"""Maximum side of a face's square as a multiple of the photo's longer side; larger ones are false detections."""

_PARTS_AT_ONCE = 8

_SEARCH_SIDE = 640
"""Longer side, in pixels, of the photo in which faces that lie on their side are looked for."""

_SURE_SCORE = 0.8
"""Score of a face for which a photo is turned. Of 88 photos in which no upright face is found, one holds such a face
when it is turned, perhaps that of an acrobat."""

_DECODING = "mean"
"""Decoding for faces, and for the whole photo unless its network names another one. It has the least chroma error."""


@dataclass(frozen=True, eq=False)
class Result:
    """A photo, a guess of its colors, and its look.

    Attributes:
        photo: The photo as it was read.
        faces: The faces that were found.
        guess: The colors that the networks guess.
        layer: The colors of the look's hints; None if there are none.
        turns: The number of quarter turns counterclockwise that make people in the photo upright.
    """

    photo: Photo
    faces: tuple[Face, ...]
    guess: Guess
    look: Look
    layer: HintLayer | None = None
    turns: int = 0

    def adjusted(
        self, *, strength: float | None = None, vividness: float | None = None, hints: Sequence[Hint] | None = None
    ) -> "Result":
        """The same guess with another look; the networks do not run again.

        Args:
            strength: See `Look`; unchanged if None.
            vividness: See `Look`; unchanged if None.
            hints: See `Look`; unchanged if None.

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
        """The colored photo, upright; shape (height, width, 3), of the type of its luma: uint8 or uint16."""
        look, guess, luma = self.look, self.guess, self.photo.luma
        field = guess.field.scaled(look.strength * look.vividness)
        return render(self.layer.upon(field) if self.layer else field, luma)

    @property
    def image(self) -> Image.Image:
        """The colored photo, upright, as a Pillow image of 8 bits."""
        return Image.fromarray(to_8_bits(self.rgb))

    @property
    def confidence(self) -> npt.NDArray[np.uint8]:
        """The confidence of the networks, upright, 255 for certainty; shape (height, width)."""
        levels = np.rint(self.guess.confidence.clip(0.0, 1.0) * 255.0).astype(np.uint8)
        return resized(levels, *self.photo.luma.shape)

    def save(self, path: Path | str, *, overwrite: bool = False) -> None:
        """Write the colored photo with the metadata of the original; a failure leaves no partial file.

        Args:
            path: The file to write.
            overwrite: Whether to replace an existing file; the photo's own is never replaced.

        Raises:
            PhotoError: The file exists, the format cannot be written, or writing fails.
        """
        write_photo(self.rgb, self.photo, Path(path), overwrite=overwrite)


class Colorizer:
    """Colors photos without a deep-learning framework; loads its networks once.

    Attributes:
        remark: One line about what the networks run on; empty if that is the CPU, as was wanted.
    """

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        face_model: str | None = "face",
        detector: FaceDetector | None = None,
        threads: int = 1,
        provider: str = "cpu",
    ) -> None:
        """Load the networks.

        Args:
            model: For the whole photo: a shipped model, or the path of an ONNX file that `photochrom export` wrote.
            face_model: The same for faces; None if faces are not searched.
            detector: Finds faces; YuNet if None.
            threads: Maximum number of cores for a photo.
            provider: What the networks run on: `cpu`, `cuda`, `directml`, `openvino` or `coreml`, which falls back to
                the CPU; or `auto` for what is installed. Results differ from the CPU's by a level at most.

        Raises:
            CheckpointError: The model does not exist, or cannot be run.
            ConfigError: The model does not give probabilities of chroma, or there is no such provider.
        """
        self._whole = _load(model, threads, provider)
        self._faces = None if face_model is None else _load(face_model, threads, provider)
        self.remark = self._whole.remark
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
            vividness: Factor on the vividness of the guess.
            hints: Colors that are known.
            force: Whether to color again a photo that is in color already.

        Raises:
            PhotoError: The photo cannot be read.
            InColorError: The photo is in color already, and `force` is not set.
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
        """Color a photo in several ways: the best guess first, then warmer, cooler, rosier and other ones.

        Args:
            count: From 1 to `MAX_VARIANTS` of `photochrom.coloring.distribution`; the rest as for `colorize`.

        Raises:
            PhotoError: The photo cannot be read.
            InColorError: The photo is in color already, and `force` is not set.
            ConfigError: A value is out of range, or a hint lies outside the photo.
        """
        require_variants(count)
        look = Look(strength, vividness, tuple(hints))
        photo = _photo(source)
        require_inside(look.hints, photo.luma.shape)
        if photo.coloring == "color" and not force:
            raise InColorError("it is in color already; use force to color it again from its luma")
        luma, faces, turns = self._upright(_there(photo))
        canvases = self._whole_photo(luma, count)
        if self._faces is not None:
            squares = [square for square in map(frame, faces) if _is_in_photo(square, luma.shape)]
            _lay_parts(canvases, self._faces, [Patch.cut(luma, square, _FACE_SIDE) for square in squares])
        guesses = [_of_all(photo, canvas.guess().turned(-turns)) for canvas in canvases]
        del canvases
        found = tuple(_found(photo, face, turns) for face in faces)
        layer = hint_layer(guesses[0].luma, look.hints, photo.luma.shape)
        results = [Result(photo, found, guess, look, layer, turns) for guess in guesses]
        release_freed_memory()  # before a picture is made at full size
        return results

    def _upright(self, luma: Pixels) -> tuple[Pixels, list[Face], int]:
        """The photo turned so that people stand upright, the faces in it, and the quarter turns that it took.

        Scans of prints often lie on their side. Without a face, nothing tells so, and the photo stays as it is.
        """
        if self._faces is None:
            return luma, [], 0
        faces = self._detector.detect(to_8_bits(luma))
        if not faces and (turns := self._turns_to_a_face(luma)):
            turned = np.ascontiguousarray(np.rot90(luma, turns))
            if faces := self._detector.detect(to_8_bits(turned)):
                return turned, faces, turns
        return luma, faces, 0

    def _turns_to_a_face(self, luma: Pixels) -> int:
        """The quarter turns after which a face is found for sure; 0 if there are none."""
        share = min(1.0, _SEARCH_SIDE / max(luma.shape))
        small = to_8_bits(resized(luma, *(max(1, round(side * share)) for side in luma.shape)))
        found = {turns: self._detector.detect(np.ascontiguousarray(np.rot90(small, turns))) for turns in (1, 3, 2)}
        scores = {turns: max((face.score for face in faces), default=0.0) for turns, faces in found.items()}
        best = max(scores, key=lambda turns: scores[turns])
        return best if scores[best] >= _SURE_SCORE else 0

    def _whole_photo(self, luma: Pixels, count: int) -> list[Canvas]:
        """The guesses of the network for whole photos."""
        grid = _grid(luma)
        network = self._whole
        guesses = _guesses(network, _shrunk(luma)[None, None], network.metadata.decoding or _DECODING, count)
        return [Canvas(grid, chroma[0], sure[0]) for chroma, sure in guesses]


def _lay_parts(canvases: Sequence[Canvas], network: Network, patches: Sequence[Patch]) -> None:
    """Lay the guesses of a network for parts of the photo on the canvases, one guess on each."""
    for start in range(0, len(patches), _PARTS_AT_ONCE):
        chosen = patches[start : start + _PARTS_AT_ONCE]
        guesses = _guesses(network, np.stack([patch.gray for patch in chosen])[:, None], _DECODING, len(canvases))
        for canvas, (chroma, sure) in zip(canvases, guesses, strict=True):
            for patch, own_chroma, own_sure in zip(chosen, chroma, sure, strict=True):
                canvas.lay(patch, own_chroma, own_sure)


def _is_in_photo(square: Framing, size: tuple[int, int]) -> bool:
    """Whether a square overlaps the photo and is not as absurdly large as a false detection."""
    (left, top, side), (height, width) = square, size
    return -side < left < width and -side < top < height and side <= _LARGEST_FACE * max(size)


def _load(model: str, threads: int, provider: str) -> Network:
    """Load a network by the name of a shipped model or by its path.

    Raises:
        CheckpointError: The model does not exist, colors no photos, or cannot be run.
        ConfigError: The model does not give probabilities of chroma.
    """
    network = Network(network_file(model), threads, provider)
    require_probabilities(network.metadata, model)
    return network


def _photo(source: Path | str | bytes | Image.Image | Photo) -> Photo:
    if isinstance(source, Photo):
        return source
    if isinstance(source, Image.Image):
        return photo_from_image(source)
    if isinstance(source, bytes):
        return read_photo(source)
    try:
        return read_photo(Path(source))
    except PhotoError as error:
        error.add_note(f"photo: {source}")  # a traceback shows it; the text leaves that to whoever shows the text
        raise


def _there(photo: Photo) -> Pixels:
    """The luma of what is there of a photo: networks would take blank rows of a torn one for a part of the picture."""
    return photo.luma if photo.there is None else np.ascontiguousarray(photo.luma[photo.there])


def _of_all(photo: Photo, guess: Guess) -> Guess:
    """The guess for what is there of a photo as one for all of it, in which blank rows stay gray."""
    return guess if photo.there is None else guess.spread(_grid(photo.luma), photo.there, photo.luma.shape)


def _found(photo: Photo, face: Face, turns: int) -> Face:
    """A face that was found in what is there of a photo, after quarter turns, where it lies in the photo itself."""
    if photo.there is None:
        return turned_back(face, turns, photo.luma.shape)
    (top, *_), (left, *_) = (part.indices(side) for part, side in zip(photo.there, photo.luma.shape, strict=True))
    return moved(turned_back(face, turns, photo.luma[photo.there].shape), left, top)


def _grid(luma: Pixels) -> FloatMap:
    """The photo's luma on the grid on which chroma follows luma."""
    height, width = luma.shape
    share = min(1.0, (_GRID_PIXELS / (height * width)) ** 0.5)
    return signed_luma(resized(luma, max(1, round(height * share)), max(1, round(width * share))))


def _shrunk(luma: Pixels) -> FloatMap:
    """The input of the network for whole photos: about as large as in its training, with sides divisible by 4.

    The aspect ratio is kept; smaller photos are enlarged.
    """
    height, width = luma.shape
    share = min(SHORTEST_SIDE / min(height, width), _LONGEST_SIDE / max(height, width))
    rows, columns = (max(1, round(side * share / 4)) * 4 for side in (height, width))
    return signed_luma(resized(luma, rows, columns))


def _guesses(network: Network, gray: GrayBatch, decoding: str, count: int) -> list[tuple[AnyArray, AnyArray]]:
    """Guesses and their confidence: the best one by the decoding, then others within what is probable.

    Args:
        gray: The network's input; shape (batch, 1, height, width), signed.
        decoding: A key of `photochrom.coloring.decoding.DECODINGS`, or another one that the network has.
        count: Number of guesses.

    Returns:
        `count` pairs of chroma, shape (batch, 2, rows, columns), and its confidence, shape (batch, 1, rows, columns).
    """
    probabilities, metadata = network.run(gray), network.metadata
    guesses = variant_chroma(probabilities, decoding, count)
    bins = of_bins(probabilities)  # once for all guesses
    stated = [probability_within(bins, guess) for guess in guesses]
    sure = [as_observed(one, metadata.steepness, metadata.modesty) for one in stated]
    return list(zip(guesses, sure, strict=True))
