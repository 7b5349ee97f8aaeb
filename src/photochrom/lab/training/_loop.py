"""The training loop: seeded, measured after every epoch, and resumable after a kill at any point."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from photochrom.color import to_uint8
from photochrom.errors import CheckpointError, ConfigError
from photochrom.files import written_whole
from photochrom.lab.checkpoint import Checkpoint, save_checkpoint
from photochrom.lab.datasets import Pairs
from photochrom.lab.metrics import accuracy_within
from photochrom.lab.models import ColorizationModel, DistributionModel, EncodingModel
from photochrom.lab.training._augmentation import get_augmentation
from photochrom.lab.training._config import TrainingConfig
from photochrom.lab.training._objective import get_objective
from photochrom.lab.training._optimization import get_average, get_optimizer, get_schedule
from photochrom.lab.training._predictions import BATCH_SIZE, gray_batch, rgb_batch, score
from photochrom.lab.training._processes import Processes
from photochrom.lab.training._records import Epoch
from photochrom.lab.training._run_folder import RunFolder
from photochrom.lab.training._stopping import has_settled, is_out_of_patience
from photochrom.tensors import GrayPictures, RgbPictures

if TYPE_CHECKING:
    from lightning_fabric import Fabric

EpochCallback = Callable[[Epoch], None]
"""Called after every epoch with its figures."""

_ACCURACY_STRIDE = 8
"""Training accuracy is measured on every eighth batch: casting each batch to bytes would take a tenth of the time."""

_RULES = {"settled": has_settled, "patience": is_out_of_patience}


def best_epoch(config: TrainingConfig, rows: list[Epoch]) -> Epoch:
    """The epoch whose weights are kept; of equally good ones the first."""
    if config.select_by == "last":
        return rows[-1]
    if config.select_by == "accuracy":
        return max(rows, key=lambda row: row.val_accuracy)
    return min(rows, key=lambda row: row.val_loss)


class Loop:
    """One training run in memory: network, optimizer, random states and history.

    `resume.pt` holds all of them. It is written at the end of every epoch, after the other files, so a run that is
    killed at any point repeats at most one epoch, bit for bit.
    """

    def __init__(
        self,
        fabric: "Fabric",
        processes: Processes,
        config: TrainingConfig,
        run: RunFolder,
        model: ColorizationModel,
        fingerprint: dict[str, Any],
        pictures: list[int],
    ) -> None:
        self.pictures = pictures
        self.fabric = fabric
        self.processes = processes
        self.config = config
        self.run = run
        self.fingerprint = fingerprint
        self.objective = get_objective(
            config.loss, model, doubling_chroma=config.doubling_chroma, compiled=config.compiled
        )
        self.augmentation = get_augmentation(config.augmentation, config.worn)
        if processes.count > 1 and fabric.device.type == "cuda":  # torch has it for no other
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
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
        mine = self.processes.share_of_row(len(val), BATCH_SIZE)
        val_gray, val_color = (torch.from_numpy(array[mine]).to(self.fabric.device) for array in (val.gray, val.truth))
        self.aspects = None if train.aspects is None else torch.from_numpy(train.aspects)
        while not self._is_done():
            started = time.perf_counter()
            train_loss, train_accuracy = self._train_epoch(train_gray, train_color)
            found = self.processes.mean(score(self.measured, self.objective, val_gray, val_color), len(val_gray))
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
            if on_epoch is not None and self.processes.is_first:
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
        if isinstance(self.plain_model, EncodingModel):
            is_tuned = len(self.rows) >= self.config.frozen_epochs
            self.plain_model.train_encoder_from(self.config.tuned_stride if is_tuned else None)
            if self.config.last_layer_only:
                self.plain_model.train_last_layer_only()
        self.model.train()
        loss_sum = torch.zeros((), device=self.fabric.device)
        accuracies: list[float] = []
        count = self.pictures[len(self.rows)]
        order = torch.randperm(count, generator=self.order)
        for step, indices in enumerate(torch.split(order, self.config.batch_size)):
            mine, part = self.processes.share(indices)
            inputs, truth = self._pictures(gray, color, mine)
            with self.fabric.autocast():  # of a module's methods Fabric wraps only `forward` in it
                answer = self.objective.answer(self.model, inputs)
            loss = self.objective.loss(answer, truth)
            self.optimizer.zero_grad()
            self.fabric.backward(loss)
            loss_sum += self._averaged(loss.detach(), answer.detach(), truth, part) * len(indices)
            self._take_step()
            if step % _ACCURACY_STRIDE == 0:
                prediction = self.objective.color(inputs, answer.detach())
                accuracies.append(part * accuracy_within(to_uint8(prediction), to_uint8(truth)))
        return float(loss_sum) / count, self.processes.total(sum(accuracies)) / len(accuracies)

    def _averaged(self, loss: Tensor, answer: Tensor, truth: Tensor, part: float) -> Tensor:
        """Average the loss, the gradients and the statistics of batch norm over all processes; gives the loss.

        Args:
            part: How much of the batch this process computed.
        """
        if self.processes.count == 1:
            return loss
        trained = [weights for weights in self.plain_model.parameters() if weights.requires_grad]
        for weights in trained:
            weights.grad = torch.zeros_like(weights) if weights.grad is None else weights.grad
        weight = self.objective.weight(answer, truth) * (part / len(truth))
        self.processes.average([loss, *(cast("Tensor", weights.grad) for weights in trained)], weight)
        self.processes.average([buffer for buffer in self.plain_model.buffers() if buffer.is_floating_point()], part)
        return loss

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
        randoms = self.processes.gathered(torch.get_rng_state())
        if not self.processes.is_first:
            return
        if best_epoch(self.config, self.rows) is self.rows[-1]:
            save_checkpoint(self.run.weights, Checkpoint(self._kept(), self.fingerprint, asdict(self.rows[-1])))
        self.run.write_history(self.rows)
        with written_whole(self.run.resume_state) as aside:
            torch.save(
                {
                    **{name: part.state_dict() for name, part in self._moving_parts().items()},
                    "order": self.order.get_state(),
                    "random": randoms[0],
                    "others_random": randoms[1:],
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
        state = self.processes.told(self._read_state() if self.processes.is_first else {})
        if not state:
            self._begin_cycle()
            return
        randoms = [state["random"], *state.get("others_random", [])]
        if len(randoms) != self.processes.count:
            raise ConfigError(f"{self.run.path}: its training began on {len(randoms)} devices; go on with as many")
        try:
            self.rows = [Epoch(**row) for row in state["rows"]]
            self._begin_cycle()
            for name, part in self._moving_parts().items():
                if name not in ("optimizer", "schedule") or not self._is_at_cycle_start():  # else it is of the last one
                    part.load_state_dict(state[name])
            self.order.set_state(state["order"])
            torch.set_rng_state(randoms[self.processes.number])
            data = state["data"]
        except Exception as error:
            raise self._broken(error) from error
        if data != self.fingerprint:
            raise ConfigError(f"{self.run.path}: its pictures have changed since it began; delete it to start anew")

    def _read_state(self) -> dict[str, Any]:
        """What `_save` wrote; empty if nothing was written yet."""
        if not self.run.resume_state.is_file():
            return {}
        try:
            state = torch.load(self.run.resume_state, weights_only=True, map_location="cpu")
            state["random"]
        except Exception as error:  # broken bytes make torch raise IndexError, RuntimeError and others
            raise self._broken(error) from error
        return cast("dict[str, Any]", state)

    def _broken(self, error: Exception) -> CheckpointError:
        return CheckpointError(
            f"{self.run.resume_state}: broken ({type(error).__name__}); delete {self.run.path} to start anew"
        )
