"""Whole photos, from file to colors as the product colors them, against leaving them gray."""

import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

import numpy as np
import torch

from photochrom.coloring import Colorizer, Result
from photochrom.errors import DataError, PhotochromError
from photochrom.lab.datasets import ProgressCallback
from photochrom.lab.evaluation._figures import Figures, PhotoGrouping, figures_by_group, figures_by_part, figures_of
from photochrom.lab.evaluation._frechet import FeatureReader, frechet_distance
from photochrom.lab.evaluation._photo_files import PhotoFile, PhotoSet, drawn_by_name
from photochrom.lab.evaluation._photo_measures import WHOLE, Colors, MeasuredPhoto, Pictures, measure_photo
from photochrom.lab.evaluation._records import add_record, read_records
from photochrom.lab.evaluation._scores import finite
from photochrom.process import end_with_parent
from photochrom.shipped import DEFAULT_MODEL

__all__ = [
    "Panels",
    "PhotoEvaluation",
    "PhotoEvaluator",
    "Product",
    "read_photo_evaluations",
    "record_photo_evaluation",
]

_RECORD_KEYS = frozenset({"photos", "split", "limit", "product"})
"""What tells one evaluation of whole photos from another."""

_PANEL_SIDE = 256
_GRAY, _COLORED, _TRUE = range(3)


class LoadsColors(Protocol):
    """A way of coloring photos that each process loads for itself."""

    def load(self) -> Colors:
        """Get ready to color."""

    def as_dict(self) -> dict[str, Any]:
        """What tells it from others, for JSON."""


@dataclass(frozen=True)
class Product:
    """The product with some options; those of `photochrom.coloring.Colorizer` if not given.

    Attributes:
        model: For whole photos: a shipped model, or the path of an ONNX file.
        face_model: For faces; None if faces get no look of their own.
        strength: From 0, gray, to 1.
        vividness: How many times as vivid as guessed.
    """

    model: str = DEFAULT_MODEL
    face_model: str | None = "face"
    strength: float = 1.0
    vividness: float = 1.0

    def load(self) -> Colors:
        """Load the networks.

        Raises:
            CheckpointError: There is no such model, or it cannot be run.
            ConfigError: The model colors no photos.
        """
        return _Loaded(Colorizer(self.model, face_model=self.face_model), self)

    def as_dict(self) -> dict[str, Any]:
        """The options, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _Loaded:
    colorizer: Colorizer
    product: Product

    def colorize(self, source: bytes, /) -> Result:
        return self.colorizer.colorize(source, strength=self.product.strength, vividness=self.product.vividness)


@dataclass(frozen=True)
class Panels:
    """A photo as a contact sheet shows it.

    Attributes:
        name: Of the photo.
        error_ratio: Its chroma error by that of leaving it gray.
        pictures: The gray, the colored and the true photo; each of shape (height, width, 3).
    """

    name: str
    error_ratio: float
    pictures: Pictures


@dataclass(frozen=True)
class PhotoEvaluation:
    """What the product makes of a set of photos.

    Attributes:
        photos: The set's name, or the folder's path.
        split: Of the set; `all` for a folder without splits.
        limit: How many photos were asked for at most; None if all of them.
        product: What colored them.
        overall: The figures of the whole photos.
        by_part: Of each part, where there are masks.
        by_skin_tone: Where a face fills each photo; else None.
        by_label: Where the set labels its photos; else None.
        frechet: Distance of the colored photos from the true ones in EfficientNet-Lite0's features.
        gray_frechet: That of the gray ones.
        left_out: One line for each photo that could not be used, saying which and why.
        seconds: How long it took.
        panels: For a contact sheet.
    """

    photos: str
    split: str
    limit: int | None
    product: dict[str, Any]
    overall: Figures
    by_part: dict[str, Figures]
    by_skin_tone: PhotoGrouping | None
    by_label: PhotoGrouping | None
    frechet: float
    gray_frechet: float
    left_out: tuple[str, ...]
    seconds: float
    panels: tuple[Panels, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """All but the panels by name, for JSON; of what was left out only how much."""
        return {
            "photos": self.photos,
            "split": self.split,
            "limit": self.limit,
            "product": self.product,
            "overall": self.overall.as_dict(),
            "by_part": {name: figures.as_dict() for name, figures in self.by_part.items()},
            "by_skin_tone": None if self.by_skin_tone is None else self.by_skin_tone.as_dict(),
            "by_label": None if self.by_label is None else self.by_label.as_dict(),
            "frechet": finite(self.frechet),
            "gray_frechet": finite(self.gray_frechet),
            "left_out": len(self.left_out),
            "seconds": round(self.seconds, 1),
        }


def record_photo_evaluation(file: Path, evaluation: PhotoEvaluation) -> None:
    """Add an evaluation of photos to a JSON file, in place of an older one of the same photos and product.

    Raises:
        DataError: The file is there, but holds something else; it is left as it is.
        OSError: It cannot be written.
    """
    add_record(file, evaluation.as_dict(), _RECORD_KEYS)


def read_photo_evaluations(file: Path) -> list[dict[str, Any]]:
    """The evaluations in a file that `record_photo_evaluation` wrote; none if there is no such file.

    Raises:
        DataError: The file holds something else.
    """
    return read_records(file, _RECORD_KEYS)


class PhotoEvaluator:
    """Colors and measures photos, in processes side by side that each load the product once.

    A context manager: its processes end with the block.
    """

    def __init__(self, product: LoadsColors | None = None, jobs: int | None = None) -> None:
        """Load the product, so that what cannot be loaded is told before any work.

        Args:
            product: What colors; the product with default options if not given.
            jobs: How many processes, one thread each; 1 works in this process. One a core if not given.

        Raises:
            CheckpointError: There is no such model, it cannot be run, or the weights of the encoder are missing.
            ConfigError: The model colors no photos.
        """
        self.product = Product() if product is None else product
        self._worker = _Worker(self.product)
        jobs = jobs or os.cpu_count() or 1
        self._pool = None if jobs == 1 else ProcessPoolExecutor(jobs, get_context("spawn"), _begin, (self.product,))

    def __enter__(self) -> "PhotoEvaluator":
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def evaluate(
        self, chosen: PhotoSet, *, panels: int = 0, progress: ProgressCallback | None = None
    ) -> PhotoEvaluation:
        """What the product makes of a set of photos.

        Args:
            chosen: The photos.
            panels: How many of them are kept for a contact sheet, chosen by their names.
            progress: Told the photos measured so far and how many there are.

        Raises:
            DataError: No photo can be used.
        """
        began = monotonic()
        shown = {photo.name for photo in drawn_by_name(chosen.photos, panels)}
        tasks = [(photo, _PANEL_SIDE if photo.name in shown else None) for photo in chosen.photos]
        measured: list[MeasuredPhoto] = []
        left_out: list[str] = []
        for done, outcome in enumerate(self._mapped(tasks), start=1):
            if isinstance(outcome, str):
                left_out.append(outcome)
            else:
                measured.append(outcome)
            if progress is not None:
                progress(done, len(tasks))
        if not measured:
            raise DataError(f"{chosen.name}: none of its {len(tasks)} photos can be used; the first: {left_out[0]}")
        return _evaluation(chosen, self.product, measured, left_out, monotonic() - began)

    def _mapped(self, tasks: Sequence["_Task"]) -> Iterator["MeasuredPhoto | str"]:
        """What becomes of each photo, in their order."""
        if self._pool is None:
            yield from map(self._worker, tasks)
            return
        try:
            yield from self._pool.map(_work, tasks)
        except BrokenProcessPool as error:
            raise DataError("a process that colors photos was ended; try fewer side by side: --jobs 1") from error


_Task = tuple[PhotoFile, int | None]
"""A photo, and the longer side of its panels; None if it gets none."""


class _Worker:
    """Measures one photo after the other."""

    def __init__(self, product: LoadsColors) -> None:
        self._colors = product.load()
        self._reader = FeatureReader()

    def __call__(self, task: _Task) -> MeasuredPhoto | str:
        """The measures of a photo, or why there are none."""
        photo, panel_side = task
        try:
            return measure_photo(photo, self._colors, self._reader, panel_side)
        except PhotochromError as error:
            text = str(error)
            return text if str(photo.path) in text else f"{photo.path}: {text}"


_worker: _Worker | None = None
"""That of this process, if it is one of a pool."""


def _begin(product: LoadsColors) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted too, and ends the pool
    end_with_parent()
    torch.set_num_threads(1)
    _worker = _Worker(product)


def _work(task: _Task) -> MeasuredPhoto | str:
    if _worker is None:
        raise RuntimeError("the process has not begun")
    return _worker(task)


def _evaluation(
    chosen: PhotoSet, product: LoadsColors, measured: Sequence[MeasuredPhoto], left_out: Sequence[str], seconds: float
) -> PhotoEvaluation:
    features = np.stack([photo.features for photo in measured], axis=1)
    return PhotoEvaluation(
        photos=chosen.name,
        split=chosen.split,
        limit=chosen.limit,
        product=product.as_dict(),
        overall=figures_of([photo.regions[WHOLE] for photo in measured]),
        by_part=figures_by_part(measured),
        by_skin_tone=figures_by_group(measured, lambda photo: photo.tone),
        by_label=figures_by_group(measured, lambda photo: photo.label),
        frechet=frechet_distance(features[_COLORED], features[_TRUE]),
        gray_frechet=frechet_distance(features[_GRAY], features[_TRUE]),
        left_out=tuple(left_out),
        seconds=seconds,
        panels=tuple(_panels(photo) for photo in measured if photo.panels is not None),
    )


def _panels(photo: MeasuredPhoto) -> Panels:
    values = photo.regions[WHOLE].values
    if photo.panels is None:
        raise ValueError(f"{photo.name} has no panels")
    return Panels(photo.name, values["chroma_error"] / values["gray_chroma_error"], photo.panels)
