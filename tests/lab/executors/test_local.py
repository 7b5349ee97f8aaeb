import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from photochrom.lab.executors import LocalExecutor, TrainingJob, TrainingOutcome, run_jobs
from photochrom.lab.executors._local import _outcome
from photochrom.lab.experiments import plan
from photochrom.process import OWN_COMMAND

QUICK = ["max_epochs=2", "precision=fp32"]


@pytest.mark.slow
def test_jobs_are_run_side_by_side_then_skipped(tmp_path: Path, face_folder: Path) -> None:
    jobs = plan(["baseline", *QUICK], 3, tmp_path, str(face_folder))
    assert [outcome.error for outcome in run_jobs(jobs, LocalExecutor(2, "cpu"))] == [""] * 3
    written = {job.name: (job.folder.path / "metrics.json").stat().st_mtime_ns for job in jobs}
    seen: list[int] = []
    run_jobs(jobs, LocalExecutor(2, "cpu"), lambda working, _: seen.append(len(working)))
    assert sum(seen) == 0
    assert {job.name: (job.folder.path / "metrics.json").stat().st_mtime_ns for job in jobs} == written


@pytest.mark.slow
def test_killed_job_is_told_and_the_others_go_on(
    tmp_path: Path, face_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = plan(["baseline", "kernel_size", *QUICK, "max_epochs=150", "patience=149"], 1, tmp_path, str(face_folder))
    killed: list[str] = []
    started: list[Any] = []
    popen = subprocess.Popen

    def remember(*args: Any, **kwargs: Any) -> Any:
        started.append(popen(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", remember)

    def kill_first(working: Sequence[TrainingJob], outcomes: Sequence[TrainingOutcome]) -> None:
        for job in working:
            if not killed and job.folder.history():
                killed.append(job.name)
                next(process for process in started if str(job.folder.path) in process.args).kill()

    outcomes = {outcome.job.name: outcome.error for outcome in run_jobs(jobs, LocalExecutor(2, "cpu"), kill_first)}
    assert len(killed) == 1
    assert f"signal {int(signal.SIGKILL)}" in outcomes.pop(killed[0])
    assert list(outcomes.values()) == [""]
    assert [outcome.error for outcome in run_jobs(jobs, LocalExecutor(2, "cpu"))] == ["", ""]


@pytest.mark.slow
def test_failing_job_is_told_in_one_line_and_the_others_go_on(tmp_path: Path, face_folder: Path) -> None:
    jobs = plan(["baseline", "weirdnet", *QUICK], 1, tmp_path, str(face_folder))
    (broken,) = [job for job in jobs if job.name.startswith("baseline/")]
    broken.folder.path.mkdir(parents=True)
    broken.folder.resume_state.write_bytes(b"broken")
    outcomes = {outcome.job.name: outcome.error for outcome in run_jobs(jobs, LocalExecutor(2, "cpu"))}
    assert "resume.pt" in outcomes.pop(broken.name)
    assert set(outcomes.values()) == {""}


def test_a_training_is_started_by_photochrom_s_own_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(subprocess, "Popen", lambda command, **_: started.append(command))
    (job,) = plan(["baseline", *QUICK], 1, tmp_path, "synthetic")
    LocalExecutor(1, "cpu").start(job)
    assert started[0][: len(OWN_COMMAND)] == list(OWN_COMMAND)


@pytest.mark.parametrize(
    ("log", "error"), [("something\nphotochrom: no data here\n", "no data here"), ("", "ended with status 2")]
)
def test_the_end_of_a_job_is_its_last_line_without_the_name_of_the_command(
    tmp_path: Path, log: str, error: str
) -> None:
    (job,) = plan(["baseline", *QUICK], 1, tmp_path, "synthetic")
    job.folder.path.mkdir(parents=True)
    (job.folder.path / "log.txt").write_text(log)
    assert _outcome(job, 2).error == error


@pytest.mark.slow
def test_a_stopped_job_has_no_outcome_and_can_be_gone_on_with(tmp_path: Path, face_folder: Path) -> None:
    (job,) = plan(["baseline", *QUICK], 1, tmp_path, str(face_folder))
    with LocalExecutor(1, "cpu") as executor:
        executor.start(job)
        executor.stop(job)
        assert executor.ended() == []
    assert [outcome.error for outcome in run_jobs([job], LocalExecutor(1, "cpu"))] == [""]


@pytest.mark.slow
def test_a_training_whose_parent_is_gone_does_not_begin(tmp_path: Path, face_folder: Path) -> None:
    with subprocess.Popen(["true"]) as gone:
        pass
    command = [sys.executable, "-m", "photochrom", "train", f"data={face_folder}", "max_epochs=1", "--quiet"]
    ended = subprocess.run([*command, "--run", str(tmp_path / "run"), "--parent", str(gone.pid)])
    assert ended.returncode == 1
    assert not (tmp_path / "run").exists()
