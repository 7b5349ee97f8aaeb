import os
from collections.abc import Iterator
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from photochrom.server.workbench import BusyError, LostError, SlowError, Workbench, WorkbenchError

from photochrom.album import Options
from photochrom.coloring import Result
from photochrom.errors import CheckpointError, ConfigError
from photochrom.server.settings import Settings
from photochrom.server.tasks import color, guess


@pytest.fixture
def workbench(settings: Settings, odd_tasks: Any) -> Iterator[Workbench]:
    workbench = Workbench(replace(settings, queue=1))
    workbench.start()
    yield workbench
    workbench.close()


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """Opening it waits until the other side does too."""
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def held(workbench: Workbench, odd_tasks: Any, pipe: Path, options: Options) -> Any:
    """An order that is at work until the writer, its other part, is closed."""
    order = workbench.submit(odd_tasks.hold, str(pipe).encode, options)
    return order, pipe.open("w")


def test_a_guess_can_be_adjusted_without_the_networks(
    workbench: Workbench, gray_photo: bytes, options: Options
) -> None:
    (result,) = workbench.submit(guess, lambda: gray_photo, options).answer.result()
    assert isinstance(result, Result)
    assert (result.adjusted(strength=0.0).rgb.std(axis=2) < 1.0).all()


def test_a_color_is_the_one_of_the_colorizer(workbench: Workbench, gray_photo: bytes, options: Options) -> None:
    colored = workbench.submit(color, lambda: gray_photo, options).answer.result()
    (result,) = workbench.submit(guess, lambda: gray_photo, options).answer.result()
    assert colored.pictures[0].ending == ".png"
    assert colored.pictures[0].content.startswith(b"\x89PNG")
    assert colored.confidence.mean == pytest.approx(float(result.guess.confidence.mean()))


def test_a_process_that_dies_takes_its_photo_alone(
    workbench: Workbench, odd_tasks: Any, gray_photo: bytes, options: Options
) -> None:
    with pytest.raises(LostError):
        workbench.submit(odd_tasks.die, bytes, options).answer.result()
    assert workbench.submit(color, lambda: gray_photo, options).answer.result().width == 64


def test_what_takes_too_long_is_given_up(
    settings: Settings, odd_tasks: Any, pipe: Path, gray_photo: bytes, options: Options
) -> None:
    workbench = Workbench(replace(settings, seconds_a_photo=0.01))
    workbench.start()
    try:
        with pytest.raises(SlowError, match="longer than"):
            workbench.submit(odd_tasks.hold, str(pipe).encode, options).answer.result()
    finally:
        workbench.close()


def test_a_fault_is_told_without_what_it_says(workbench: Workbench, odd_tasks: Any, options: Options) -> None:
    with pytest.raises(WorkbenchError, match=r"ValueError in fail at odd_tasks.py") as caught:
        workbench.submit(odd_tasks.fail, bytes, options).answer.result()
    assert "grandmother" not in str(caught.value)


def test_a_full_queue_refuses_all_but_the_patient(
    workbench: Workbench, odd_tasks: Any, pipe: Path, gray_photo: bytes, options: Options
) -> None:
    at_work, writer = held(workbench, odd_tasks, pipe, options)
    waits = workbench.submit(color, lambda: gray_photo, options)
    with pytest.raises(BusyError):
        workbench.submit(color, lambda: gray_photo, options)
    patient = workbench.submit(color, lambda: gray_photo, options, is_patient=True)
    assert (workbench.waiting, workbench.at_work) == (2, 1)
    writer.close()
    assert at_work.answer.result() == ""
    assert waits.answer.result().pictures == patient.answer.result().pictures


def test_orders_can_be_given_up_while_they_wait_and_while_they_are_at_work(
    workbench: Workbench, odd_tasks: Any, pipe: Path, gray_photo: bytes, options: Options
) -> None:
    at_work, writer = held(workbench, odd_tasks, pipe, options)
    waits = workbench.submit(color, lambda: gray_photo, options)
    workbench.cancel(waits)
    workbench.cancel(at_work)
    for order in (waits, at_work):
        with pytest.raises(CancelledError):
            order.answer.result()
    writer.close()
    order = workbench.submit(color, lambda: gray_photo, options)
    assert order.answer.result().width == 64
    workbench.cancel(order)
    assert order.answer.result().width == 64


def test_closing_gives_all_orders_up(
    settings: Settings, odd_tasks: Any, pipe: Path, gray_photo: bytes, options: Options
) -> None:
    workbench = Workbench(settings)
    workbench.start()
    at_work, writer = held(workbench, odd_tasks, pipe, options)
    waits = workbench.submit(color, lambda: gray_photo, options)
    workbench.close()
    writer.close()
    for order in (waits, at_work):
        with pytest.raises(CancelledError):
            order.answer.result()
    with pytest.raises(BusyError):
        workbench.submit(color, lambda: gray_photo, options, is_patient=True)


def test_what_cannot_be_read_is_a_fault_of_the_order_alone(workbench: Workbench, options: Options) -> None:
    with pytest.raises(WorkbenchError, match="FileNotFoundError"):
        workbench.submit(color, Path("no-such-photo").read_bytes, options).answer.result()


def test_processes_have_no_deep_learning_framework(workbench: Workbench, odd_tasks: Any, options: Options) -> None:
    modules = workbench.submit(odd_tasks.modules, bytes, options).answer.result()
    assert not modules & {"torch", "lightning_fabric", "fastapi", "gradio"}


@pytest.mark.parametrize("model", ["no-such-model", "no-such-model.onnx"])
def test_a_missing_network_is_told_at_the_start(settings: Settings, model: str) -> None:
    with pytest.raises((CheckpointError, ConfigError), match="no-such-model"):
        Workbench(replace(settings, model=model)).start()
