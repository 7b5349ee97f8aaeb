import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from photochrom.errors import ConfigError, DataError
from photochrom.lab.experiments import TrainingJob, TrainingOutcome, plan, run_jobs

QUICK = ["max_epochs=2", "precision=fp32"]


def test_plan_has_every_seed_and_the_large_networks_first(tmp_path: Path) -> None:
    jobs = plan(["num_layers", "weirdnet"], 2, tmp_path, "synthetic")
    assert [job.name for job in jobs] == [
        "weirdnet/weirdnet-seed-0",
        "num_layers/layers-4-seed-0",
        "num_layers/layers-1-seed-0",
        "weirdnet/weirdnet-seed-1",
        "num_layers/layers-4-seed-1",
        "num_layers/layers-1-seed-1",
    ]
    assert [job.config.seed for job in jobs] == [0, 0, 0, 1, 1, 1]
    assert {job.config.data for job in jobs} == {"synthetic"}


def test_plan_of_all_holds_every_experiment(tmp_path: Path) -> None:
    names = {job.name for job in plan(["all"], 1, tmp_path, "synthetic")}
    assert {"baseline/default-seed-0", "unet/unet-flat-seed-0", "yardsticks/gray-seed-0"} <= names


def test_settings_reach_every_job(tmp_path: Path) -> None:
    jobs = plan(["learning_rate", "max_epochs=3"], 1, tmp_path, "synthetic")
    assert {job.config.max_epochs for job in jobs} == {3}
    assert {job.config.learning_rate for job in jobs} == {0.07, 0.0007, 0.0001}


def test_unknown_experiment_fails_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'weirdnet'"):
        plan(["weird_net"], 1, tmp_path, "synthetic")


def test_missing_data_fails_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        plan(["all"], 1, tmp_path / "runs", str(tmp_path / "pictures"))
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_jobs_are_run_side_by_side_then_skipped(tmp_path: Path, face_folder: Path) -> None:
    jobs = plan(["baseline", "yardsticks", *QUICK], 1, tmp_path, str(face_folder))
    assert [outcome.error for outcome in run_jobs(jobs, 2, "cpu")] == [""] * 4
    written = {job.name: (job.folder.path / "metrics.json").stat().st_mtime_ns for job in jobs}
    seen: list[int] = []
    run_jobs(jobs, 2, "cpu", lambda working, _: seen.append(len(working)))
    assert sum(seen) == 0
    assert {job.name: (job.folder.path / "metrics.json").stat().st_mtime_ns for job in jobs} == written


@pytest.mark.slow
def test_killed_job_is_told_and_the_others_go_on(
    tmp_path: Path, face_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = plan(["baseline", "kernel_size", *QUICK, "max_epochs=400", "patience=399"], 1, tmp_path, str(face_folder))
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

    outcomes = {outcome.job.name: outcome.error for outcome in run_jobs(jobs, 2, "cpu", kill_first)}
    assert len(killed) == 1
    assert f"signal {int(signal.SIGKILL)}" in outcomes.pop(killed[0])
    assert list(outcomes.values()) == [""]
    assert [outcome.error for outcome in run_jobs(jobs, 2, "cpu")] == ["", ""]


@pytest.mark.slow
def test_failing_job_is_told_in_one_line_and_the_others_go_on(tmp_path: Path, face_folder: Path) -> None:
    jobs = plan(["baseline", "yardsticks", *QUICK], 1, tmp_path, str(face_folder))
    (broken,) = [job for job in jobs if job.name.startswith("baseline/")]
    broken.folder.path.mkdir(parents=True)
    broken.folder.resume_state.write_bytes(b"broken")
    outcomes = {outcome.job.name: outcome.error for outcome in run_jobs(jobs, 2, "cpu")}
    assert "resume.pt" in outcomes.pop(broken.name)
    assert set(outcomes.values()) == {""}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [(["max_epochs=3"], "name an experiment"), (["baseline", "seed=3"], "seed"), (["baseline", "data=study"], "data")],
)
def test_words_that_make_no_plan_are_refused(tmp_path: Path, words: list[str], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        plan(words, 1, tmp_path, "synthetic")


def test_experiment_named_twice_is_planned_once(tmp_path: Path) -> None:
    assert len(plan(["baseline", "baseline"], 1, tmp_path, "synthetic")) == 1


def test_data_that_is_not_at_hand_is_told_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="photochrom data download"):
        plan(["baseline"], 1, tmp_path, "study")


def test_other_settings_in_the_same_place_are_refused_at_once(tmp_path: Path) -> None:
    (job,) = plan(["baseline"], 1, tmp_path, "synthetic")
    job.folder.claim(job.config)
    with pytest.raises(ConfigError, match="max_epochs 100 there, 3 here"):
        plan(["baseline", "max_epochs=3"], 1, tmp_path, "synthetic")
