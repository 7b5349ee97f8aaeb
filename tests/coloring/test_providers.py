"""Other providers than the CPU need hardware; OpenVINO's test runs where the extra is installed."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from photochrom.coloring import PROVIDERS, Colorizer
from photochrom.coloring.network import Network
from photochrom.errors import CheckpointError, ConfigError
from photochrom.shipped import network_file

PHOTO = Image.fromarray(np.add.outer(np.arange(96), np.arange(128)).astype(np.uint8))


def offer(monkeypatch: pytest.MonkeyPatch, *providers: str) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [*providers, "CPUExecutionProvider"])


def test_the_cpu_needs_no_remark(tiny_network: Path) -> None:
    assert Network(tiny_network).remark == ""


def test_auto_takes_the_cpu_where_there_is_nothing_else(tiny_network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, "CoreMLExecutionProvider", "OpenVINOExecutionProvider")
    assert Network(tiny_network, provider="auto").remark == ""


@pytest.mark.parametrize("name", sorted(set(PROVIDERS) - {"auto", "cpu"}))
def test_what_is_not_installed_falls_back_to_the_cpu_and_says_what_it_needs(
    name: str, tiny_network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("photochrom.coloring._providers.find_spec", lambda _: None)
    offer(monkeypatch)
    colorizer = Colorizer(str(tiny_network), face_model=None, provider=name)
    assert colorizer.remark.startswith(f"{name} needs ")
    assert colorizer.remark.endswith("; the networks run on the CPU")
    on_cpu = Colorizer(str(tiny_network), face_model=None)
    np.testing.assert_array_equal(colorizer.colorize(PHOTO).rgb, on_cpu.colorize(PHOTO).rgb)


@pytest.mark.parametrize("wanted", ["cuda", "auto"])
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_what_cannot_be_loaded_falls_back_to_the_cpu(
    wanted: str, tiny_network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, "CUDAExecutionProvider")  # as with onnxruntime-gpu on a machine without CUDA's libraries
    network = Network(tiny_network, provider=wanted)
    assert network.remark == "cuda cannot be used (its libraries cannot be loaded); the networks run on the CPU"
    assert network.run(np.zeros((1, 1, 8, 8), dtype=np.float32)).shape[1] == 2


def test_what_refuses_the_network_falls_back_to_the_cpu(tiny_network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Picky(onnxruntime.InferenceSession):  # type: ignore[misc]
        def __init__(self, content: object, options: object, providers: list[tuple[str, dict[str, str]]]) -> None:
            if len(providers) > 1:
                raise RuntimeError("the graph is not acyclic\nStacktrace:\nmore")
            super().__init__(content, options, providers=providers)

    offer(monkeypatch, "CUDAExecutionProvider")
    monkeypatch.setattr(onnxruntime, "InferenceSession", Picky)
    remark = Network(tiny_network, provider="cuda").remark
    assert remark == "cuda cannot be used (the graph is not acyclic); the networks run on the CPU"


def test_a_broken_file_is_told_with_every_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, "CUDAExecutionProvider")
    (tmp_path / "broken.onnx").write_bytes(b"no ONNX")
    with pytest.raises(CheckpointError, match="not an ONNX file that can be run"):
        Network(tmp_path / "broken.onnx", provider="cuda")


def test_an_unknown_provider_is_told(tiny_network: Path) -> None:
    with pytest.raises(ConfigError, match="no provider is called 'gpu'; there are: auto, coreml, cpu, "):
        Network(tiny_network, provider="gpu")


@pytest.mark.skipif(find_spec("onnxruntime_ep_openvino") is None, reason="needs the extra openvino")
@pytest.mark.parametrize("threads", [1, 2])
def test_openvino_is_within_a_level_of_the_cpu(threads: int) -> None:
    noise = np.random.default_rng(0).normal(0.0, 4.0, (240, 320))
    photo = Image.fromarray((np.add.outer(np.arange(240), np.arange(320)) / 2.3 + noise).clip(0, 255).astype(np.uint8))
    by_openvino = Colorizer(face_model=None, provider="openvino", threads=threads)
    assert by_openvino.remark == "the networks run by openvino"
    here, there = (one.colorize(photo).rgb.astype(int) for one in (Colorizer(face_model=None), by_openvino))
    assert np.abs(here - there).max() <= 1
    assert np.ptp(here, axis=2).max() > 8  # there is color to compare
    faces = np.random.default_rng(0).uniform(-1.0, 1.0, (3, 1, 80, 80)).astype(np.float32)
    on_cpu, other = (
        np.asarray(Network(network_file("face"), provider=name).run(faces)) for name in ("cpu", "openvino")
    )
    np.testing.assert_allclose(on_cpu, other, atol=1e-5)
