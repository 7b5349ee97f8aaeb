"""The training loop: seeded, measured after every epoch, and resumable after a kill at any point."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from photochrom.color import to_uint8
from photochrom.errors import CheckpointError, ConfigError
from photochrom.files import written_whole
from photochrom.lab import models
from photochrom.lab.checkpoint import Checkpoint, find_checkpoint, load_checkpoint, save_checkpoint
from photochrom.lab.datasets import Dataset, Pairs, open_dataset
from photochrom.lab.metrics import accuracy_within
from photochrom.lab.models import ColorizationModel, DistributionModel, EncodingModel, SolvableModel
from photochrom.lab.training._augmentation import get_augmentation
from photochrom.lab.training._config import TrainingConfig
from photochrom.lab.training._device import get_fabric
from photochrom.lab.training._objective import get_objective
from photochrom.lab.training._optimization import get_average, get_optimizer, get_schedule, pictures_by_epoch
from photochrom.lab.training._predictions import evaluate, gray_batch, predict, rgb_batch, score
from photochrom.lab.training._records import Epoch, RunMetrics
from photochrom.lab.training._run_folder import RunFolder
from photochrom.lab.training._samples import comparison, sample_indices
from photochrom.lab.training._stopping import has_settled, is_out_of_patience
from photochrom.process import keep_freed_pages
from photochrom.tensors import GrayPictures, RgbPictures

if TYPE_CHECKING:
    from lightning_fabric import Fabric

EpochCallback = Callable[[Epoch], None]
"""Called after every epoch with its figures."""

_ACCURACY_STRIDE = 8
"""Training accuracy is measured on every eighth batch: casting each batch to bytes would take a tenth of the time."""

_IMAGENET = "imagenet"
_RULES = {"settled": has_settled, "patience": is_out_of_patience}


def fit(
    config: TrainingConfig,
    run: RunFolder,
    *,
    device: str = "auto",
    threads: int = 1,
    dataset: Dataset | None = None,
    on_epoch: EpochCallback | None = None,
) -> RunMetrics:
    """Train a network, or resume a run that was interrupted.

    On one machine's CPU, with the same number of threads, the same configuration gives the same bits, even if the run
    is killed and resumed. For this, torch's threads, seed and cudnn flags are set for the whole process.

    Args:
        run: The run's folder; a finished run is not trained again.
        device: `auto`, `cpu`, `cuda` or `mps`.
        threads: Threads on the CPU. Networks this small gain more from a second process.
        dataset: The pictures; opened by `config.data` if not given. Nothing is downloaded.

    Raises:
        ConfigError: A setting is wrong, or the folder holds a run with other settings.
        DataError: The pictures cannot be read.
        CheckpointError: The state to resume from is broken.
    """
    if threads < 1:
        raise ConfigError(f"at least 1 thread must compute, not {threads}")
    torch.set_num_threads(threads)
    keep_freed_pages()
    fabric = get_fabric(device, config.precision)
    torch.manual_seed(config.seed)
    model = _first_model(config)
    dataset = dataset or open_dataset(config.data)
    with run.locked():
        run.claim(config.varied(data=dataset.name))
        if run.is_finished():
            return run.metrics()
        return _fit_in(fabric, config, run, model, dataset, on_epoch)


def _first_model(config: TrainingConfig) -> ColorizationModel:
    """The network before the first step."""
    model = models.create(config.model, config.hyperparameters)
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


def _fit_in(
    fabric: "Fabric",
    config: TrainingConfig,
    run: RunFolder,
    model: ColorizationModel,
    dataset: Dataset,
    on_epoch: EpochCallback | None,
) -> RunMetrics:
    train, val = dataset.split("train"), dataset.split("val")
    _require_one_size(train, val)
    fingerprint = dataset.fingerprint()

    started = time.perf_counter()
    rows: list[Epoch] = []
    if config.optimizer == "closed_form":
        _solve(model, train)
    elif config.max_epochs > 0:
        in_focus = len(dataset.scored_part().split("train")) if config.focus_epochs else len(train)
        pictures = pictures_by_epoch(config, len(train), in_focus)
        rows = _Loop(fabric, config, run, model, fingerprint, pictures).train(train, val, on_epoch)
    if not rows:
        save_checkpoint(run.weights, Checkpoint(model, fingerprint))
    spent = sum(row.seconds for row in rows) if rows else time.perf_counter() - started

    best = load_checkpoint(run.weights).model.to(fabric.device)
    metrics = _metrics(fabric, config, rows, best, spent, train, val)
    _write_samples(run, best, val)
    save_checkpoint(run.weights, Checkpoint(best, fingerprint, asdict(metrics)))
    run.write_metrics(metrics)
    run.resume_state.unlink(missing_ok=True)
    return metrics


def _require_one_size(train: Pairs, val: Pairs) -> None:
    if train.gray.shape[1:] != val.gray.shape[1:]:
        raise ConfigError(f"training pictures are {train.gray.shape[1:]} and validation ones {val.gray.shape[1:]}")


def _solve(model: ColorizationModel, train: Pairs) -> None:
    if not isinstance(model, SolvableModel):
        raise ConfigError(f"{model.catalogue_name} cannot be fitted in closed form; choose the optimizer sgd or adamw")
    model.fit_in_closed_form(train.gray, train.truth)


def _metrics(
    fabric: "Fabric",
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
        best_epoch=_best(config, rows).epoch if rows else 0,
        stopped_by=_stopped_by(config, len(rows)),
        **{f"val_{name}": value for name, value in found.items()},
        parameters=best.parameter_count(),
        seconds=round(seconds, 3),
        device=fabric.device.type,
        precision=fabric.strategy.precision.precision,
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        train_pictures=len(train),
        val_pictures=len(val),
    )


def _best(config: TrainingConfig, rows: list[Epoch]) -> Epoch:
    """The best epoch; of equal ones the first."""
    if config.select_by == "accuracy":
        return max(rows, key=lambda row: row.val_accuracy)
    return min(rows, key=lambda row: row.val_loss)


def _stopped_by(config: TrainingConfig, epochs: int) -> str:
    if epochs == 0:
        return config.optimizer if config.max_epochs else "max_epochs"
    return "max_epochs" if epochs >= config.max_epochs else config.stopping


def _write_samples(run: RunFolder, model: ColorizationModel, val: Pairs) -> None:
    pairs = val.take(sample_indices(len(val)))
    with written_whole(run.samples) as aside:
        comparison(pairs, predict(model, pairs.gray)).save(aside)


class _Loop:
    """One training run in memory: network, optimizer, random states and history.

    `resume.pt` holds all of them. It is written at the end of every epoch, after the other files, so a run that is
    killed at any point repeats at most one epoch, bit for bit.
    """

    def __init__(
        self,
        fabric: "Fabric",
        config: TrainingConfig,
        run: RunFolder,
        model: ColorizationModel,
        fingerprint: dict[str, Any],
        pictures: list[int],
    ) -> None:
        self.pictures = pictures
        self.fabric = fabric
        self.config = config
        self.run = run
        self.fingerprint = fingerprint
        self.objective = get_objective(
            config.loss, model, doubling_chroma=config.doubling_chroma, compiled=config.compiled
        )
        self.augmentation = get_augmentation(config.augmentation, config.worn)
        self.plain_model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model = fabric.setup_module(self.plain_model)
        self.average = get_average(config, self.plain_model)
        self.measured = self.model if self.average is None else fabric.setup_module(self.average.module)
        if config.compiled:
            for part in self.plain_model.children():
                part.compile(dynamic=False)
        if isinstance(model, DistributionModel):
            for network in (self.model, self.measured):
                network.mark_forward_method("logits")
        self.order = torch.Generator().manual_seed(config.seed)
        self.aspects: Tensor | None = None
        self.rows: list[Epoch] = []
        self._begin_or_resume()

    def _cycle_start(self) -> int:
        """The epochs before the present cycle of the step size: a second one begins when the encoder is tuned."""
        frozen = self.config.frozen_epochs
        return frozen if 0 < frozen <= len(self.rows) else 0

    def _is_at_cycle_start(self) -> bool:
        return len(self.rows) == self._cycle_start()

    def _begin_cycle(self) -> None:
        """Make the optimizer and the schedule for the epochs of a cycle."""
        start, frozen = self._cycle_start(), self.config.frozen_epochs
        stop = frozen if frozen and not start else None
        optimizer = get_optimizer(self.config, self.plain_model, tunes_encoder=start > 0)
        self.optimizer = cast("Optimizer", self.fabric.setup_optimizers(optimizer))
        self.schedule = get_schedule(self.config, optimizer, self.pictures[start:stop])

    def train(self, train: Pairs, val: Pairs, on_epoch: EpochCallback | None) -> list[Epoch]:
        """Run the remaining epochs and return the whole history."""
        train_gray, train_color = (self._held(array) for array in (train.gray, train.truth))
        val_gray, val_color = (torch.from_numpy(array).to(self.fabric.device) for array in (val.gray, val.truth))
        self.aspects = None if train.aspects is None else torch.from_numpy(train.aspects)
        while not self._is_done():
            started = time.perf_counter()
            train_loss, train_accuracy = self._train_epoch(train_gray, train_color)
            found = score(self.measured, self.objective, val_gray, val_color)
            row = Epoch(
                epoch=len(self.rows) + 1,
                train_loss=train_loss,
                train_accuracy=train_accuracy,
                val_loss=found["loss"],
                val_mse=found["mse"],
                val_accuracy=found["accuracy"],
                seconds=round(time.perf_counter() - started, 3),
            )
            self._require_finite(row)
            self.rows.append(row)
            self._save()
            if self._is_at_cycle_start():
                self._begin_cycle()
            if on_epoch is not None:
                on_epoch(row)
        return self.rows

    def _held(self, pictures: GrayPictures | RgbPictures) -> Tensor:
        """Pictures on the device; those of a pack stay where they are, for they may be larger than it."""
        held = torch.from_numpy(pictures)
        return held if isinstance(pictures, np.memmap) else held.to(self.fabric.device)

    def _train_epoch(self, gray: Tensor, color: Tensor) -> tuple[float, float]:
        """One pass over the pictures of this epoch.

        Returns:
            Mean loss and accuracy of the predictions, each made before the step that learns from it.
        """
        self.model.train()
        if isinstance(self.plain_model, EncodingModel):
            is_tuned = len(self.rows) >= self.config.frozen_epochs
            self.plain_model.train_encoder_from(self.config.tuned_stride if is_tuned else None)
        loss_sum = torch.zeros((), device=self.fabric.device)
        accuracies: list[float] = []
        count = self.pictures[len(self.rows)]
        order = torch.randperm(count, generator=self.order)
        for step, indices in enumerate(torch.split(order, self.config.batch_size)):
            inputs, truth = self._pictures(gray, color, indices)
            with self.fabric.autocast():  # of a module's methods Fabric wraps only `forward` in it
                answer = self.objective.answer(self.model, inputs)
            loss = self.objective.loss(answer, truth)
            self.optimizer.zero_grad()
            self.fabric.backward(loss)
            self._take_step()
            loss_sum += loss.detach() * len(indices)
            if step % _ACCURACY_STRIDE == 0:
                prediction = self.objective.color(inputs, answer.detach())
                accuracies.append(accuracy_within(to_uint8(prediction), to_uint8(truth)))
        return float(loss_sum) / count, sum(accuracies) / len(accuracies)

    def _pictures(self, gray: Tensor, color: Tensor, indices: Tensor) -> tuple[Tensor, Tensor]:
        """A batch of the gray input and of the true color, both signed; augmented if that is asked for."""
        batch = indices.to(gray.device)
        truth = rgb_batch(color[batch].to(self.fabric.device))
        if self.augmentation is None:
            return gray_batch(gray[batch].to(self.fabric.device)), truth
        return self.augmentation(truth, None if self.aspects is None else self.aspects[indices])

    def _take_step(self) -> None:
        if self.config.clip_norm:
            clip_grad_norm_(self.plain_model.parameters(), self.config.clip_norm)
        self.optimizer.step()
        if self.schedule is not None:
            self.schedule.step()
        if self.average is not None:
            self.average.update_parameters(self.plain_model)

    def _kept(self) -> ColorizationModel:
        """The network whose weights are kept: the average if there is one."""
        return self.plain_model if self.average is None else cast("ColorizationModel", self.average.module)

    def _is_done(self) -> bool:
        if len(self.rows) >= self.config.max_epochs:
            return True
        losses = [row.val_loss for row in self.rows]
        return _RULES[self.config.stopping](losses, self.config.patience, self.config.min_delta)

    def _require_finite(self, row: Epoch) -> None:
        if not math.isfinite(row.train_loss + row.val_loss):
            raise ConfigError(
                f"{self.run.path}: the loss is no longer a finite number in epoch {row.epoch}; "
                f"lower the learning rate ({self.config.learning_rate})"
            )

    def _save(self) -> None:
        """Write the best weights first and the state to resume from last."""
        if _best(self.config, self.rows) is self.rows[-1]:
            save_checkpoint(self.run.weights, Checkpoint(self._kept(), self.fingerprint, asdict(self.rows[-1])))
        self.run.write_history(self.rows)
        with written_whole(self.run.resume_state) as aside:
            torch.save(
                {
                    **{name: part.state_dict() for name, part in self._moving_parts().items()},
                    "order": self.order.get_state(),
                    "random": torch.get_rng_state(),
                    "rows": [asdict(row) for row in self.rows],
                    "data": self.fingerprint,
                },
                aside,
            )

    def _moving_parts(self) -> dict[str, Any]:
        """What training changes, by name."""
        parts = {
            "model": self.plain_model,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "average": self.average,
        }
        return {name: part for name, part in parts.items() if part is not None}

    def _begin_or_resume(self) -> None:
        if not self.run.resume_state.is_file():
            self._begin_cycle()
            return
        try:
            state = torch.load(self.run.resume_state, weights_only=True, map_location=self.fabric.device)
            self.rows = [Epoch(**row) for row in state["rows"]]
            self._begin_cycle()
            for name, part in self._moving_parts().items():
                if name not in ("optimizer", "schedule") or not self._is_at_cycle_start():  # else it is of the last one
                    part.load_state_dict(state[name])
            self.order.set_state(state["order"].cpu())
            torch.set_rng_state(state["random"].cpu())
            data = state["data"]
        except Exception as error:  # broken bytes make torch raise IndexError, RuntimeError and others
            raise CheckpointError(
                f"{self.run.resume_state}: broken ({type(error).__name__}); delete {self.run.path} to start anew"
            ) from error
        if data != self.fingerprint:
            raise ConfigError(f"{self.run.path}: its pictures have changed since it began; delete it to start anew")
