"""`photochrom train`: train one network."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from photochrom.commands import _options as options
from photochrom.commands._devices import LOST_STATUS, are_started, train_on_devices
from photochrom.commands._terminal import resumable, say
from photochrom.commands.predict import ESTIMATIONS, OUT, predict
from photochrom.errors import LostProcessError

if TYPE_CHECKING:
    from photochrom.lab.training import Epoch, RunFolder, RunMetrics, TrainingConfig


def train(
    settings: options.Settings = None,
    config: options.SettingsFile = None,
    experiment: options.ExperimentRun = None,
    run: options.Run = None,
    device: options.Device = "auto",
    devices: options.Devices = 1,
    num_nodes: options.Nodes = 1,
    threads: options.TrainingThreads = 1,
    tensorboard: options.TensorBoard = False,
    mlflow: options.MLflow = "",
    pictures_every: options.PicturesEvery = 10,
    test: options.ThenTest = False,
    quiet: options.NoBar = False,
    parent: options.Parent = 0,
) -> None:
    """Train one network; the same command continues after an interruption."""
    if parent:
        _end_with(parent)
    if not are_started(devices * num_nodes):
        with resumable():
            raise typer.Exit(train_on_devices(devices, num_nodes))
    from photochrom.lab.experiments import base_config
    from photochrom.lab.training import RunFolder, is_first_process

    chosen = base_config(config, experiment).assigned(settings or []).resolved()
    if test:
        _require_place_for_test(chosen)
    folder = RunFolder(run) if run else RunFolder.of_config(Path("runs/custom"), chosen)
    records = {"tensorboard": tensorboard, "mlflow": mlflow, "pictures_every": pictures_every}
    is_first = is_first_process()
    with _silent_if_another_is_lost(parent):
        metrics = train_with_progress(chosen, folder, device, threads, quiet=quiet or not is_first, **records)
    if not is_first:
        return
    say(f"validation accuracy {metrics.val_accuracy:.5f}, mse {metrics.val_mse:.5f}; results: {folder.path}")
    if test:
        predict(str(folder.weights), data=chosen.data, size=chosen.size)


def _require_place_for_test(config: "TrainingConfig") -> None:
    """Check that what the test writes lies apart from the pictures: better told before the training than after it."""
    from photochrom.lab.datasets import open_dataset
    from photochrom.lab.training import require_apart

    require_apart([ESTIMATIONS, OUT], open_dataset(config.data, config.size).folders())


@contextmanager
def _silent_if_another_is_lost(parent: int) -> Iterator[None]:
    """Let the parent tell what became of another process of this training."""
    try:
        yield
    except LostProcessError:
        if not parent:
            raise
        raise typer.Exit(LOST_STATUS) from None


def _end_with(parent: int) -> None:
    from photochrom.process import end_with_parent

    end_with_parent()
    if os.getppid() != parent:  # it died before this process could ask to be told
        raise typer.Exit(1)


def train_with_progress(
    config: "TrainingConfig",
    run: "RunFolder",
    device: str = "auto",
    threads: int = 1,
    *,
    quiet: bool = False,
    **records: Any,
) -> "RunMetrics":
    """Train, or resume training, with a progress bar; returns the figures of the run.

    Args:
        **records: Where the training is recorded; see `photochrom.lab.tracking.fit_tracked`.
    """
    from photochrom.commands._epochs import epoch_bars, figures
    from photochrom.errors import PhotochromError
    from photochrom.lab.tracking import fit_tracked

    epochs_done = 0 if quiet else len(run.history())
    with resumable(), epoch_bars(is_shown=not quiet) as bars:
        task = bars.add_task(config.model, total=config.max_epochs, completed=epochs_done, figures="")

        def on_epoch(row: "Epoch") -> None:
            bars.update(task, completed=row.epoch, figures=figures(row))

        try:
            return fit_tracked(config, run, device=device, threads=threads, on_epoch=on_epoch, **records)
        except PhotochromError:
            bars.live.transient = not bars.tasks[0].completed  # a bar of nothing done would only hide the error
            raise
