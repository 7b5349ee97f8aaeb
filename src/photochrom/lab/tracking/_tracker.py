"""The seam between training and trackers."""

import logging
from collections.abc import Callable
from typing import Protocol

from PIL import Image

from photochrom.errors import reason_of, without_password
from photochrom.lab.tracking._examples import Examples
from photochrom.lab.tracking._mlflow import MLflowTracker
from photochrom.lab.tracking._tensorboard import TensorBoardTracker
from photochrom.lab.training import Epoch, EpochCallback, RunFolder, RunMetrics, TrainingConfig, fit, is_first_process

_log = logging.getLogger(__name__)


class Tracker(Protocol):
    """Records a training elsewhere too; the run's folder stays what reports and comparisons read."""

    def record_epoch(self, row: Epoch) -> None:
        """Record the figures of an epoch."""

    def record_pictures(self, pictures: Image.Image, epoch: int) -> None:
        """Record example pictures."""

    def record_end(self, metrics: RunMetrics) -> None:
        """Record the figures and files of the finished run."""


def fit_tracked(
    config: TrainingConfig,
    run: RunFolder,
    *,
    device: str = "auto",
    threads: int = 1,
    tensorboard: bool = False,
    mlflow: str = "",
    pictures_every: int = 10,
    on_epoch: EpochCallback | None = None,
) -> RunMetrics:
    """Train as `fit` does, and record it in trackers.

    A tracker that fails is told once and left out from then on; the training goes on. Of processes that train together
    only the first records.

    Args:
        run: A finished run is not recorded again.
        tensorboard: Whether to write TensorBoard files into the run's folder.
        mlflow: The address of an MLflow store, such as `sqlite:///mlflow.db` or `http://host:5000`; empty for none.
        pictures_every: Epochs between example pictures, by the best network so far; 0 for none.

    Raises:
        ConfigError: A tracker is not installed, or MLflow cannot be reached at the start; besides what `fit` raises.
    """
    is_recorded = is_first_process() and not run.is_finished()
    trackers = _trackers(config, run, tensorboard=tensorboard, mlflow=mlflow) if is_recorded else []
    examples = Examples(run, config)

    def after_epoch(row: Epoch) -> None:
        _record(trackers, run, lambda tracker: tracker.record_epoch(row))
        if pictures_every and row.epoch % pictures_every == 0:
            _record(trackers, run, lambda tracker: tracker.record_pictures(examples.draw(), row.epoch))
        if on_epoch is not None:
            on_epoch(row)

    metrics = fit(config, run, device=device, threads=threads, on_epoch=after_epoch)
    _record(trackers, run, lambda tracker: tracker.record_end(metrics))
    return metrics


def _trackers(config: TrainingConfig, run: RunFolder, *, tensorboard: bool, mlflow: str) -> list[Tracker]:
    wanted: list[Tracker] = []
    if tensorboard:
        wanted.append(TensorBoardTracker(run))
    if mlflow:
        wanted.append(MLflowTracker(run, config, mlflow))
    return wanted


def _record(trackers: list[Tracker], run: RunFolder, action: Callable[[Tracker], None]) -> None:
    """Have each tracker record; one that fails is told and taken out of the list."""
    for tracker in list(trackers):
        try:
            action(tracker)
        except Exception as error:  # a tracker's client may raise anything when its server is gone
            trackers.remove(tracker)
            told = without_password(reason_of(error))
            _log.warning("%s: no longer recorded by %s (%s)", run.path, type(tracker).__name__, told)
