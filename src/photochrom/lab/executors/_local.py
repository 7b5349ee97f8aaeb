"""Trainings as processes on this machine, so that a crash ends only one."""

import os
import signal
import subprocess
from contextlib import ExitStack
from types import TracebackType

from photochrom.files import write_whole
from photochrom.lab.executors._job import TrainingJob, TrainingOutcome
from photochrom.process import OWN_COMMAND, last_line, raise_exit


class LocalExecutor:
    """A process for each training. Its output goes to `log.txt` in the run's folder.

    Args:
        slots: The number of processes at a time.
        device: See `photochrom.lab.training.fit`.
        mlflow: The store that trainings are also recorded in; empty for none. See `fit_tracked`.
    """

    def __init__(self, slots: int, device: str = "auto", mlflow: str = "") -> None:
        self.slots = slots
        self._options = ["--device", device, "--quiet", "--parent", str(os.getpid())]
        if mlflow:
            self._options += ["--mlflow", mlflow]
        self._working: dict[TrainingJob, subprocess.Popen[bytes]] = {}
        self._on_exit = ExitStack()

    def __enter__(self) -> "LocalExecutor":
        """Let a request to end this process end the trainings too."""
        handled = signal.signal(signal.SIGTERM, raise_exit)
        self._on_exit.callback(signal.signal, signal.SIGTERM, handled)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all trainings."""
        with self._on_exit:
            for process in self._working.values():
                process.terminate()
            for process in self._working.values():
                process.wait()
            self._working.clear()

    def start(self, job: TrainingJob) -> None:
        """Begin a training, or go on with it."""
        config_file = job.folder.path / "requested.json"
        write_whole(config_file, job.config.model_dump_json(indent=2) + "\n")
        command = [*OWN_COMMAND, "train", "--config", str(config_file), "--run", str(job.folder.path), *self._options]
        with (job.folder.path / "log.txt").open("ab") as log:
            self._working[job] = subprocess.Popen(  # noqa: S603 - our own command
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def stop(self, job: TrainingJob) -> None:
        """End a training."""
        process = self._working.pop(job)
        process.kill()  # files are written whole or not at all, so there is nothing to wait for
        process.wait()

    def ended(self) -> list[TrainingOutcome]:
        """The trainings that ended since the last call."""
        over = [job for job, process in self._working.items() if process.poll() is not None]
        return [_outcome(job, self._working.pop(job).returncode) for job in over]


def _outcome(job: TrainingJob, status: int) -> TrainingOutcome:
    if status == 0 and job.folder.is_finished():
        return TrainingOutcome(job)
    if status < 0:
        return TrainingOutcome(job, f"killed by signal {-status}; the same command goes on where it was", has_died=True)
    said = last_line((job.folder.path / "log.txt").read_bytes())
    return TrainingOutcome(job, said or f"ended with status {status}")
