import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from photochrom.coloring.metadata import FORMAT_VERSION, METADATA_KEY, GraphMetadata
from photochrom.coloring.network import Network
from photochrom.errors import CheckpointError

METADATA: dict[str, Any] = {
    "format_version": FORMAT_VERSION,
    "model": "doubler",
    "hyperparameters": {"factor": 2},
    "output": "rgb",
}


def content(metadata: object = METADATA, height: str | int = "height", output: str = "rgb") -> bytes:
    """An ONNX file that adds gray to itself, with metadata."""
    shape = ["batch", 1, height, "width"]
    graph = helper.make_graph(
        [helper.make_node("Add", ["gray", "gray"], [output])],
        "doubler",
        [helper.make_tensor_value_info("gray", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    if metadata is not None:
        text = metadata if isinstance(metadata, str) else json.dumps(metadata)
        onnx.helper.set_model_props(model, {METADATA_KEY: text})
    made: bytes = model.SerializeToString()
    return made


def refusal(source: Path | bytes) -> str:
    with pytest.raises(CheckpointError) as caught:
        Network(source)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (3, 1, 7, 5), (1, 1, 1, 900)])
def test_a_graph_runs_at_any_size(shape: tuple[int, ...]) -> None:
    gray = np.random.default_rng(0).uniform(-1.0, 1.0, shape).astype(np.float32)
    np.testing.assert_array_equal(Network(content()).run(gray), 2.0 * gray)


def test_a_file_and_its_bytes_give_the_same_graph(tmp_path: Path) -> None:
    path = tmp_path / "doubler.onnx"
    path.write_bytes(content())
    metadata = GraphMetadata("doubler", {"factor": 2}, output="rgb")
    assert Network(path).metadata == Network(content()).metadata == metadata
    gray = np.ones((1, 1, 2, 2), dtype=np.float32)
    np.testing.assert_array_equal(Network(path, threads=2).run(gray), Network(content()).run(gray))


def test_a_missing_file_is_told_by_its_name(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.onnx") == f"{tmp_path / 'none.onnx'}: no such file"
    assert "no such file" in refusal(tmp_path)


@pytest.mark.parametrize("broken", [b"", b"no ONNX", content()[:-60]], ids=["empty", "text", "cut short"])
def test_a_broken_file_is_told_in_one_line(broken: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(broken)
    assert refusal(path).startswith(f"{path}: not")
    refusal(broken)


@pytest.mark.parametrize(
    "metadata",
    [None, "no JSON", "[1, 2]", "3", {}, {"format_version": FORMAT_VERSION}],
    ids=["none", "text", "list", "number", "empty", "incomplete"],
)
def test_an_onnx_file_of_something_else_is_refused(metadata: object) -> None:
    assert "not an ONNX file of photochrom" in refusal(content(metadata))


@pytest.mark.parametrize("version", [0, 1, FORMAT_VERSION + 1, str(FORMAT_VERSION), None])
def test_another_format_version_is_refused(version: object) -> None:
    message = refusal(content(METADATA | {"format_version": version}))
    assert message == (
        f"the ONNX file: format version {version!r}, but this photochrom reads version {FORMAT_VERSION}; "
        "write it again from its checkpoint with 'photochrom export'"
    )


def test_a_size_that_the_network_does_not_take_is_told() -> None:
    network = Network(content(height=4))
    with pytest.raises(CheckpointError, match="doubler: its ONNX form fails on pictures of 5x6") as caught:
        network.run(np.zeros((1, 1, 5, 6), dtype=np.float32))
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_without_the_output_that_its_metadata_names_is_told_when_it_runs() -> None:
    network = Network(content(output="something"))
    with pytest.raises(CheckpointError, match="doubler: its ONNX form fails"):
        network.run(np.zeros((1, 1, 2, 2), dtype=np.float32))
