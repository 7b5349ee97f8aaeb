"""Needs the extra `cluster`; a cluster of two nodes is simulated on this machine by Ray itself."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from photochrom.album import MANIFEST_NAME, Outcome, plan, run
from photochrom.cli import main
from photochrom.coloring import Options
from photochrom.commands._engines import album_pool
from photochrom.workers import _remote

PHOTOS = 8


@pytest.fixture
def two_nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    yield cluster, cluster.add_node(num_cpus=1)
    cluster.shutdown()


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, draw: Callable[..., Path]) -> Path:
    """A folder of photos below the current one, one of them broken."""
    monkeypatch.chdir(tmp_path)
    for seed in range(PHOTOS):
        draw(f"photos/{seed}.png", seed)
    Path("photos/broken.jpg").write_bytes(b"\xff\xd8\xff...")
    return Path("photos")


def colored(photos: Path, out: str, options: Options, engine: str, address: str = "") -> Iterator[Outcome]:
    """The outcomes of the photos as they come, colored by two workers."""
    planned = plan([photos], Path(out), options)
    with album_pool(engine, planned, 2, 1, "cpu", address, 0) as (pool, workers):
        yield from run(planned, workers, pool=pool)


def results(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.name != MANIFEST_NAME}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_that_loses_a_node_colors_each_photo_once_and_to_the_same_bytes(
    two_nodes: Any, photos: Path, tiny: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, second = two_nodes
    monkeypatch.setattr(_remote, "_ROOM_SECONDS", 2.0)
    statuses = {}
    for outcome in colored(photos, "there", tiny, "ray", cluster.address):
        if not statuses:
            cluster.remove_node(second, allow_graceful=False)
        statuses[outcome.source.name] = outcome.status
    assert statuses == {f"{number}.png": "colored" for number in range(PHOTOS)} | {"broken.jpg": "failed"}
    lines = [json.loads(line) for line in Path("there", MANIFEST_NAME).read_text().splitlines()]
    ended = [line["file"] for line in lines if line["intent"] is None]
    assert sorted(ended) == sorted([*(f"{number}.png" for number in range(PHOTOS)), "broken.jpg"])

    list(colored(photos, "here", tiny, "local"))
    assert results("there") == results("here")
    again = [outcome.status for outcome in colored(photos, "there", tiny, "local")]
    assert sorted(again) == ["done"] * PHOTOS + ["failed"]


def test_a_node_that_does_not_see_the_folder_is_told(tiny: Options, tmp_path: Path) -> None:
    actor = _remote._Actor(tiny.model, 1, "cpu", [tmp_path / "elsewhere"])
    told = f"{tmp_path / 'elsewhere'}: a node of the cluster does not see it; all nodes must share it"
    assert actor.load() == (None, None, ("StartError", told))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--engine", "spark"], "no engine is called 'spark'; there are: local, ray"),
        (["--engine", "ray", "--address", "127.0.0.1:9"], "no Ray cluster at 127.0.0.1:9: "),
        (["--engine", "ray", "--without"], "ray is not installed: pip install 'photochrom[cluster]'"),
        (["--provider", "gpu"], "no provider is called 'gpu'; there are: auto, coreml, cpu, cuda, directml, openvino"),
    ],
    ids=["engine", "address", "extra", "provider"],
)
def test_what_cannot_be_had_is_one_line(
    words: list[str], told: str, photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if "--without" in words:
        words.remove("--without")
        monkeypatch.setitem(sys.modules, "ray", None)
    elif "ray" in words:
        pytest.importorskip("ray")
    monkeypatch.setattr(sys, "argv", ["photochrom", "colorize", str(photos), *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
    assert not Path("photos-color").exists()
