import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from photochrom.commands._engines import executor_of
from photochrom.process import OWN_COMMAND, cores, raise_exit, signals_handled
from photochrom.workers import default_workers


@pytest.fixture
def one_of_many_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of 64 cores, of which this process may use one, as by taskset or in a container."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {7}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)


@pytest.mark.usefixtures("one_of_many_cores")
def test_cores_are_those_that_this_process_may_use() -> None:
    assert cores() == default_workers() == 1
    assert executor_of("local", None, "cpu", "", 1, 0.0).slots == 1


def test_a_request_to_end_becomes_an_exception() -> None:
    with pytest.raises(SystemExit) as ended:
        raise_exit(signal.SIGTERM, None)
    assert ended.value.code == 143


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_signals_are_handled_until_the_block_ends_but_not_those_that_are_ignored() -> None:
    received: list[int] = []
    before = signal.getsignal(signal.SIGUSR1)
    ignored = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals_handled(("SIGUSR1", "SIGHUP", "SIGNOWHERE"), lambda number, _: received.append(number)):
            signal.raise_signal(signal.SIGUSR1)
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, ignored)
    assert received == [signal.SIGUSR1]
    assert signal.getsignal(signal.SIGUSR1) == before


def test_photochrom_as_another_process_imports_nothing_from_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise SystemExit('not the one that is installed')")
    ended = subprocess.run([*OWN_COMMAND, "--version"], cwd=tmp_path, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
