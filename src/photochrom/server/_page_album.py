"""What the page keeps of a visit: the photos, what was chosen for each, and the last results of the networks."""

import secrets
import shutil
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from PIL import Image, ImageDraw

from photochrom.coloring import Hint, Result
from photochrom.photo import encode_photo

__all__ = [
    "GUESS_NAMES",
    "Album",
    "Choices",
    "Guesser",
    "Memory",
    "Shot",
    "certainty",
    "gray_image",
    "marked",
    "outlined",
    "shrunk",
]

GUESS_NAMES = ("Likeliest", "Warmer", "Cooler", "Rosier")
"""What the first variants of `photochrom.coloring.distribution.variant_chroma` look like."""

_MEMORY_BYTES = 600_000_000
"""Of results that are kept for all visits together; one photo of any size takes at most some 120 MB with its guesses,
for a guess lies on a grid of at most a million places."""

_PNG_MEGAPIXELS = 0.3
"""Smaller pictures are shown without loss; PNG of larger ones would be slow to write and to load."""

_JPEG_QUALITY = 95


class Guesser(Protocol):
    """What guesses colors for the page."""

    @property
    def models(self) -> Sequence[str]:
        """The names of the models to choose from, the usual one first."""

    def guesses(self, source: Path, model: str, count: int) -> list[Result]:
        """Several guesses for a photo, also for one that is in color already.

        Args:
            source: Its file.
            model: One of `models`.
            count: How many guesses.

        Raises:
            PhotochromError: It cannot be read or colored.
        """


@dataclass(frozen=True)
class Choices:
    """What a visitor chose for a photo.

    Attributes:
        model: Which network guesses.
        guess: Which of its guesses, from 0.
        strength: As `photochrom.coloring.Look` has it.
        vividness: Likewise.
        hints: Likewise.
        undone: Hints that were taken back, the latest last.
    """

    model: str
    guess: int = 0
    strength: float = 1.0
    vividness: float = 1.0
    hints: tuple[Hint, ...] = ()
    undone: tuple[Hint, ...] = ()

    def with_hint(self, hint: Hint) -> "Choices":
        """With one more hint; what was undone is forgotten."""
        return replace(self, hints=(*self.hints, hint), undone=())

    def undo(self) -> "Choices":
        """Without the last hint."""
        return replace(self, hints=self.hints[:-1], undone=(*self.undone, *self.hints[-1:]))

    def redo(self) -> "Choices":
        """With the hint back that was undone last."""
        return replace(self, hints=(*self.hints, *self.undone[-1:]), undone=self.undone[:-1])

    def clear(self) -> "Choices":
        """Without hints; redoing brings them back, one by one."""
        return replace(self, hints=(), undone=(*self.undone, *reversed(self.hints)))


@dataclass
class Shot:
    """A photo on the page.

    Attributes:
        source: Its file.
        choices: What the visitor chose.
        thumbnail: A small picture of it; None while there is none.
        is_left_alone: Whether it came in color, and nobody asked to color it anew.
    """

    source: Path
    choices: Choices
    thumbnail: Path | None = None
    is_left_alone: bool = False


@dataclass
class Album:
    """The photos of one visit.

    Attributes:
        sources: A private folder for the photos as they came, which is never served.
        served: A private folder for what the browser may fetch.
        shots: The photos.
        opened: Which of them is looked at.
        has_outlines: Whether faces are outlined.
        before: The picture of the opened photo in gray; None until it is shown.
    """

    sources: Path
    served: Path
    shots: list[Shot] = field(default_factory=list)
    opened: int = 0
    has_outlines: bool = False
    before: Path | None = None

    @classmethod
    def begin(cls, sources: Path, served: Path) -> "Album":
        """An album in new folders within the given ones."""
        token = secrets.token_urlsafe(16)
        album = cls(sources / token, served / token)
        for folder in (album.sources, album.served):
            folder.mkdir(mode=0o700, parents=True)
        return album

    def __deepcopy__(self, _: object) -> "Album":
        return self  # the folders are its own: a copy would delete them too

    @property
    def shot(self) -> Shot:
        """The photo that is looked at."""
        return self.shots[self.opened]

    def take(self, upload: Path, model: str) -> Shot:
        """A photo whose file is moved out of reach of the browser.

        Args:
            upload: The file.
            model: What shall color it.
        """
        folder = self.sources / secrets.token_urlsafe(6)
        folder.mkdir()
        return Shot(Path(shutil.move(upload, folder / upload.name)), Choices(model))

    def place(self, kind: str, name: str) -> Path:
        """Where to write a file that the browser may fetch, in place of earlier ones of its kind.

        Args:
            kind: What it is; the last one is kept, for it may still be on its way.
            name: How it is called.
        """
        folder = self.served / kind
        folder.mkdir(exist_ok=True)
        for old in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)[:-1]:
            shutil.rmtree(old, ignore_errors=True)
        path = folder / secrets.token_urlsafe(6) / name
        path.parent.mkdir()
        return path

    def show(self, kind: str, image: Image.Image) -> Path:
        """Write a picture that the browser may fetch, in place of earlier ones of its kind.

        Small ones are PNG, larger ones JPEG, in which Gradio's own conversion would lose more.
        """
        is_small = image.width * image.height <= _PNG_MEGAPIXELS * 1e6
        path = self.place(kind, "photo.png" if is_small else "photo.jpg")
        if is_small:
            image.save(path, "PNG", compress_level=1)
        else:
            image.save(path, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
        return path

    def close(self) -> None:
        """Delete all files."""
        shutil.rmtree(self.sources, ignore_errors=True)
        shutil.rmtree(self.served, ignore_errors=True)


class Memory:
    """The last results of the networks: another look at them costs no network, and their memory is bounded."""

    def __init__(self, guesser: Guesser) -> None:
        """Begin with nothing.

        Args:
            guesser: Asked for what is not remembered.
        """
        self._guesser = guesser
        self._results: OrderedDict[tuple[Path, str], list[Result]] = OrderedDict()
        self._lock = threading.Lock()

    def results(self, shot: Shot, count: int) -> list[Result]:
        """At least so many guesses of a photo, by the model that was chosen for it.

        Raises:
            PhotochromError: It cannot be read or colored.
        """
        key = (shot.source, shot.choices.model)
        known = self._recall(key, count)
        if known is None:
            known = self._guesser.guesses(shot.source, shot.choices.model, count)
            self._remember(key, known)
        return known

    def chosen(self, shot: Shot) -> Result:
        """A photo as the visitor chose it."""
        choices = shot.choices
        results = self.results(shot, choices.guess + 1)
        # Remembered with its hints, which take longest: a slider that is moved then leaves them as they are.
        results[choices.guess] = results[choices.guess].adjusted(hints=choices.hints)
        return results[choices.guess].adjusted(strength=choices.strength, vividness=choices.vividness)

    def file(self, shot: Shot) -> tuple[str, bytes]:
        """The colored photo as a file like the one that came, with all that it tells about itself: name and content.

        Raises:
            PhotochromError: It cannot be colored or written.
        """
        result = self.chosen(shot)
        return f"{shot.source.stem}-color{result.photo.suffix}", encode_photo(result.rgb, result.photo)

    def _recall(self, key: tuple[Path, str], count: int) -> list[Result] | None:
        with self._lock:
            known = self._results.get(key)
            if known is None or len(known) < count:
                return None
            self._results.move_to_end(key)
            return known

    def _remember(self, key: tuple[Path, str], results: list[Result]) -> None:
        with self._lock:
            self._results[key] = results
            self._results.move_to_end(key)
            while len(self._results) > 1 and sum(map(_bytes_of, self._results.values())) > _MEMORY_BYTES:
                self._results.popitem(last=False)

    def forget(self, album: Album) -> None:
        """Drop what is remembered of an album."""
        with self._lock:
            for key in [key for key in self._results if album.sources in key[0].parents]:
                del self._results[key]


def _bytes_of(results: list[Result]) -> int:
    guesses = [result.guess for result in results]
    fields = sum(guess.field.coefficients.nbytes + guess.confidence.nbytes for guess in guesses)
    return int(results[0].photo.luma.nbytes + guesses[0].luma.nbytes + fields)


def shrunk(result: Result, megapixels: float) -> Result:
    """A smaller copy of a result, its hints at the same places; itself if it is not larger.

    Faces stay in pixels of the large one, which `outlined` wants.

    Args:
        result: What to show.
        megapixels: How large it may be.
    """
    width, height = result.photo.size
    share = (megapixels * 1e6 / (width * height)) ** 0.5
    if share >= 1.0:
        return result
    size = (max(1, round(width * share)), max(1, round(height * share)))
    small: Any = cv2.resize(result.photo.luma, size, interpolation=cv2.INTER_AREA)
    across, down = size[0] / width, size[1] / height
    hints = tuple(replace(hint, x=hint.x * across, y=hint.y * down) for hint in result.look.hints)
    return replace(result, photo=replace(result.photo, luma=small, alpha=None)).adjusted(hints=hints)


def outlined(image: Image.Image, result: Result) -> Image.Image:
    """A picture of a result, of any size, with a frame around each face."""
    framed = image.convert("RGB")
    share = image.width / result.photo.size[0]
    thickness = max(1, round(min(image.size) / 350))
    draw = ImageDraw.Draw(framed)
    for face in result.faces:
        left, top, right, bottom = (
            side * share
            for side in (
                face.box.left,
                face.box.top,
                face.box.left + face.box.width,
                face.box.top + face.box.height,
            )
        )
        for width, color in ((2 * thickness, "black"), (thickness, "white")):  # seen on light and on dark
            draw.rounded_rectangle((left, top, right, bottom), radius=8 * thickness, outline=color, width=width)
    return framed


def marked(image: Image.Image, result: Result) -> Image.Image:
    """A picture of a result, of any size, with a dot at each hint."""
    dotted = image.convert("RGB")
    share = image.width / result.photo.size[0]
    radius = max(5.0, min(image.size) / 60)
    draw = ImageDraw.Draw(dotted)
    for hint in result.look.hints:
        center = (hint.x * share, hint.y * share)
        draw.circle(center, radius + 2, fill="black")
        draw.circle(center, radius, fill=hint.color, outline="white", width=max(2, round(radius / 4)))
    return dotted


def certainty(result: Result) -> Image.Image:
    """How sure a result is: from dark blue, a mere guess, to yellow, nearly certain, over the photo's own shades."""
    colors = cv2.cvtColor(cv2.applyColorMap(result.confidence, cv2.COLORMAP_CIVIDIS), cv2.COLOR_BGR2RGB)
    gray = np.asarray(gray_image(result))[..., None]
    return Image.fromarray((0.7 * colors + 0.3 * gray).astype(np.uint8))


def gray_image(result: Result) -> Image.Image:
    """The photo before it was colored."""
    luma = result.photo.luma
    return Image.fromarray(luma if luma.dtype == np.uint8 else (luma // 257).astype(np.uint8))
