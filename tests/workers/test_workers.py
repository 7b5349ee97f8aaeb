import asyncio
import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from photochrom.coloring import Model
from photochrom.errors import (
    BusyError,
    CheckpointError,
    ConfigError,
    LostError,
    PhotoError,
    SlowError,
    StartError,
)
from photochrom.workers import (
    Deferred,
    FaultError,
    Pending,
    Pool,
    Worker,
    _machine,
    _worker,
    announce_size,
    default_workers,
)
from photochrom.workers._remote import _outcome
from photochrom.workers._worker import EndedError

_LONG_SECONDS = 60.0
"""Until a task counts as one that nobody does."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the odd tasks use signals and named pipes")


def test_a_task_gets_its_arguments_and_gives_plain_data(pool: Pool, odd: Any) -> None:
    value = {"content": b"\x00" * 100_000, "faces": [1.5, None], "name": "奶奶"}
    assert pool.submit(odd.give, value).result() == value


def test_what_decoders_print_does_not_come_between_the_answers(pool: Pool, odd: Any) -> None:
    for _ in range(2):
        assert pool.submit(odd.chatter).result() == ["", "an answer"]


def test_an_answer_can_be_awaited(pool: Pool, odd: Any) -> None:
    async def answer() -> Any:
        return await asyncio.wrap_future(pool.submit(odd.give, 1))

    assert asyncio.run(answer()) == 1


def test_a_refusal_arrives_as_it_was_raised(pool: Pool, odd: Any) -> None:
    with pytest.raises(ConfigError, match=r"^the hint lies outside the photo$"):
        pool.submit(odd.refuse).result()
    with pytest.raises(PhotoError, match="not enough memory"):
        pool.submit(odd.run_out_of_memory).result()


def test_a_fault_is_told_by_its_place_and_not_by_what_it_says(pool: Pool, odd: Any) -> None:
    with pytest.raises(FaultError, match=r"ValueError in fail at odd_tasks.py") as caught:
        pool.submit(odd.fail).result()
    assert "grandmother" not in str(caught.value)
    with pytest.raises(FaultError, match="TypeError"):
        pool.submit(odd.give_what_is_not_plain).result()


@pytest.mark.parametrize("name", ["reason_of", "__all__", "ValueError", "", "no-such"])
def test_a_worker_raises_nothing_but_our_own_errors(name: str) -> None:
    assert type(_worker.raised(name, "text")) is FaultError
    assert type(_worker.raised("ConfigError", "text")) is ConfigError


def test_a_photo_whose_worker_dies_is_tried_once_more(pool: Pool, odd: Any, tmp_path: Path) -> None:
    assert pool.submit(odd.end_the_first_time, str(tmp_path / "marker")).result() == "the second time"


def test_a_photo_of_which_two_workers_die_is_one_clear_line(pool: Pool, odd: Any) -> None:
    with pytest.raises(LostError, match=r"^the process that colored it ended with status 3; save the photo with "):
        pool.submit(odd.end).result()
    with pytest.raises(LostError, match=r"was killed, most likely for want of memory; make the photo smaller, or "):
        pool.submit(odd.be_killed).result()
    assert pool.submit(odd.give, 1).result() == 1


def test_what_takes_too_long_is_given_up_at_once(pool: Pool, odd: Any, pipe: Path) -> None:
    before = pool.submit(odd.process).result()
    with pytest.raises(SlowError, match=r"took longer than 0\.01 seconds"):
        pool.submit(odd.hold, str(pipe), timeout=0.01).result()
    assert pool.submit(odd.process).result() != before


def test_a_larger_photo_has_more_time_unless_the_user_said_how_much(
    pool: Pool, odd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed: list[float] = []

    class Deadline(_worker._Deadline):
        def __init__(self, worker: Any, seconds: float) -> None:
            allowed.append(seconds)
            super().__init__(worker, seconds)

        def extend(self, seconds: float) -> None:
            allowed.append(seconds)
            super().extend(seconds)

    pool.submit(odd.give, 1).result()  # it has loaded
    monkeypatch.setattr(_worker, "_Deadline", Deadline)
    pool.submit(odd.tell_size, 100.0).result()
    assert allowed == [60.0, 360.0]
    pool.submit(odd.tell_size, 100.0, timeout=5.0).result()
    assert allowed[2:] == [5.0]


def test_a_size_is_announced_to_nobody_outside_a_worker() -> None:
    announce_size(12.0)


@pytest.fixture
def short(model: Model, odd: Any, bare: None) -> Iterator[Pool]:
    """One worker, and a queue for one task."""
    with Pool(model, longest_queue=1) as pool:
        yield pool


def held(pool: Pool, odd: Any, pipe: Path) -> Any:
    """A task that a worker is at until the writer, its other part, is closed."""
    return pool.submit(odd.hold, str(pipe)), pipe.open("w")


def test_a_full_queue_refuses_all_but_the_patient(short: Pool, odd: Any, pipe: Path) -> None:
    at_work, writer = held(short, odd, pipe)
    waits = short.submit(odd.give, 1)
    with pytest.raises(BusyError):
        short.submit(odd.give, 2)
    patient = short.submit(odd.give, 3, is_patient=True)
    assert (short.waiting, short.at_work) == (2, 1)
    writer.close()
    assert [task.result() for task in (at_work, waits, patient)] == ["", 1, 3]
    assert (short.waiting, short.at_work) == (0, 0)


def test_tasks_can_be_cancelled_while_they_wait_and_while_a_worker_is_at_them(
    short: Pool, odd: Any, pipe: Path
) -> None:
    at_work, writer = held(short, odd, pipe)
    waits = short.submit(odd.give, 1)
    assert waits.cancel()
    assert wait([waits]).not_done == set()  # who waits for it is told
    assert waits.cancel()
    assert short.waiting == 0
    assert not at_work.cancel_waiting()
    assert at_work.cancel()
    for task in (at_work, waits):
        with pytest.raises(CancelledError):
            task.result()
    writer.close()
    done = short.submit(odd.give, 1)
    assert done.result() == 1
    assert not done.cancel()


def test_a_task_given_up_after_its_worker_answered_costs_the_next_one_no_attempt(
    pool: Pool, odd: Any, tmp_path: Path
) -> None:
    def give_up(answer: int) -> int:
        assert answered.result().cancel()
        return answer

    answered: Future[Pending] = Future()
    answered.set_result(pool.submit(odd.give, 1, then=give_up))
    assert answered.result().result() == 1
    assert pool.submit(odd.end_the_first_time, str(tmp_path / "marker")).result() == "the second time"


def test_a_worker_stays_that_was_not_yet_at_the_task_that_is_given_up(pool: Pool, odd: Any) -> None:
    def give_up() -> None:
        assert submitted.result().cancel()

    process = pool.submit(odd.process).result()
    submitted: Future[Pending] = Future()
    submitted.set_result(pool.submit(odd.give, Deferred(give_up)))
    with pytest.raises(CancelledError):
        submitted.result().result()
    assert pool.submit(odd.process).result() == process


def test_closing_gives_all_tasks_up_and_ends_the_workers(model: Model, odd: Any, bare: None, pipe: Path) -> None:
    pool = Pool(model)
    pool.start()
    process = pool.submit(odd.process).result()
    at_work, writer = held(pool, odd, pipe)
    waits = pool.submit(odd.give, 1)
    pool.close()
    writer.close()
    for task in (at_work, waits):
        with pytest.raises(CancelledError):
            task.result()
    with pytest.raises(BusyError):
        pool.submit(odd.give, 1, is_patient=True)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_two_workers_are_two_processes(model: Model, odd: Any, bare: None, pipe: Path) -> None:
    with Pool(model, workers=2) as pool:
        at_work, writer = held(pool, odd, pipe)
        assert [pool.submit(odd.give, number).result() for number in range(3)] == [0, 1, 2]
        writer.close()
        assert at_work.result() == ""


_PARENT = """
import sys
from photochrom.coloring import Model
from photochrom.workers import Pool
import odd_tasks

pool = Pool(Model(sys.argv[1], None))
pool.start()
pool.submit(odd_tasks.hold_open, sys.argv[2]).result()
"""


def test_workers_end_with_a_parent_that_is_killed(model: Model, odd: Any, pipe: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT, model.whole, str(pipe)])
    with parent, pipe.open() as held_open:
        parent.kill()
        parent.wait()
        assert held_open.read() == ""  # the worker is gone, or this would wait


def test_an_argument_is_read_when_its_turn_comes(short: Pool, odd: Any, pipe: Path) -> None:
    read: list[str] = []
    at_work, writer = held(short, odd, pipe)
    waits = short.submit(odd.give, Deferred(lambda: read.append("now") or b"content"))
    assert read == []
    writer.close()
    assert (at_work.result(), waits.result(), read) == ("", b"content", ["now"])


def test_an_argument_that_cannot_be_read_is_a_fault_of_its_task_alone(pool: Pool, odd: Any) -> None:
    with pytest.raises(FaultError, match="FileNotFoundError"):
        pool.submit(odd.give, Deferred(Path("no-such-photo").read_bytes)).result()
    assert pool.submit(odd.give, 1).result() == 1


def test_workers_know_no_framework_and_import_nothing_from_the_current_folder(real_pool: Pool, odd: Any) -> None:
    told = real_pool.submit(odd.surroundings).result()
    assert not set(told["modules"]) & {"torch", "lightning_fabric", "fastapi", "scipy", "matplotlib"}
    assert "" not in told["path"]
    assert os.getcwd() not in told["path"]  # noqa: PTH109 - as text


def test_ctrl_c_is_the_parents_alone(real_pool: Pool, odd: Any) -> None:
    assert real_pool.submit(odd.surroundings).result()["blocks_ctrl_c"]


@pytest.mark.parametrize("name", ["no-such-model", "no-such-model.onnx"])
def test_a_missing_network_is_told_at_the_start(name: str) -> None:
    with pytest.raises(CheckpointError, match="no-such-model"):
        Pool(Model(name, None)).start()


def test_a_network_that_colors_no_photos_is_told_with_each_task(
    network_without_probabilities: Path, model: Model, odd: Any
) -> None:
    with Pool(replace(model, whole=str(network_without_probabilities))) as pool:
        for _ in range(2):
            with pytest.raises(StartError, match="without probabilities"):
                pool.submit(odd.give, 1).result()


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("raise SystemExit(5)", "ended with status 5; reinstall photochrom"),
        (
            "import os; os.kill(os.getpid(), 9)",
            "was killed, most likely for want of memory; close other programs, or color fewer at once",
        ),
    ],
)
def test_a_worker_that_dies_at_once_is_told_without_blaming_a_photo(
    program: str, told: str, model: Model, odd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_worker, "_COMMAND", (sys.executable, "-c", program))
    with Pool(model) as pool, pytest.raises(StartError) as caught:
        pool.submit(odd.give, 1).result()
    assert str(caught.value) == f"while loading its networks, a worker process {told}"


def test_how_a_worker_on_a_node_ended_arrives_whole() -> None:
    def end() -> None:
        raise EndedError("ended with status 5", "reinstall photochrom", 60.0)

    _, told, _ = _outcome(end)
    there = EndedError(*told)
    assert (str(there), there.advice, there.overdue) == ("ended with status 5", "reinstall photochrom", 60.0)


@pytest.fixture
def stubborn(model: Model, odd: Any, bare: None) -> Iterator[Pool]:
    """One worker, which the system refuses to start twice; then it starts."""
    refusals = [OSError(errno.EAGAIN, "Resource temporarily unavailable"), OSError(errno.ENOMEM, "Cannot allocate")]

    def hire(*setup: Any) -> Worker:
        if refusals:
            raise refusals.pop()
        return Worker(*setup)

    with Pool(model, hire=hire) as pool:
        yield pool


def test_a_process_that_the_system_does_not_start_is_told_and_tried_again_with_the_next_task(
    stubborn: Pool, odd: Any
) -> None:
    with pytest.raises(StartError, match=r"^a worker process cannot be started \(Resource temporarily unavailable\); "):
        stubborn.submit(odd.give, 1).result(_LONG_SECONDS)
    assert stubborn.submit(odd.give, 2).result(_LONG_SECONDS) == 2


@pytest.mark.parametrize("failure", [BrokenPipeError(), ValueError("I/O operation on closed file")])
def test_a_remark_that_cannot_be_printed_ends_nothing(failure: Exception, model: Model, odd: Any, bare: None) -> None:
    class Talkative(Worker):
        def load(self) -> str:
            super().load()
            return "the networks run by cuda"

    def print_it(_: str) -> None:
        raise failure

    with Pool(model, on_remark=print_it, hire=Talkative) as pool:
        process = pool.submit(odd.process).result(_LONG_SECONDS)
        assert pool.submit(odd.process).result(_LONG_SECONDS) == process


def test_a_fault_at_the_start_is_told_with_the_task(model: Model, odd: Any, bare: None) -> None:
    class Faulty(Worker):
        def load(self) -> str:
            super().load()
            raise KeyError("remark")

    with Pool(model, hire=Faulty) as pool, pytest.raises(FaultError, match="KeyError in load"):
        pool.submit(odd.give, 1).result(_LONG_SECONDS)


def test_another_model_can_be_asked_for(real_pool: Pool, odd: Any) -> None:
    with pytest.raises(CheckpointError, match="no-such-model"):
        real_pool.submit(odd.give, 1, model=Model("no-such-model")).result()


@pytest.mark.parametrize(
    ("cores", "memory", "photos", "workers"),
    [
        (8, 10**11, 100, 8),
        (8, 3 * 10**9, 100, 3),
        (8, 10**8, 100, 1),
        (8, 10**11, 2, 2),
        (8, None, 100, 2),
        (8, 10**11, None, 8),
    ],
)
def test_workers_are_as_many_as_cores_memory_and_photos_allow(
    monkeypatch: pytest.MonkeyPatch, cores: int, memory: int | None, photos: int | None, workers: int
) -> None:
    monkeypatch.setattr(_machine, "cores", lambda: cores)
    monkeypatch.setattr(_machine, "_available_memory", lambda: memory)
    assert default_workers(photos) == workers


def test_this_machine_has_memory() -> None:
    memory = _machine._available_memory()
    assert memory is None or memory > 0
