"""One training as several processes of this machine, one a device."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import IO, Any

from photochrom.errors import ConfigError, LostProcessError
from photochrom.process import OWN_COMMAND, last_line, raise_exit

LOST_STATUS = 75
"""With this a process ends that has nothing to tell but that another one is gone; EX_TEMPFAIL of sysexits.h."""

_POLL_SECONDS = 0.2
_GRACE_SECONDS = 5.0
"""How long the others may take to notice that one is gone; those that wait for a GPU never do."""


def train_on_devices(devices: int, num_nodes: int) -> int:
    """Run this command once more for each device of this machine, and wait until all processes have ended.

    This process trains nothing, so it sees what becomes of the others even if these wait for each other. They find
    each other by the variables that torchrun sets. `NODE_RANK`, `MASTER_ADDR` and `MASTER_PORT` tell which of several
    machines this is and where the first one is. The first process writes to the terminal, the others to files.

    Args:
        devices: How many devices of each machine train.
        num_nodes: How many machines do.

    Returns:
        The exit status. If it is not 0, the first process has told why.

    Raises:
        ConfigError: `NODE_RANK` is none of these machines.
        LostProcessError: A process was killed, or failed without the first one knowing why.
    """
    name, *words = sys.argv[1:]
    command = [*OWN_COMMAND, name, "--parent", str(os.getpid()), *words]  # behind a -- it would be no option
    node = _node(num_nodes)
    shared = {"WORLD_SIZE": str(devices * num_nodes), "LOCAL_WORLD_SIZE": str(devices), **_meeting_place(num_nodes)}
    with ExitStack() as stack:
        logs: list[IO[bytes] | None] = [None]
        logs += [stack.enter_context(tempfile.TemporaryFile()) for _ in range(1, devices)]
        processes: list[subprocess.Popen[bytes]] = []
        stack.callback(_end, processes)
        _let_only_this_process_be_interrupted(stack)
        for number, log in enumerate(logs):
            ranks = {"RANK": str(node * devices + number), "LOCAL_RANK": str(number)}
            environment = {**os.environ, **shared, **ranks}
            processes.append(
                subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603 - our own command
            )
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return _outcome(_statuses(processes), logs)


def are_started(count: int) -> bool:
    """Whether the processes of a training over several devices are there already, as the variables of torchrun tell.

    Args:
        count: How many there must be.

    Raises:
        ConfigError: There are more or fewer.
    """
    if "RANK" not in os.environ:
        return count == 1
    started = os.environ.get("WORLD_SIZE", "1")
    if count > 1 and started != str(count):
        raise ConfigError(
            f"WORLD_SIZE in the environment is {started}, but the options ask for {count} devices; "
            "unset RANK, or leave --devices and --num-nodes out"
        )
    return True


def _node(num_nodes: int) -> int:
    """Which of the machines this is, from 0."""
    text = os.environ.get("NODE_RANK", "") if num_nodes > 1 else "0"
    if not text.isdecimal() or int(text) >= num_nodes:
        raise ConfigError(f"NODE_RANK must tell which of the {num_nodes} machines this is, from 0, not {text!r}")
    return int(text)


def _meeting_place(num_nodes: int) -> dict[str, str]:
    """Where the processes meet: as the environment tells, or at a free port of this machine."""
    if num_nodes > 1:
        return {}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    return found | ({"GLOO_SOCKET_IFNAME": "lo"} if sys.platform.startswith("linux") else {})


def _let_only_this_process_be_interrupted(stack: ExitStack) -> None:
    """Have Ctrl-C reach this process alone, which ends the others, and a request to end it end them too."""
    for number, handler in ((signal.SIGINT, signal.SIG_IGN), (signal.SIGTERM, raise_exit)):
        before = signal.signal(number, handler)  # that a signal is ignored is inherited
        stack.callback(signal.signal, number, before)


def _statuses(processes: Sequence[subprocess.Popen[Any]]) -> list[int]:
    """The exit statuses of processes; when one fails, the others have a moment to end by themselves."""
    deadline = float("inf")
    while (running := [process for process in processes if process.poll() is None]) and time.monotonic() < deadline:
        if deadline == float("inf") and any(process.returncode for process in processes):
            deadline = time.monotonic() + _GRACE_SECONDS
        with suppress(subprocess.TimeoutExpired):
            running[0].wait(_POLL_SECONDS)
    return [LOST_STATUS if process.returncode is None else process.returncode for process in processes]


def _end(processes: Sequence[subprocess.Popen[Any]]) -> None:
    for process in processes:
        process.kill()  # files are written whole or not at all, so there is nothing to wait for
    for process in processes:
        process.wait()


def _outcome(statuses: Sequence[int], logs: Sequence[IO[bytes] | None]) -> int:
    """The exit status of all; raises if it has to be told why it is not 0."""
    failed = [number for number, status in enumerate(statuses) if status not in (0, LOST_STATUS)]
    if not any(statuses) or (failed and failed[0] == 0 and statuses[0] > 0):
        return statuses[0]
    which = f"process {failed[0] + 1} of {len(statuses)}" if failed else "a process"
    if failed and statuses[failed[0]] < 0:
        how = f"was killed by signal {-statuses[failed[0]]}"
    else:
        how = f"ended ({_last_line(logs[failed[0]])})" if failed else "on another machine ended"
    raise LostProcessError(f"{which} of this training {how}; the same command goes on where it was")


def _last_line(log: IO[bytes] | None) -> str:
    """The last line that a process wrote, or where to look for it."""
    if log is None:
        return "see above"
    log.seek(0)
    return last_line(log.read()) or "without a word"
