"""The processes that train one network together, each on a device of its own."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, distributed

from photochrom.errors import ConfigError, LostProcessError, reason_of

Message = TypeVar("Message")


class Processes:
    """The processes that train one network together, one a device; mostly, there is only this one.

    All hold the same network, to the bit. Each computes its share of every batch, and what they found is averaged.
    Gradients are averaged here and not by torch's `DistributedDataParallel`: that sums in an order that depends on how
    many steps it saw, so that a resumed training of three processes might differ in the last bits; it does not follow
    parts of a network that begin to be trained; and it takes all shares for equally large.

    Args:
        device: What this process computes on.
        count: How many they are.
        number: Which one this is, from 0.
    """

    def __init__(self, device: torch.device, count: int = 1, number: int = 0) -> None:
        self.count = count
        self.number = number
        self._device = device

    @property
    def is_first(self) -> bool:
        """Whether this process writes and tells."""
        return self.number == 0

    def share(self, batch: Tensor) -> tuple[Tensor, float]:
        """The pictures of a batch that this process computes, and how much of the batch they are.

        A batch of fewer pictures than processes is computed by all of them.

        Args:
            batch: Indices of pictures, the same in all processes.
        """
        if len(batch) < self.count:
            return batch, 1.0 / self.count
        mine = torch.tensor_split(batch, self.count)[self.number]
        return mine, len(mine) / len(batch)

    def share_of_row(self, length: int, step: int) -> slice:
        """The part of a row of pictures that this process computes; it begins and ends at a multiple of `step`."""
        steps = -(-length // step)
        start, stop = (step * (steps * number // self.count) for number in (self.number, self.number + 1))
        return slice(start, min(stop, length))

    def average(self, tensors: Sequence[Tensor], weight: Tensor | float) -> None:
        """Replace tensors by their weighted mean over all processes, the same bits in each.

        Args:
            weight: Of the tensors of this process, at least 0.
        """
        if self.count == 1 or not tensors:
            return
        row = torch.cat([*(tensor.reshape(-1) for tensor in tensors), torch.ones(1, device=self._device)]) * weight
        self._add_up(row)
        parts = torch.split(row[:-1] / row[-1], [tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view(tensor.shape))

    def total(self, value: float) -> float:
        """The sum of a number over all processes."""
        if self.count == 1:
            return value
        found = torch.tensor(value, dtype=torch.float64, device=self._device)
        self._add_up(found)
        return float(found)

    def mean(self, figures: Mapping[str, float], count: int) -> dict[str, float]:
        """The mean of figures over the pictures of all processes.

        Args:
            figures: Each a mean over the pictures of this process.
            count: How many these are; may be 0.
        """
        if self.count == 1:
            return dict(figures)
        pictures = self.total(count)
        return {name: self.total(value * count) / pictures for name, value in figures.items()}

    def told(self, message: Message) -> Message:
        """What the first process says; the others' messages do not matter."""
        return message if self.count == 1 else self.gathered(message)[0]

    def gathered(self, message: Message) -> list[Message]:
        """What each process says, by number."""
        if self.count == 1:
            return [message]
        said: list[Any] = [None] * self.count
        with _told_if_lost():
            distributed.all_gather_object(said, message)
        return cast("list[Message]", said)

    def _add_up(self, row: Tensor) -> None:
        with _told_if_lost():
            distributed.all_reduce(row)


@contextmanager
def _told_if_lost() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # of gloo or NCCL
        raise LostProcessError(
            "another process of this training ended or cannot be reached; the same command goes on where it was"
        ) from error


@dataclass(frozen=True)
class Ranks:
    """Which of the processes of a training this one is.

    Attributes:
        number: From 0; the first alone writes files and tells what happens.
        count: How many they are.
        local_number: Its number among those of this machine, from 0.
        local_count: How many are on this machine.
    """

    number: int = 0
    count: int = 1
    local_number: int = 0
    local_count: int = 1

    @classmethod
    def of_environment(cls) -> "Ranks":
        """What torchrun, and others that start processes, tell by variables; a single process if they tell nothing.

        Raises:
            ConfigError: A variable makes no sense.
        """
        count = _number("WORLD_SIZE", 1, below=_MOST_PROCESSES) if "RANK" in os.environ else 1
        if count <= 1:
            return cls()
        number = _number("RANK", 0, below=count)
        local_number = _number("LOCAL_RANK", number, below=count)
        return cls(number, count, local_number, _number("LOCAL_WORLD_SIZE", local_number + 1, below=count + 1))


_MOST_PROCESSES = 2**16


def _number(variable: str, default: int, below: int) -> int:
    text = os.environ.get(variable, str(default))
    if not text.isdecimal() or int(text) >= below:
        raise ConfigError(f"{variable} is {text!r} in the environment, and not a number below {below}")
    return int(text)


def is_first_process() -> bool:
    """Whether this process trains alone, or is the first of those that train together."""
    return Ranks.of_environment().number == 0


def join_processes(device: torch.device, ranks: Ranks) -> Processes:
    """Meet the other processes of a training.

    Args:
        device: What this process computes on.
        ranks: Which one it is.

    Raises:
        ConfigError: They do not reach each other.
    """
    if ranks.count > 1 and not distributed.is_initialized():
        try:
            distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
        except (RuntimeError, ValueError) as error:
            told = f"the {ranks.count} processes of this training do not reach each other ({reason_of(error)})"
            raise ConfigError(told) from error
    return Processes(device, ranks.count, ranks.number)
