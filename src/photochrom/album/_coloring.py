"""Coloring one photo into its files, and the process that does so for photo after photo.

Run as a program it reads JSON lines from standard input, first the options and then one job each, and answers each
with a line.
"""

import _thread
import contextlib
import hashlib
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TextIO

import cv2
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from photochrom.album._placing import Extras
from photochrom.coloring import Colorizer, Hint, Look, Result, gray_panel, panel, side_by_side
from photochrom.coloring.distribution import MAX_VARIANTS
from photochrom.errors import ConfigError, PhotochromError
from photochrom.files import written_whole
from photochrom.photo import MAX_MEGAPIXELS, SOFTWARE, Levels, Photo, read_photo, write_photo

__all__ = ["Answer", "ColoringJob", "Options", "Status", "color_photo", "guesses"]

Status = Literal["colored", "done", "in color", "failed"]
"""How it ended: `done` was colored by an earlier call; what was `in color` is left alone."""


@dataclass(frozen=True)
class Options:
    """How photos shall be colored.

    Attributes:
        model: For the whole photo, as `Colorizer` takes it.
        face_model: For faces, likewise.
        strength: From 0, gray, to 1.
        vividness: How many times as vivid as guessed, from 0 to 3.
        hints: Colors that are known.
        variants: How many guesses, from 1 to `photochrom.coloring.distribution.MAX_VARIANTS`.
        compare: Whether to write also the photo in gray beside its guesses.
        confidence: Whether to write also a map of how sure the best guess is: white is sure.
        force: Whether to color anew what is in color already.
        max_megapixels: Larger photos are refused.
    """

    model: str = "portrait"
    face_model: str | None = "face"
    strength: float = 1.0
    vividness: float = 1.0
    hints: tuple[Hint, ...] = ()
    variants: int = 1
    compare: bool = False
    confidence: bool = False
    force: bool = False
    max_megapixels: float = MAX_MEGAPIXELS

    def __post_init__(self) -> None:
        Look(self.strength, self.vividness, self.hints)  # refuses what is out of range
        if not 1 <= self.variants <= MAX_VARIANTS:
            raise ConfigError(f"there can be 1 to {MAX_VARIANTS} variants, not {self.variants}")
        if not self.max_megapixels > 0.0:
            raise ConfigError(f"max_megapixels must be positive, not {self.max_megapixels:g}")

    @property
    def extras(self) -> Extras:
        """Which files a photo gets."""
        return Extras(self.variants, self.compare, self.confidence)

    def as_json(self) -> dict[str, Any]:
        """The options as JSON holds them."""
        return {**asdict(self), "hints": [[hint.x, hint.y, list(hint.color)] for hint in self.hints]}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Options":
        """The options that `as_json` gave."""
        hints = tuple(Hint(x, y, (color[0], color[1], color[2])) for x, y, color in values["hints"])
        return cls(**{**values, "hints": hints})


@dataclass(frozen=True)
class ColoringJob:
    """One photo to color.

    Attributes:
        source: The photo.
        colored: Where each guess goes.
        compare: Where the comparison goes; None if there shall be none.
        confidence: Where the map of confidence goes; likewise.
        overwrite: Whether files that are there may be replaced.
        done_sha256: Of the content that was dealt with before; None if there is none.
        done_status: How that ended: `done` or `in color`.
    """

    source: Path
    colored: tuple[Path, ...]
    compare: Path | None
    confidence: Path | None
    overwrite: bool = False
    done_sha256: str | None = None
    done_status: Status = "done"

    @property
    def outputs(self) -> tuple[Path, ...]:
        """All files."""
        return (*self.colored, *(path for path in (self.compare, self.confidence) if path is not None))

    def as_json(self) -> dict[str, Any]:
        """The job as JSON holds it."""
        return {
            **asdict(self),
            "source": str(self.source),
            "colored": [str(path) for path in self.colored],
            "compare": None if self.compare is None else str(self.compare),
            "confidence": None if self.confidence is None else str(self.confidence),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "ColoringJob":
        """The job that `as_json` gave."""

        def path(name: str) -> Path | None:
            return None if values[name] is None else Path(values[name])

        changes = {
            "source": Path(values["source"]),
            "colored": tuple(map(Path, values["colored"])),
            "compare": path("compare"),
            "confidence": path("confidence"),
        }
        return cls(**{**values, **changes})


@dataclass(frozen=True)
class Answer:
    """How a job ended.

    Attributes:
        status: How.
        sha256: Of the photo's content; None if it could not be read.
        faces: How many were found.
        seconds: How long it took.
        error: Why it failed.
        is_refused: Whether it failed for what lies in its place, before anything was done.
    """

    status: Status
    sha256: str | None = None
    faces: int = 0
    seconds: float = 0.0
    error: str | None = None
    is_refused: bool = False


class _Guesses(Protocol):
    """What a job needs of a `Colorizer`."""

    def variants(
        self,
        source: Photo,
        count: int,
        *,
        strength: float,
        vividness: float,
        hints: Sequence[Hint],
        force: bool,
    ) -> list[Result]: ...


def color_photo(job: ColoringJob, options: Options, colorizer: _Guesses) -> Answer:
    """Color a photo into all of its files, or none; of files that are replaced a failure may leave some old, some new.

    Args:
        job: Which photo, and where to.
        options: How.
        colorizer: Guesses the colors.

    Returns:
        How it ended; failures are told, not raised.
    """
    start = time.perf_counter()
    sha256: str | None = None
    try:
        sha256 = _sha256(job.source) if job.source.is_file() else None
        if sha256 is not None and sha256 == job.done_sha256:
            return Answer(job.done_status, sha256)
        for path in job.outputs:
            if path.exists() and not job.overwrite:
                reason = f"{path} is there already; --overwrite replaces it, --out puts results elsewhere"
                return Answer("failed", sha256, error=reason, is_refused=True)
        photo = read_photo(job.source, options.max_megapixels)
        if photo.coloring == "color" and not options.force:
            return Answer("in color", sha256, seconds=_since(start))
        faces = _color(photo, job, options, colorizer)
    except Exception as error:  # a photo that nobody foresaw must not end the work on all others
        return Answer("failed", sha256, seconds=_since(start), error=_reason(error, job.source))
    return Answer("colored", sha256, faces, _since(start))


def _since(start: float) -> float:
    return round(time.perf_counter() - start, 3)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reason(error: Exception, source: Path) -> str:
    """One line without the photo's name, which is told beside it."""
    if isinstance(error, PhotochromError):
        return str(error).removeprefix(f"{source}: ")
    if isinstance(error, MemoryError):
        return "not enough memory to color this photo; make it smaller, or give --jobs 1"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename and Path(os.fsdecode(error.filename)) != source else ""
        return f"{where}{error.strerror or error}"
    return f"cannot be colored ({type(error).__name__}: {error}); please report this"


def guesses(photo: Photo, options: Options, colorizer: _Guesses) -> list[Result]:
    """The guesses that options ask for.

    Args:
        photo: As it was read.
        options: How; what is written of it is of no matter.
        colorizer: Makes them.

    Raises:
        PhotochromError: It cannot be colored so.
    """
    return colorizer.variants(
        photo,
        options.variants,
        strength=options.strength,
        vividness=options.vividness,
        hints=options.hints,
        force=options.force,
    )


def _color(photo: Photo, job: ColoringJob, options: Options, colorizer: _Guesses) -> int:
    """Color a photo and write its files; gives the number of faces."""
    results = guesses(photo, options, colorizer)
    faces = len(results[0].faces)
    with _all_or_none(job.outputs):
        if job.confidence is not None:
            _write_map(results[0].confidence, job.confidence)
        panels = [gray_panel(photo.luma)] if job.compare is not None else []
        for path in job.colored:
            rgb = results.pop(0).rgb  # a colored photo is large: one at a time is held
            write_photo(rgb, photo, path, overwrite=job.overwrite)
            if job.compare is not None:
                panels.append(panel(rgb))
        if job.compare is not None:
            write_photo(*side_by_side(panels, photo), job.compare, overwrite=job.overwrite)
    return faces


@contextlib.contextmanager
def _all_or_none(outputs: Sequence[Path]) -> Iterator[None]:
    """Take away, if the block fails, the files that were not there before it."""
    new = [path for path in outputs if not path.exists()]
    try:
        yield
    except BaseException:
        for path in new:
            with contextlib.suppress(OSError):
                path.unlink()
        raise


def _write_map(confidence: Levels, path: Path) -> None:
    signature = PngInfo()
    signature.add_text("Software", SOFTWARE.decode())
    with written_whole(path) as aside:
        Image.fromarray(confidence).save(aside, "PNG", pnginfo=signature, compress_level=1)


def _serve(orders: Iterator[str], answers: TextIO) -> None:
    """Answer jobs until there are no more."""

    def answer(values: dict[str, Any]) -> None:
        answers.write(json.dumps(values) + "\n")
        answers.flush()

    first = json.loads(next(orders))
    options, threads = Options.from_json(first["options"]), first["threads"]
    cv2.setNumThreads(threads)
    try:
        colorizer = Colorizer(options.model, face_model=options.face_model, threads=threads)
    except PhotochromError as error:
        answer({"failure": str(error)})
        return
    answer({"failure": None})
    for line in orders:
        answer(asdict(color_photo(ColoringJob.from_json(json.loads(line)), options, colorizer)))


def _orders_until_the_end() -> Iterator[str]:
    """The lines of standard input; when that ends, what is at work is given up.

    The process that gives orders closes it to end this one, and it ends by itself when that process is killed. Then
    nobody would note down what this one did.
    """
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line)
        lines.put(None)
        _thread.interrupt_main(signal.SIGTERM)

    threading.Thread(target=read, daemon=True).start()
    while (line := lines.get()) is not None:
        yield line


def _exit_on_signal(signal_number: int, _: object) -> None:
    """Let a request to end pass through `finally`, so that no half-written file is left behind."""
    sys.exit(128 + signal_number)


def main() -> None:
    """Serve the process that started this one."""
    # Ctrl-C reaches all processes of a terminal; it is the first one's to say what happens then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _exit_on_signal)
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as answers:
        # What a decoder prints must not come between the answers.
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        with contextlib.suppress(BrokenPipeError):
            _serve(_orders_until_the_end(), answers)
