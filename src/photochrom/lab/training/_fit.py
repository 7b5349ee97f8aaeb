"""Training a network from its first weights to a finished run."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

import torch

from photochrom.errors import ConfigError
from photochrom.files import written_whole
from photochrom.lab import models
from photochrom.lab.checkpoint import Checkpoint, find_checkpoint, load_checkpoint, save_checkpoint
from photochrom.lab.datasets import Dataset, Pairs, open_dataset
from photochrom.lab.models import ColorizationModel, EncodingModel, SolvableModel
from photochrom.lab.training._config import TrainingConfig
from photochrom.lab.training._device import get_fabric
from photochrom.lab.training._loop import EpochCallback, Loop, best_epoch
from photochrom.lab.training._objective import get_objective
from photochrom.lab.training._optimization import pictures_by_epoch
from photochrom.lab.training._predictions import evaluate, predict, require_large_enough
from photochrom.lab.training._processes import Processes, Ranks, join_processes
from photochrom.lab.training._records import Epoch, RunMetrics
from photochrom.lab.training._run_folder import RunFolder
from photochrom.lab.training._samples import comparison, sample_indices
from photochrom.process import keep_freed_pages

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_IMAGENET = "imagenet"


def fit(
    config: TrainingConfig,
    run: RunFolder,
    *,
    device: str = "auto",
    threads: int = 1,
    dataset: Dataset | None = None,
    on_epoch: EpochCallback | None = None,
) -> RunMetrics:
    """Train a network, or resume a run that was interrupted; nothing is written before all is checked.

    On one machine's CPU, with as many threads, the same configuration gives the same bits, even if the run is killed
    and resumed: torch's threads, seed and cudnn flags are set for the whole process.
    Processes that torchrun or `photochrom train --devices` started train one network together: each divides the batches
    with the others, and only the first one writes and calls `on_epoch`.

    Args:
        run: The run's folder; a finished run is not trained again.
        device: `auto`, `cpu`, `cuda` or `mps`.
        threads: Threads on the CPU. Networks this small gain more from a second process.
        dataset: The pictures; opened by `config.data` if not given. Nothing is downloaded.

    Raises:
        ConfigError: A setting is wrong, or the folder holds a run with other settings.
        DataError: The pictures cannot be read.
        CheckpointError: The state to resume from is broken.
        LostProcessError: Another process of the training ended.
    """
    _use_threads(threads)
    ranks = Ranks.of_environment()
    fabric = get_fabric(device, config.precision, ranks)
    model = _first_model(config, ranks.count)
    dataset = dataset or open_dataset(config.data, config.size)
    claimed = config.varied(data=dataset.name)
    run.require_same_settings(claimed)
    if run.is_finished():
        return run.metrics()
    pictures = _Pictures.read(config, dataset, model)
    with _claimed(run, claimed, ranks):
        return _fit_in(fabric, join_processes(fabric.device, ranks), config, run, model, pictures, on_epoch)


def _use_threads(count: int) -> None:
    if count < 1:
        raise ConfigError(f"at least 1 thread must compute, not {count}")
    torch.set_num_threads(count)
    keep_freed_pages()


@contextmanager
def _claimed(run: RunFolder, config: TrainingConfig, ranks: Ranks) -> Iterator[None]:
    """Keep other trainings out of the folder, and write the settings; the first process does so for all."""
    if ranks.number > 0:
        yield
        return
    with run.locked():
        run.claim(config)
        yield


def _require_divisible(config: TrainingConfig, processes: int) -> None:
    if processes > 1 and config.optimizer == "closed_form":
        raise ConfigError("closed_form computes on one device; leave --devices out")
    if config.batch_size % processes:
        raise ConfigError(f"a batch of {config.batch_size} cannot be divided among {processes} devices; set batch_size")


def _first_model(config: TrainingConfig, processes: int) -> ColorizationModel:
    """The network before the first step, which so many processes can fit as it is asked for."""
    _require_divisible(config, processes)
    torch.manual_seed(config.seed)
    model = models.create(config.model, config.hyperparameters)
    _require_fitting_loss(config, model)
    if config.last_layer_only and not isinstance(model, EncodingModel):
        raise ConfigError(f"{config.model} has no encoder; last_layer_only is for scene_unet")
    if config.initial_weights == _IMAGENET:
        if not isinstance(model, EncodingModel):
            raise ConfigError(f"{config.model} has no encoder; the initial weights imagenet are for scene_unet")
        model.load_pretrained_weights()
    elif config.initial_weights:
        source = find_checkpoint(config.initial_weights).model
        try:
            model.load_state_dict(source.state_dict())
        except RuntimeError as error:
            raise ConfigError(
                f"{config.initial_weights}: holds {source.catalogue_name} with {source.hyperparameters}, "
                f"which does not fit {config.model} with {model.hyperparameters}"
            ) from error
    return model


def _require_fitting_loss(config: TrainingConfig, model: ColorizationModel) -> None:
    """Check that the network can be fitted as it is asked for."""
    get_objective(config.loss, model)
    if config.optimizer == "closed_form" and not isinstance(model, SolvableModel):
        raise ConfigError(f"{config.model} cannot be fitted in closed form; choose the optimizer sgd or adamw")


@dataclass(frozen=True)
class _Pictures:
    """What a training sees.

    Attributes:
        in_focus: How many pictures of `train`, the first ones, the last epochs show if they show a part.
    """

    train: Pairs
    val: Pairs
    fingerprint: dict[str, Any]
    in_focus: int

    @classmethod
    def read(cls, config: TrainingConfig, dataset: Dataset, model: ColorizationModel) -> "_Pictures":
        """The pictures of a data set.

        Raises:
            ConfigError: They differ in size, or are too small for the network.
            DataError: They cannot be read, or their color is unknown.
        """
        train, val = dataset.split("train"), dataset.split("val")
        _require_one_size(train, val)
        require_large_enough(model, train.gray)
        in_focus = len(dataset.scored_part().split("train")) if config.focus_epochs else len(train)
        return cls(train, val, dataset.fingerprint(), in_focus)


def _fit_in(
    fabric: "Fabric",
    processes: Processes,
    config: TrainingConfig,
    run: RunFolder,
    model: ColorizationModel,
    pictures: _Pictures,
    on_epoch: EpochCallback | None,
) -> RunMetrics:
    if run.is_finished():  # by another process, since this one looked
        return run.metrics()
    train, val, fingerprint = pictures.train, pictures.val, pictures.fingerprint
    _require_same(processes, {"settings": config.model_dump(), "pictures": fingerprint})
    if not processes.is_first:  # each augments its pictures, and drops features, in its own way
        torch.manual_seed(config.seed + (processes.number << 32))

    started = time.perf_counter()
    rows: list[Epoch] = []
    if config.optimizer == "closed_form":
        cast("SolvableModel", model).fit_in_closed_form(train.gray, train.truth)
    elif config.max_epochs > 0:
        shown = pictures_by_epoch(config, len(train), pictures.in_focus)
        rows = Loop(fabric, processes, config, run, model, fingerprint, shown).train(train, val, on_epoch)
    spent = sum(row.seconds for row in rows) if rows else time.perf_counter() - started
    metrics = None
    if processes.is_first:
        if not rows:
            save_checkpoint(run.weights, Checkpoint(model, fingerprint))
        best = load_checkpoint(run.weights).model.to(fabric.device)
        metrics = _metrics(fabric, processes, config, rows, best, spent, train, val)
        _write_samples(run, best, val)
        save_checkpoint(run.weights, Checkpoint(best, fingerprint, asdict(metrics)))
        run.write_metrics(metrics)
        run.resume_state.unlink(missing_ok=True)
    return cast("RunMetrics", processes.told(metrics))


def _require_same(processes: Processes, known: dict[str, Any]) -> None:
    """Check that all processes train with the same settings on the same pictures."""
    for others in processes.gathered(known):
        for name, value in known.items():
            if others[name] != value:
                raise ConfigError(f"the processes of this training have different {name}")


def _require_one_size(train: Pairs, val: Pairs) -> None:
    if train.gray.shape[1:] != val.gray.shape[1:]:
        raise ConfigError(f"training pictures are {train.gray.shape[1:]} and validation ones {val.gray.shape[1:]}")


def _metrics(
    fabric: "Fabric",
    processes: Processes,
    config: TrainingConfig,
    rows: list[Epoch],
    best: ColorizationModel,
    seconds: float,
    train: Pairs,
    val: Pairs,
) -> RunMetrics:
    """The figures of a run that is at its end."""
    found: dict[str, Any] = asdict(evaluate(best, val))
    return RunMetrics(
        epochs=len(rows),
        best_epoch=best_epoch(config, rows).epoch if rows else 0,
        stopped_by=_stopped_by(config, len(rows)),
        **{f"val_{name}": value for name, value in found.items()},
        parameters=best.parameter_count(),
        seconds=round(seconds, 3),
        device=fabric.device.type if processes.count == 1 else f"{processes.count} x {fabric.device.type}",
        precision=fabric.strategy.precision.precision,
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        train_pictures=len(train),
        val_pictures=len(val),
    )


def _stopped_by(config: TrainingConfig, epochs: int) -> str:
    if epochs == 0:
        return config.optimizer if config.max_epochs else "max_epochs"
    return "max_epochs" if epochs >= config.max_epochs else config.stopping


def _write_samples(run: RunFolder, model: ColorizationModel, val: Pairs) -> None:
    pairs = val.take(sample_indices(len(val)))
    with written_whole(run.samples) as aside:
        comparison(pairs, predict(model, pairs.gray)).save(aside)
