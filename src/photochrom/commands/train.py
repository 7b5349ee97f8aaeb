"""`photochrom train`: train one network."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from photochrom.commands._options import Device, MLflow
from photochrom.commands._terminal import resumable, say
from photochrom.commands.predict import predict

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
    threads: Annotated[int, typer.Option(min=1, help="Threads on the CPU.")] = 1,
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
    from photochrom.lab.experiments import base_config
    from photochrom.lab.training import RunFolder

    chosen = base_config(config, experiment).assigned(settings or []).resolved()
    folder = RunFolder(run) if run else RunFolder.of_config(Path("runs/custom"), chosen)
    records = {"tensorboard": tensorboard, "mlflow": mlflow, "pictures_every": pictures_every}
    metrics = train_with_progress(chosen, folder, device, threads, quiet=quiet, **records)
    say(f"validation accuracy {metrics.val_accuracy:.5f}, mse {metrics.val_mse:.5f}; results: {folder.path}")
    if test:
        predict(str(folder.weights), data=chosen.data)


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
    from photochrom.lab.tracking import fit_tracked

    epochs_done = 0 if quiet else len(run.history())
    with resumable(), epoch_bars(is_shown=not quiet) as bars:
        task = bars.add_task(config.model, total=config.max_epochs, completed=epochs_done, figures="")

        def on_epoch(row: "Epoch") -> None:
            bars.update(task, completed=row.epoch, figures=figures(row))

        return fit_tracked(config, run, device=device, threads=threads, on_epoch=on_epoch, **records)
