"""Needs the extra `cluster`; a cluster of two nodes is simulated on this machine by Ray itself."""

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from photochrom.errors import ConfigError
from photochrom.lab.executors import LocalExecutor, RayExecutor, TrainingJob, TrainingOutcome, run_jobs
from photochrom.lab.training import RunFolder, TrainingConfig

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def jobs(root: Path, faces: Path, count: int, **settings: Any) -> list[TrainingJob]:
    configs = [TrainingConfig(data=str(faces), seed=seed, **settings) for seed in range(count)]
    return [TrainingJob(f"x/{c.seed}", c, RunFolder(root / str(c.seed))) for c in configs]


def figures(job: TrainingJob) -> dict[str, Any]:
    """All that training measured but time."""
    return {name: value for name, value in asdict(job.folder.metrics()).items() if name != "seconds"}


def course(job: TrainingJob) -> list[Any]:
    return [replace(row, seconds=0.0) for row in job.folder.history()]


@pytest.fixture
def two_nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    yield cluster, cluster.add_node(num_cpus=1)
    ray.shutdown()
    cluster.shutdown()


def test_a_cluster_that_loses_a_node_trains_all_once_and_to_the_same_bits_as_here(
    two_nodes: Any, tmp_path: Path, face_folder: Path
) -> None:
    cluster, second = two_nodes
    settings = {"max_epochs": 40, "patience": 40}
    there, here = (jobs(tmp_path / place, face_folder, 4, **settings) for place in ("there", "here"))
    lost: list[str] = []

    def lose_a_node(working: Sequence[TrainingJob], _: Sequence[TrainingOutcome]) -> None:
        if not lost and len([job for job in working if job.folder.resume_state.is_file()]) == 2:
            lost.extend(job.name for job in working)
            cluster.remove_node(second, allow_graceful=False)

    outcomes = run_jobs(there, RayExecutor(2, "cpu", cluster.address), lose_a_node)
    assert len(lost) == 2
    assert sorted((outcome.job.name, outcome.error) for outcome in outcomes) == [(f"x/{n}", "") for n in range(4)]
    run_jobs(here, LocalExecutor(1, "cpu"))
    for on_cluster, local in zip(there, here, strict=True):
        assert figures(on_cluster) == figures(local)
        assert course(on_cluster) == course(local)


def test_a_stopped_task_ends_and_a_failure_is_one_line(two_nodes: Any, tmp_path: Path, face_folder: Path) -> None:
    cluster, _ = two_nodes
    endless, wrong = (
        jobs(tmp_path / "a", face_folder, 1, max_epochs=10000, patience=9999)[0],
        jobs(tmp_path / "b", tmp_path / "nowhere", 1)[0],
    )
    with RayExecutor(2, "cpu", cluster.address) as executor:
        executor.start(endless)
        executor.start(wrong)
        outcomes: list[TrainingOutcome] = []
        while not outcomes:
            outcomes = executor.ended()
            time.sleep(0.05)
        assert "no such folder" in outcomes[0].error
        executor.stop(endless)
        assert executor.ended() == []
    with endless.folder.locked(10.0):
        pass


def test_no_cluster_at_an_address_is_one_line() -> None:
    for address in ("127.0.0.1:9", "127.0.0.1:99999", "127.0.0.1:port"):
        with pytest.raises(ConfigError, match=f"no Ray cluster at {address}: ") as told:
            RayExecutor(address=address).__enter__()
        assert "\n" not in str(told.value)


def test_usage_reports_are_off(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray._common.usage.usage_lib import usage_stats_enabled

    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
    with contextlib.suppress(ConfigError):
        RayExecutor(address="127.0.0.1:9").__enter__()
    assert not usage_stats_enabled()


def test_the_example_of_the_guide_runs(tmp_path: Path, face_folder: Path) -> None:
    documents = Path(__file__).parents[3] / "docs"
    (question,) = re.findall(r"`wider.yaml`:\n\n```yaml\n(.*?)```", (documents / "question.md").read_text(), re.DOTALL)
    (program,) = re.findall(r"```python\n(.*?)```", (documents / "cluster.md").read_text(), re.DOTALL)
    (tmp_path / "wider.yaml").write_text(question)
    smaller = program.replace("--data synthetic", f"--data {face_folder}").replace(
        '"photochrom experiment', f'"{sys.executable} -m photochrom experiment'
    )
    assert smaller.count(sys.executable) == smaller.count(str(face_folder)) == 1
    ended = subprocess.run([sys.executable, "-c", smaller], cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert {path.parent.name for path in tmp_path.rglob("metrics.json")} == {"kernels-16-seed-0", "kernels-32-seed-0"}
