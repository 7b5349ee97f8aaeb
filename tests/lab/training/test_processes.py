"""One training by several processes."""

import hashlib
import multiprocessing
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from photochrom.color import luma
from photochrom.errors import ConfigError, LostProcessError, PhotochromError
from photochrom.lab import models
from photochrom.lab.datasets.synthetic import Synthetic
from photochrom.lab.experiments import _experiment as experiments
from photochrom.lab.training import RunFolder, TrainingConfig, fit
from photochrom.lab.training._loop import Loop
from photochrom.lab.training._objective import get_objective
from photochrom.lab.training._processes import Processes, Ranks, join_processes

needs_fork = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked, to spare them the imports")

PLAIN = TrainingConfig(
    optimizer="adamw", learning_rate=0.01, clip_norm=0.5, average=0.8, max_epochs=3, precision="fp32", batch_size=24
)
"""Without batch norm, and without random numbers other than those of the first weights and of the order."""

FULL = experiments.DISTRIBUTION.varied(
    model="scene_unet",
    hyperparameters={"width": 8},
    initial_weights="imagenet",
    augmentation="scenes",
    doubling_chroma=60.0,
    frozen_epochs=1,
    learning_rate=0.01,
    average=0.8,
    batch_size=16,
    max_epochs=3,
    precision="fp32",
)
"""With batch norm, dropout, augmentation, an average, and an encoder that is trained from the second epoch on."""


def uneven_faces() -> Synthetic:
    """For the last batch of 24 five pictures are left, for that of 51 two; 21 are validated in parts of 20 and 1."""
    return Synthetic(train_count=53, val_count=21, test_count=4, size=16)


class Together:
    """What several processes of one training gave, by number: figures or an error, and a checksum of the weights."""

    def __init__(
        self, count: int, config: TrainingConfig, folder: Path, prepare: Callable[[int], None], device: str = "cpu"
    ) -> None:
        context = multiprocessing.get_context("fork")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        ends = [context.Pipe(duplex=False) for _ in range(count)]
        processes = [
            context.Process(target=_train, args=(number, count, port, config, folder, prepare, device, end))
            for number, (_, end) in enumerate(ends)
        ]
        for process, (_, end) in zip(processes, ends, strict=True):
            process.start()
            end.close()
        self.results: list[Any] = [None] * count
        self.weights: list[str] = [""] * count
        for number, (here, _) in enumerate(ends):
            with suppress(EOFError):  # it was killed
                self.results[number], self.weights[number] = here.recv()
        for process in processes:
            process.join()


def started_as(number: int, count: int) -> dict[str, str]:
    """What torchrun tells a process."""
    names = {"RANK": number, "LOCAL_RANK": number, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    return {name: str(value) for name, value in names.items()}


def _train(
    number: int,
    count: int,
    port: int,
    config: TrainingConfig,
    folder: Path,
    prepare: Callable[[int], None],
    device: str,
    end: Any,
) -> None:
    os.environ.update(
        started_as(number, count), MASTER_PORT=str(port), MASTER_ADDR="127.0.0.1", GLOO_SOCKET_IFNAME="lo"
    )
    loops: list[Loop] = []
    begin = Loop.train
    Loop.train = lambda loop, *data: loops.append(loop) or begin(loop, *data)  # type: ignore[method-assign, assignment, func-returns-value]
    result: Any
    try:
        prepare(number)
        result = fit(config, RunFolder(folder), device=device, dataset=uneven_faces())
    except (PhotochromError, _StoppedError) as error:
        result = error
    end.send((result, "".join(_checksum(loop) for loop in loops)))


def _checksum(loop: Loop) -> str:
    state = {
        **loop.plain_model.state_dict(),
        **{f"mean {name}": part for name, part in loop._kept().state_dict().items()},
    }
    # How often batch norm was measured counts for nothing here.
    numbers = [part.numpy().tobytes() for name, part in state.items() if "num_batches" not in name]
    return hashlib.sha256(b"".join(numbers)).hexdigest()


class _StoppedError(Exception):
    """Stands for a kill of all processes."""


def untouched(number: int) -> None:
    """Let a process train to the end."""


def stopped_after_two_epochs(number: int) -> None:
    """Stop every process after its second epoch was written."""
    done = Loop._is_done

    def is_done(loop: Loop) -> bool:
        if len(loop.rows) == 2:
            raise _StoppedError
        return done(loop)

    Loop._is_done = is_done  # type: ignore[method-assign]


def second_killed_in_the_second_epoch(number: int) -> None:
    """Kill the second process while it computes."""
    pictures = Loop._pictures

    def dying(loop: Loop, *args: Any) -> Any:
        if number == 1 and len(loop.rows) == 1:
            os.kill(os.getpid(), 9)
        return pictures(loop, *args)

    Loop._pictures = dying  # type: ignore[method-assign]


def course(folder: Path) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in asdict(row).items() if name != "seconds"} for row in RunFolder(folder).history()
    ]


@needs_fork
@pytest.mark.parametrize(("count", "batch_size"), [(2, 24), (3, 51)])
def test_several_devices_give_the_losses_of_one(tmp_path: Path, count: int, batch_size: int) -> None:
    config = PLAIN.varied(batch_size=batch_size)
    fit(config, RunFolder(tmp_path / "one"), device="cpu", dataset=uneven_faces())
    several = Together(count, config, tmp_path / "several", untouched)
    assert several.results[0] == several.results[-1] == RunFolder(tmp_path / "several").metrics()
    assert several.results[0].device == f"{count} x cpu"
    assert len(set(several.weights)) == 1
    for row, expected in zip(course(tmp_path / "several"), course(tmp_path / "one"), strict=True):
        assert row == pytest.approx(expected, rel=1e-4)


@needs_fork
@pytest.mark.slow
def test_a_training_on_several_devices_that_was_cut_off_ends_like_an_unbroken_one(tmp_path: Path) -> None:
    whole = Together(2, FULL, tmp_path / "whole", untouched)
    assert whole.weights[0] == whole.weights[1]
    cut = Together(2, FULL, tmp_path / "cut", stopped_after_two_epochs)
    assert [type(result) for result in cut.results] == [_StoppedError, _StoppedError]
    with pytest.raises(ConfigError, match="began on 2 devices; go on with as many"):
        fit(FULL, RunFolder(tmp_path / "cut"), device="cpu", dataset=uneven_faces())
    resumed = Together(2, FULL, tmp_path / "cut", untouched)
    assert resumed.weights == whole.weights
    assert course(tmp_path / "cut") == course(tmp_path / "whole")


@needs_fork
def test_a_process_that_is_killed_ends_the_others_and_the_training_goes_on_later(tmp_path: Path) -> None:
    whole = Together(2, PLAIN, tmp_path / "whole", untouched)
    first, second = Together(2, PLAIN, tmp_path / "cut", second_killed_in_the_second_epoch).results
    assert second is None
    assert isinstance(first, LostProcessError)
    assert "the same command goes on" in str(first)
    assert len(course(tmp_path / "cut")) == 1
    assert Together(2, PLAIN, tmp_path / "cut", untouched).weights == whole.weights


@needs_fork
def test_processes_with_different_settings_do_not_train(tmp_path: Path) -> None:
    def with_other_pictures(number: int) -> None:
        fingerprint = Synthetic.fingerprint
        Synthetic.fingerprint = lambda self: fingerprint(self) | {"number": number}  # type: ignore[method-assign]

    for result in Together(2, PLAIN, tmp_path, with_other_pictures).results:
        assert str(result) == "the processes of this training have different pictures"


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_the_loss_of_a_batch_is_the_weighted_mean_of_those_of_its_shares(loss: str) -> None:
    torch.manual_seed(0)
    model = models.create("chroma_unet", {"width": 4, "depth": 2, "blocks": 1}).eval().requires_grad_(False)
    objective = get_objective(loss, model, doubling_chroma=60.0 if loss == "cross_entropy" else 0.0)
    color = torch.rand(5, 3, 16, 16) * torch.linspace(0.1, 2.0, 5).reshape(5, 1, 1, 1) - 1.0
    answer = objective.answer(model, luma(color))
    shares = [(answer[place], color[place]) for place in (slice(3), slice(3, 5))]
    weights = [float(objective.weight(*share)) for share in shares]
    mean = sum(weight * float(objective.loss(*share)) for weight, share in zip(weights, shares, strict=True))
    assert mean / sum(weights) == pytest.approx(float(objective.loss(answer, color)), rel=1e-5)


@pytest.mark.parametrize(("count", "length"), [(1, 45), (2, 45), (3, 45), (4, 45), (5, 5), (2, 0)])
def test_shares_are_a_whole(count: int, length: int) -> None:
    everyone = [Processes(torch.device("cpu"), count, number) for number in range(count)]
    row = list(range(length))
    assert [place for one in everyone for place in row[one.share_of_row(length, 20)]] == row
    assert all(one.share_of_row(length, 20).start % 20 == 0 for one in everyone)
    shares = [one.share(torch.arange(length)) for one in everyone]
    assert sum(part for _, part in shares) == pytest.approx(1.0)
    if length >= count:
        assert torch.equal(torch.cat([mine for mine, _ in shares]), torch.arange(length))


@pytest.mark.parametrize(
    ("changes", "variables", "text"),
    [
        ({"batch_size": 25}, started_as(1, 2), "a batch of 25 cannot be divided among 2 devices"),
        ({"model": "lookup_table", "optimizer": "closed_form"}, started_as(0, 2), "closed_form computes on one device"),
        ({}, {"RANK": "0", "WORLD_SIZE": "two"}, "WORLD_SIZE is 'two' in the environment, and not a number"),
        ({}, started_as(2, 2), "RANK is '2' in the environment, and not a number below 2"),
    ],
)
def test_processes_that_cannot_train_together_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], variables: dict[str, str], text: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=text):
        fit(PLAIN.varied(**changes), RunFolder(tmp_path), device="cpu", dataset=uneven_faces())


def test_processes_that_do_not_meet_are_told_even_without_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> None:
        raise RuntimeError

    monkeypatch.setattr("torch.distributed.init_process_group", fail)
    with pytest.raises(ConfigError, match=r"do not reach each other \(RuntimeError\)"):
        join_processes(torch.device("cpu"), Ranks(count=2))


def test_a_process_that_was_started_alone_trains_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Ranks.of_environment() == Ranks()
    for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"):  # without a number of its own it is not one of them
        monkeypatch.setenv(name, "4")
    assert Ranks.of_environment() == Ranks()
    monkeypatch.setenv("RANK", "3")
    assert Ranks.of_environment() == Ranks(3, 4, 3, 4)


def test_more_cuda_devices_than_there_are_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from photochrom.lab.training import _device

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ConfigError, match="only 1 CUDA device is on this machine, not 2"):
        _device._require_devices("cuda", 2)
    with pytest.raises(ConfigError, match="only 1 MPS device"):
        _device._require_devices("mps", 2)


@needs_fork
@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="no two CUDA devices")
def test_two_cuda_devices_measure_batch_norm_together(tmp_path: Path) -> None:
    config = PLAIN.varied(hyperparameters={"batch_norm": True})
    for count in (1, 2):
        Together(count, config, tmp_path / str(count), untouched, "cuda")
    for row, expected in zip(course(tmp_path / "2"), course(tmp_path / "1"), strict=True):
        assert row == pytest.approx(expected, rel=1e-2)
