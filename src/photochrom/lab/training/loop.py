"""The training loop: seeded, measured after every epoch, and resumable after a kill at any point."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from photochrom.color import to_uint8
from photochrom.errors import CheckpointError, ConfigError
from photochrom.files import written_whole
from photochrom.lab import models
from photochrom.lab.checkpoint import Checkpoint, find_checkpoint, load_checkpoint, save_checkpoint
from photochrom.lab.datasets import Dataset, Pairs, open_dataset
from photochrom.lab.metrics import accuracy_within
from photochrom.lab.models import ColorizationModel, DistributionModel, EncodingModel, SolvableModel
from photochrom.lab.training.augmentation import get_augmentation
from photochrom.lab.training.config import TrainingConfig
from photochrom.lab.training.objective import get_objective
from photochrom.lab.training.predictions import evaluate, gray_batch, predict, rgb_batch, score
from photochrom.lab.training.run_folder import RunFolder
from photochrom.lab.training.samples import comparison, sample_indices
from photochrom.lab.training.stopping import has_settled, is_out_of_patience
from photochrom.process import keep_freed_pages

__all__ = ["EpochCallback", "fit"]

EpochCallback = Callable[[dict[str, Any]], None]
"""Called after every epoch with its row of the history."""

_ACCURACY_STRIDE = 8
"""Training accuracy is taken from every eighth batch: casting each batch to bytes would cost a tenth of the time."""

_IMAGENET = "imagenet"
_RISING_SHARE = 0.2
_FEWEST_STEPS_OF_A_CYCLE = 6
"""With fewer the rise would have no step of its own, and torch divides by their number."""

_RULES = {"settled": has_settled, "patience": is_out_of_patience}


def fit(
    config: TrainingConfig,
    run: RunFolder,
    *,
    device: str = "auto",
    threads: int = 1,
    dataset: Dataset | None = None,
    on_epoch: EpochCallback | None = None,
) -> dict[str, Any]:
    """Train a network, or go on where an earlier call was cut off.

    On the CPU of one machine, with one number of threads, the same configuration gives the same bits, and so does a
    run that was killed and resumed; other devices promise no order of sums. For that, this sets torch's number of
    threads, its seed and cudnn's flags, and keeps freed memory, for the whole process.

    Args:
        config: All settings.
        run: Where the run lies; a finished one is not trained again.
        device: `auto`, `cpu`, `cuda` or `mps`.
        threads: How many threads compute on the CPU. Networks as small as these gain more from a second process.
        dataset: The pictures; opened by `config.data` if not given. Nothing is downloaded.
        on_epoch: Called after every epoch.

    Returns:
        The figures of the run, as in its `metrics.json`.

    Raises:
        ConfigError: A setting is wrong, or the folder holds a run with other settings.
        DataError: The pictures cannot be had.
        CheckpointError: The state to resume from is broken.
    """
    if threads < 1:
        raise ConfigError(f"at least 1 thread must compute, not {threads}")
    torch.set_num_threads(threads)
    keep_freed_pages()
    fabric = _fabric(device, config.precision)
    torch.manual_seed(config.seed)
    model = _first_model(config)
    dataset = dataset or open_dataset(config.data)
    with run.locked():
        run.claim(config.varied(data=dataset.name))
        if run.is_finished():
            return run.metrics()
        return _fit_in(fabric, config, run, model, dataset, on_epoch)


def _first_model(config: TrainingConfig) -> ColorizationModel:
    """The network as training finds it.

    Raises:
        CheckpointError: The weights to start from cannot be had.
        ConfigError: They are another network's.
    """
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
    fabric: Fabric,
    config: TrainingConfig,
    run: RunFolder,
    model: ColorizationModel,
    dataset: Dataset,
    on_epoch: EpochCallback | None,
) -> dict[str, Any]:
    train, val = dataset.split("train"), dataset.split("val")
    _require_one_size(train, val)
    fingerprint = dataset.fingerprint()

    started = time.perf_counter()
    rows: list[dict[str, Any]] = []
    if config.optimizer == "closed_form":
        _solve(model, train)
    elif config.max_epochs > 0:
        in_focus = len(dataset.scored_part().split("train")) if config.focus_epochs else len(train)
        pictures = _pictures_by_epoch(config, len(train), in_focus)
        rows = _Loop(fabric, config, run, model, fingerprint, pictures).train(train, val, on_epoch)
    if not rows:
        save_checkpoint(run.weights, Checkpoint(model, fingerprint))
    spent = sum(row["seconds"] for row in rows) if rows else time.perf_counter() - started

    best = load_checkpoint(run.weights).model.to(fabric.device)
    metrics = {
        **_course(config, rows),
        **evaluate(best, val).as_dict("val_"),
        "parameters": best.parameter_count(),
        "seconds": round(spent, 3),
        "device": fabric.device.type,
        "precision": fabric.strategy.precision.precision,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "train_pictures": len(train),
        "val_pictures": len(val),
    }
    _write_samples(run, best, val)
    save_checkpoint(run.weights, Checkpoint(best, fingerprint, metrics))
    run.write_metrics(metrics)
    run.resume_state.unlink(missing_ok=True)
    return metrics


def _fabric(device: str, precision: str) -> Fabric:
    """The device and the arithmetic.

    Raises:
        ConfigError: This machine has no such device.
    """
    if device not in ("auto", "cpu", "cuda", "mps"):
        raise ConfigError(f"no device is called {device!r}; there are: auto, cpu, cuda, mps")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("no CUDA device is on this machine; use --device cpu")
    if device == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("no MPS device is on this machine; use --device cpu")
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    fabric = Fabric(accelerator=device, devices=1)
    if precision == "bf16" or (precision == "auto" and fabric.device.type == "cpu" and _computes_bf16()):
        fabric = Fabric(accelerator=device, devices=1, precision="bf16-mixed")
    return fabric


def _computes_bf16() -> bool:
    """Whether this processor has instructions for bfloat16; without them it would be slower than full precision."""
    return bool(torch.cpu._is_avx512_bf16_supported())


def _require_one_size(train: Pairs, val: Pairs) -> None:
    if train.gray.shape[1:] != val.gray.shape[1:]:
        raise ConfigError(f"training pictures are {train.gray.shape[1:]} and validation ones {val.gray.shape[1:]}")


def _solve(model: ColorizationModel, train: Pairs) -> None:
    if not isinstance(model, SolvableModel):
        raise ConfigError(f"{model.catalogue_name} cannot be fitted in closed form; choose the optimizer sgd or adamw")
    model.fit_in_closed_form(train.gray, train.truth)


def _optimizer(config: TrainingConfig, model: ColorizationModel) -> Optimizer:
    if config.optimizer == "sgd":
        return SGD(
            model.parameters(),
            lr=config.learning_rate,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
        )
    return AdamW(_parameter_groups(config, model), lr=config.learning_rate, weight_decay=config.weight_decay)


def _parameter_groups(config: TrainingConfig, model: ColorizationModel) -> list[dict[str, Any]]:
    """The weights by the step size that they learn at: an encoder that has learnt elsewhere goes slower."""
    if not isinstance(model, EncodingModel):
        return [{"params": list(model.parameters())}]
    encoder = list(model.encoder.parameters())
    known = {id(parameter) for parameter in encoder}
    others = [parameter for parameter in model.parameters() if id(parameter) not in known]
    return [{"params": others}, {"params": encoder, "lr": config.learning_rate * config.encoder_rate}]


def _pictures_by_epoch(config: TrainingConfig, count: int, in_focus: int) -> list[int]:
    """How many pictures, counted from the first, each epoch shows."""
    broad_epochs = max(config.max_epochs - config.focus_epochs, 0)
    return [count if epoch < broad_epochs else in_focus for epoch in range(config.max_epochs)]


def _schedule(config: TrainingConfig, optimizer: Optimizer, pictures: Sequence[int]) -> OneCycleLR | None:
    """What changes the step size from step to step, if anything does.

    Reference:
        Smith and Topin, "Super-convergence", 2017.
    """
    if config.schedule == "constant":
        return None
    steps = sum(math.ceil(count / config.batch_size) for count in pictures)
    return OneCycleLR(
        optimizer,
        [group["lr"] for group in optimizer.param_groups],
        total_steps=max(steps, _FEWEST_STEPS_OF_A_CYCLE),
        pct_start=_RISING_SHARE,
        div_factor=10.0,
        final_div_factor=100.0,
        cycle_momentum=config.optimizer == "adamw",
    )


def _average(config: TrainingConfig, model: ColorizationModel) -> AveragedModel | None:
    """The moving average of the weights and of the statistics of batch norm, if one is asked for."""
    if not config.average:
        return None
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(config.average), use_buffers=True)  # type: ignore[no-untyped-call]


def _best(config: TrainingConfig, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The row of the best epoch; of equal ones the first."""
    if config.select_by == "accuracy":
        return max(rows, key=lambda row: row["val_accuracy"])
    return min(rows, key=lambda row: row["val_loss"])


def _course(config: TrainingConfig, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """How the training went, in figures."""
    if not rows:
        return {
            "epochs": 0,
            "best_epoch": 0,
            "stopped_by": config.optimizer if config.max_epochs else "max_epochs",
        }
    reached_end = len(rows) >= config.max_epochs
    return {
        "epochs": len(rows),
        "best_epoch": _best(config, rows)["epoch"],
        "stopped_by": "max_epochs" if reached_end else config.stopping,
    }


def _write_samples(run: RunFolder, model: ColorizationModel, val: Pairs) -> None:
    pairs = val.take(sample_indices(len(val)))
    with written_whole(run.samples) as aside:
        comparison(pairs, predict(model, pairs.gray)).save(aside)


class _Loop:
    """One training run in memory: network, optimizer, random states and history move together.

    `resume.pt` holds them after every epoch and is written last, so whatever a kill leaves behind, going on
    from it repeats at most one epoch, bit for bit.
    """

    def __init__(
        self,
        fabric: Fabric,
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
        self.augmentation = get_augmentation(config.augmentation)
        self.plain_model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        plain_optimizer = _optimizer(config, model)
        self.model, self.optimizer = fabric.setup(self.plain_model, plain_optimizer)
        self.schedule = _schedule(config, plain_optimizer, pictures)
        self.average = _average(config, self.plain_model)
        self.measured = self.model if self.average is None else fabric.setup_module(self.average.module)
        if config.compiled:
            for part in self.plain_model.children():
                part.compile(dynamic=False)
        if isinstance(model, DistributionModel):
            for network in (self.model, self.measured):
                network.mark_forward_method("logits")
        self.order = torch.Generator().manual_seed(config.seed)
        self.aspects: Tensor | None = None
        self.rows: list[dict[str, Any]] = []

    def train(self, train: Pairs, val: Pairs, on_epoch: EpochCallback | None) -> list[dict[str, Any]]:
        """Run all epochs that are still to run and give the whole history."""
        self._resume()
        train_gray, train_color, val_gray, val_color = (
            torch.from_numpy(array).to(self.fabric.device) for array in (train.gray, train.truth, val.gray, val.truth)
        )
        self.aspects = None if train.aspects is None else torch.from_numpy(train.aspects)
        while not self._is_done():
            started = time.perf_counter()
            row: dict[str, Any] = {"epoch": len(self.rows) + 1, **self._train_epoch(train_gray, train_color)}
            figures = score(self.measured, self.objective, val_gray, val_color)
            row |= {f"val_{name}": value for name, value in figures.items()}
            self._require_finite(row)
            row["seconds"] = round(time.perf_counter() - started, 3)
            self.rows.append(row)
            self._save()
            if on_epoch is not None:
                on_epoch(row)
        return self.rows

    def _train_epoch(self, gray: Tensor, color: Tensor) -> dict[str, float]:
        """One pass over the pictures of this epoch; figures are of predictions made on the way, before each step."""
        self.model.train()
        if isinstance(self.plain_model, EncodingModel):
            self.plain_model.encoder.requires_grad_(len(self.rows) >= self.config.frozen_epochs)
        loss_sum = torch.zeros((), device=gray.device)
        accuracies: list[float] = []
        count = self.pictures[len(self.rows)]
        order = torch.randperm(count, generator=self.order)
        for step, indices in enumerate(torch.split(order, self.config.batch_size)):
            batch = indices.to(gray.device)
            inputs, truth = self._pictures(gray, color, batch)
            with self.fabric.autocast():  # of a module's methods Fabric wraps only `forward` in it
                answer = self.objective.answer(self.model, inputs)
            loss = self.objective.loss(answer, truth)
            self.optimizer.zero_grad()
            self.fabric.backward(loss)
            self._take_step()
            loss_sum += loss.detach() * len(batch)
            if step % _ACCURACY_STRIDE == 0:
                prediction = self.objective.color(inputs, answer.detach())
                accuracies.append(accuracy_within(to_uint8(prediction), to_uint8(truth)))
        return {
            "train_loss": float(loss_sum) / count,
            "train_accuracy": sum(accuracies) / len(accuracies),
        }

    def _pictures(self, gray: Tensor, color: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
        """The pictures at some places as the network shall see them and as it shall color them, both signed."""
        if self.augmentation is None:
            return gray_batch(gray[batch]), rgb_batch(color[batch])
        return self.augmentation(rgb_batch(color[batch]), None if self.aspects is None else self.aspects[batch.cpu()])

    def _take_step(self) -> None:
        if self.config.clip_norm:
            clip_grad_norm_(self.plain_model.parameters(), self.config.clip_norm)
        self.optimizer.step()
        if self.schedule is not None:
            self.schedule.step()
        if self.average is not None:
            self.average.update_parameters(self.plain_model)

    def _kept(self) -> ColorizationModel:
        """The network whose weights are kept: the average, where there is one."""
        return self.plain_model if self.average is None else cast("ColorizationModel", self.average.module)

    def _is_done(self) -> bool:
        if len(self.rows) >= self.config.max_epochs:
            return True
        losses = [row["val_loss"] for row in self.rows]
        return _RULES[self.config.stopping](losses, self.config.patience, self.config.min_delta)

    def _require_finite(self, row: dict[str, Any]) -> None:
        if not math.isfinite(row["train_loss"] + row["val_loss"]):
            raise ConfigError(
                f"{self.run.path}: the loss is no longer a finite number in epoch {row['epoch']}; "
                f"lower the learning rate ({self.config.learning_rate})"
            )

    def _save(self) -> None:
        """Write the best weights first and the state to resume from last: see the class."""
        if _best(self.config, self.rows) is self.rows[-1]:
            save_checkpoint(self.run.weights, Checkpoint(self._kept(), self.fingerprint, self.rows[-1]))
        self.run.write_history(self.rows)
        with written_whole(self.run.resume_state) as aside:
            torch.save(
                {
                    **{name: part.state_dict() for name, part in self._moving_parts().items()},
                    "order": self.order.get_state(),
                    "random": torch.get_rng_state(),
                    "rows": self.rows,
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

    def _resume(self) -> None:
        if not self.run.resume_state.is_file():
            return
        try:
            state = torch.load(self.run.resume_state, weights_only=True, map_location=self.fabric.device)
            for name, part in self._moving_parts().items():
                part.load_state_dict(state[name])
            self.order.set_state(state["order"].cpu())
            torch.set_rng_state(state["random"].cpu())
            self.rows = state["rows"]
            data = state["data"]
        except Exception as error:  # torch raises whatever broken bytes lead it to: IndexError, RuntimeError, ...
            raise CheckpointError(
                f"{self.run.resume_state}: broken ({type(error).__name__}); delete {self.run.path} to start anew"
            ) from error
        if data != self.fingerprint:
            raise ConfigError(f"{self.run.path}: its pictures have changed since it began; delete it to start anew")
