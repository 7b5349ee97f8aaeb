"""`photochrom train --devices`: processes that one command starts and watches."""

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from photochrom.commands._devices import LOST_STATUS, _node, _outcome, _statuses, are_started, train_on_devices
from photochrom.errors import ConfigError, LostProcessError
from photochrom.lab.training import RunFolder
from photochrom.process import OWN_COMMAND


def children(process: subprocess.Popen[str]) -> dict[str, int]:
    """The process identifiers of the processes that a command started, by their number in the training."""
    found = {}
    for identifier in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        variables = Path(f"/proc/{identifier}/environ").read_text().split("\0")
        found[next(text.removeprefix("RANK=") for text in variables if text.startswith("RANK="))] = int(identifier)
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_process_that_is_killed_is_one_line_and_the_same_command_goes_on(tmp_path: Path, face_folder: Path) -> None:
    run = RunFolder(tmp_path / "run")
    settings = [f"data={face_folder}", "max_epochs=40", "patience=40", "precision=fp32", "--quiet", "--device", "cpu"]
    command = [sys.executable, "-m", "photochrom", "train", *settings, "--run", str(run.path), "--devices", "2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as cut:
        while cut.poll() is None and not run.history():
            with suppress(subprocess.TimeoutExpired):
                cut.wait(0.02)
        os.kill(children(cut)["1"], signal.SIGKILL)
        output, errors = cut.communicate()
    assert cut.returncode == 2
    assert errors == (
        "photochrom: process 2 of 2 of this training was killed by signal 9; the same command goes on where it was\n"
    )
    assert output == ""
    before = run.history()
    assert 1 <= len(before) < 40
    ended = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("validation accuracy")
    assert len(ended.stdout.splitlines()) == 1
    assert run.history()[: len(before)] == before
    assert run.metrics().device == "2 x cpu"


class Ending:
    """Stands for a process that ends after it was asked some times."""

    def __init__(self, asked: int = 0) -> None:
        self.left = asked
        self.returncode: int | None = None

    def poll(self) -> int | None:
        self.left -= 1
        if self.left < 0:
            self.returncode = 0
        return self.returncode

    def wait(self, timeout: float = 0.0) -> int | None:
        if self.poll() is None:
            raise subprocess.TimeoutExpired("photochrom", timeout)
        return self.returncode

    def kill(self) -> None:
        pass


def test_a_process_for_each_device_is_started_by_photochrom_s_own_command(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []

    def start(command: list[str], **_: object) -> Ending:
        started.append(command)
        return Ending()

    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setattr(sys, "argv", ["photochrom", "train", "--devices", "2", "--", "data=faces"])
    assert train_on_devices(2, 1) == 0
    words = [*OWN_COMMAND, "train", "--parent", str(os.getpid()), "--devices", "2", "--", "data=faces"]
    assert started == [words, words]


@pytest.mark.parametrize("asked", range(8))
def test_processes_may_end_at_any_moment(asked: int) -> None:
    assert _statuses([Ending(asked), Ending()]) == [0, 0]  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("statuses", "line"),
    [
        ([LOST_STATUS, -9], "process 2 of 2 of this training was killed by signal 9"),
        ([-15, LOST_STATUS], "process 1 of 2 of this training was killed by signal 15"),
        ([LOST_STATUS, 2], r"process 2 of 2 of this training ended \(no data here\)"),
        ([LOST_STATUS, LOST_STATUS], "a process of this training on another machine ended"),
    ],
)
def test_what_the_first_process_does_not_know_is_told(statuses: list[int], line: str) -> None:
    with tempfile.TemporaryFile() as log:
        log.write(b"something\nphotochrom: no data here\n")
        with pytest.raises(LostProcessError, match=line):
            _outcome(statuses, [None, log])


@pytest.mark.parametrize(("statuses", "status"), [([0, 0], 0), ([2, 2], 2), ([2, LOST_STATUS], 2), ([1, -9], 1)])
def test_what_the_first_process_told_is_not_told_again(statuses: list[int], status: int) -> None:
    assert _outcome(statuses, [None, None]) == status


@pytest.mark.parametrize("value", ["", "2", "-1", "one"])
def test_each_of_several_machines_must_know_which_it_is(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_RANK", value)
    assert _node(1) == 0
    with pytest.raises(ConfigError, match="NODE_RANK must tell which of the 2 machines"):
        _node(2)


def test_processes_that_were_started_already_are_not_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert are_started(1)
    assert not are_started(2)
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert are_started(1)
    assert are_started(2)
    with pytest.raises(ConfigError, match="WORLD_SIZE in the environment is 2"):
        are_started(3)
