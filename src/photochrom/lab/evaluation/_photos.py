"""Evaluation of the product on whole photos, compared with leaving them gray."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

import numpy as np
import torch

from photochrom.cluster import room
from photochrom.coloring import Colorizer
from photochrom.errors import DataError, PhotochromError
from photochrom.lab.datasets import ProgressCallback
from photochrom.lab.evaluation._figures import Figures, PhotoGrouping, figures_by_group, figures_by_part, figures_of
from photochrom.lab.evaluation._frechet import FeatureReader, frechet_distance
from photochrom.lab.evaluation._photo_files import PhotoFile, PhotoSet, drawn_by_name
from photochrom.lab.evaluation._photo_measures import WHOLE, Colorize, MeasuredPhoto, Panels, measure_photo
from photochrom.lab.evaluation._records import add_record, as_json, read_records
from photochrom.process import cores, end_with_parent, thread_limits
from photochrom.shipped import DEFAULT_MODEL

_RECORD_KEYS = frozenset({"photos", "split", "limit", "product"})
"""The values that identify an evaluation of whole photos."""

_GRAY, _COLORED, _TRUE = range(3)


class LoadsColors(Protocol):
    """A way of coloring photos that each process loads for itself."""

    def load(self) -> Colorize:
        """Load what colors photos."""

    def as_dict(self) -> dict[str, Any]:
        """A description for JSON; it identifies the way."""


@dataclass(frozen=True)
class Product:
    """The product with some of the options of `photochrom.coloring.Colorizer`."""

    model: str = DEFAULT_MODEL
    face_model: str | None = "face"
    strength: float = 1.0
    vividness: float = 1.0

    def load(self) -> Colorize:
        """Load the networks.

        Raises:
            CheckpointError: The model does not exist, or cannot be run.
            ConfigError: The model cannot color photos.
        """
        colorizer = Colorizer(self.model, face_model=self.face_model)
        return partial(colorizer.colorize, strength=self.strength, vividness=self.vividness)

    def as_dict(self) -> dict[str, Any]:
        """The options, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class PhotoEvaluation:
    """The figures of the product on a set of photos.

    Attributes:
        photos: The name of the set, or the path of the folder.
        split: A split of the set; `all` for a folder without splits.
        limit: Maximum number of photos that was asked for; None for all.
        by_part: The figures of each part; empty without masks.
        by_skin_tone: None if the photos are no portraits.
        by_label: None if the set has no labels.
        frechet: Distance of the colored photos from the true ones in EfficientNet-Lite0's features.
        gray_frechet: The same for the gray photos.
        left_out: One line for each photo that could not be used, with its path and the reason.
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
        """Everything but the panels by name, for JSON; `left_out` is a number."""
        return {
            "photos": self.photos,
            "split": self.split,
            "limit": self.limit,
            "product": self.product,
            "overall": as_json(asdict(self.overall)),
            "by_part": {name: as_json(asdict(figures)) for name, figures in self.by_part.items()},
            "by_skin_tone": None if self.by_skin_tone is None else self.by_skin_tone.as_dict(),
            "by_label": None if self.by_label is None else self.by_label.as_dict(),
            "frechet": as_json(self.frechet),
            "gray_frechet": as_json(self.gray_frechet),
            "left_out": len(self.left_out),
            "seconds": round(self.seconds, 1),
        }


def record_photo_evaluation(file: Path, evaluation: PhotoEvaluation) -> None:
    """Add an evaluation to a JSON file; it replaces one of the same photos and product.

    Raises:
        DataError: The file holds something else; it is not changed.
        OSError: The file cannot be written.
    """
    add_record(file, evaluation.as_dict(), _RECORD_KEYS)


def read_photo_evaluations(file: Path) -> list[dict[str, Any]]:
    """The evaluations that `record_photo_evaluation` wrote to a file; empty if the file does not exist.

    Raises:
        DataError: The file holds something else.
    """
    return read_records(file, _RECORD_KEYS)


class PhotoEvaluator:
    """Colors and measures photos in parallel processes, each of which loads the product once.

    Use it as a context manager: its processes end with the block.
    """

    def __init__(
        self, product: LoadsColors | None = None, jobs: int | None = None, *, on_cluster: bool = False
    ) -> None:
        """Load the product, which fails early if it cannot be loaded.

        Args:
            product: The product with default options if None.
            jobs: Number of processes, one thread each; one for each core if None. With 1, this process does the work.
            on_cluster: Whether to work on the Ray cluster that this process is connected to, whose nodes must see the
                photos at the same paths. What a lost node was at is done again.

        Raises:
            CheckpointError: The model does not exist or cannot be run, or the weights of the encoder are not installed.
            ConfigError: The model cannot color photos.
        """
        self.product = Product() if product is None else product
        self._worker = _Worker(self.product)
        self._pool: ProcessPoolExecutor | _ClusterPool | None = None
        if on_cluster:
            self._pool = _ClusterPool(jobs or room(1), self.product)
        elif (count := jobs or cores()) > 1:
            self._pool = ProcessPoolExecutor(count, get_context("spawn"), _begin, (self.product,))

    def __enter__(self) -> "PhotoEvaluator":
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def evaluate(
        self, chosen: PhotoSet, *, panels: int = 0, progress: ProgressCallback | None = None
    ) -> PhotoEvaluation:
        """Color and measure a set of photos.

        Args:
            panels: Number of photos for a contact sheet, chosen by their names.
            progress: Called with the number of photos that are done and of all photos.

        Raises:
            DataError: No photo can be used, or a process was killed.
        """
        began = monotonic()
        shown = {photo.name for photo in drawn_by_name(chosen.photos, panels)}
        tasks = [(photo, photo.name in shown) for photo in chosen.photos]
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
            raise DataError(f"{chosen.name}: all {len(tasks)} photos are unusable; the first: {left_out[0]}")
        return _evaluation(chosen, self.product, measured, left_out, monotonic() - began)

    def _mapped(self, tasks: Sequence["_Task"]) -> Iterator["MeasuredPhoto | str"]:
        """The measures of each photo, or why there are none; in the order of the tasks."""
        if self._pool is None:
            yield from map(self._worker, tasks)
            return
        try:
            with _started_with(thread_limits(1)):
                outcomes = self._pool.map(_work, tasks)
            yield from outcomes
        except BrokenProcessPool as error:
            raise DataError("a process that colors photos was killed; try fewer processes: --jobs 1") from error


@contextmanager
def _started_with(variables: Mapping[str, str]) -> Iterator[None]:
    """Processes that are started meanwhile get these environment variables."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            os.environ.pop(name)
        os.environ.update(before)


class _ClusterPool:
    """What `_mapped` needs of a pool, with processes on the nodes of a cluster."""

    def __init__(self, count: int, product: LoadsColors) -> None:
        from ray.util.multiprocessing import Pool

        # A process that is started again, on another node perhaps, loads the product and does its tasks again.
        again = {"max_restarts": -1, "max_task_retries": -1}
        self._pool = Pool(count, initializer=_load, initargs=(product,), ray_remote_args=again)

    def map(self, work: Callable[["_Task"], "MeasuredPhoto | str"], tasks: Sequence["_Task"]) -> Iterator[Any]:
        """The results in the order of the tasks."""
        from ray.exceptions import RayError

        try:
            yield from self._pool.imap(work, tasks)
        except RayError as error:
            raise DataError("the cluster lost what colors photos; the same command begins anew") from error

    def shutdown(self, *, cancel_futures: bool) -> None:
        """End the processes."""
        if cancel_futures:
            self._pool.terminate()
        self._pool.close()
        self._pool.join()


_Task = tuple[PhotoFile, bool]
"""A photo, and whether it gets panels."""


class _Worker:
    """Measures photos in one process."""

    def __init__(self, product: LoadsColors) -> None:
        self._colorize = product.load()
        self._reader = FeatureReader()

    def __call__(self, task: _Task) -> MeasuredPhoto | str:
        """The measures of a photo, or why there are none."""
        photo, with_panels = task
        try:
            return measure_photo(photo, self._colorize, self._reader, with_panels)
        except PhotochromError as error:
            text = str(error)
            return text if str(photo.path) in text else f"{photo.path}: {text}"


_worker: _Worker
"""The worker of a process of the pool."""


def _begin(product: LoadsColors) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets the signal too, and ends the pool
    end_with_parent()
    _load(product)


def _load(product: LoadsColors) -> None:
    global _worker
    torch.set_num_threads(1)
    _worker = _Worker(product)


def _work(task: _Task) -> MeasuredPhoto | str:
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
        panels=tuple(photo.panels for photo in measured if photo.panels is not None),
    )
