"""`photochrom train`: train one network."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from photochrom.commands._devices import LOST_STATUS, train_on_devices
from photochrom.commands._options import Device, MLflow
from photochrom.commands._terminal import resumable, say
from photochrom.commands.predict import predict
from photochrom.errors import LostProcessError

if TYPE_CHECKING:
    from photochrom.lab.training import Epoch, RunFolder, RunMetrics, TrainingConfig


def train(
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=VALUE]...",
            help="Settings, and hyperparameters of the network, such as model=unet depth=4 learning_rate=0.01; "
            "'photochrom settings' lists them.",
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="A JSON file of settings to start from.")] = None,
    experiment: Annotated[str | None, typer.Option(help="Or a run of an experiment, as EXPERIMENT/RUN.")] = None,
    run: Annotated[
        Path | None, typer.Option(help="The folder of the run; named by its settings below runs/custom if not given.")
    ] = None,
    device: Device = "auto",
    devices: Annotated[
        int, typer.Option(min=1, help="Devices of this machine that divide each batch, with a process each.")
    ] = 1,
    num_nodes: Annotated[int, typer.Option(min=1, help="Machines with so many devices; see docs/cluster.md.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Threads on the CPU, of each process.")] = 1,
    tensorboard: Annotated[bool, typer.Option(help="Also write TensorBoard files into the run.")] = False,
    mlflow: MLflow = "",
    pictures_every: Annotated[
        int, typer.Option(min=0, help="Epochs between example pictures in these records; 0 for none.")
    ] = 10,
    test: Annotated[bool, typer.Option("--test", help="Then color 100 test pictures, as 'predict' does.")] = False,
    quiet: Annotated[bool, typer.Option(help="Show no progress bar.")] = False,
    parent: Annotated[int, typer.Option(hidden=True, help="End with the process of this number.")] = 0,
) -> None:
    """Train one network; the same command continues after an interruption."""
    if parent:
        _end_with(parent)
    if devices * num_nodes > 1 and "RANK" not in os.environ:
        with resumable():
            raise typer.Exit(train_on_devices(devices, num_nodes))
    from photochrom.lab.experiments import base_config
    from photochrom.lab.training import RunFolder, is_first_process

    chosen = base_config(config, experiment).assigned(settings or []).resolved()
    folder = RunFolder(run) if run else RunFolder.of_config(Path("runs/custom"), chosen)
    where = {"device": device, "devices": devices, "num_nodes": num_nodes, "threads": threads}
    records = {"tensorboard": tensorboard, "mlflow": mlflow, "pictures_every": pictures_every}
    is_first = is_first_process(devices * num_nodes)
    with _silent_if_another_is_lost(parent):
        metrics = train_with_progress(chosen, folder, quiet=quiet or not is_first, **where, **records)
    if not is_first:
        return
    say(f"validation accuracy {metrics.val_accuracy:.5f}, mse {metrics.val_mse:.5f}; results: {folder.path}")
    if test:
        predict(str(folder.weights), data=chosen.data)


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
    *,
    quiet: bool = False,
    **options: Any,
) -> "RunMetrics":
    """Train, or resume training, with a progress bar; returns the figures of the run.

    Args:
        **options: Where it runs and is recorded; see `photochrom.lab.tracking.fit_tracked`.
    """
    from photochrom.commands._epochs import epoch_bars, figures
    from photochrom.lab.tracking import fit_tracked

    epochs_done = 0 if quiet else len(run.history())
    with resumable(), epoch_bars(is_shown=not quiet) as bars:
        task = bars.add_task(config.model, total=config.max_epochs, completed=epochs_done, figures="")

        def on_epoch(row: "Epoch") -> None:
            bars.update(task, completed=row.epoch, figures=figures(row))

        return fit_tracked(config, run, on_epoch=on_epoch, **options)
