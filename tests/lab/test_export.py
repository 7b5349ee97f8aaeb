import json
import logging
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from photochrom.cli import main
from photochrom.color import to_uint8
from photochrom.coloring.decoding import DECODINGS, PALETTE_DECODINGS, color_from_probabilities
from photochrom.coloring.distribution import BIN_COUNT
from photochrom.coloring.metadata import FORMAT_VERSION, METADATA_KEY
from photochrom.coloring.network import Network
from photochrom.coloring.palette import PALETTE
from photochrom.errors import CheckpointError, ExportError
from photochrom.lab import models
from photochrom.lab.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from photochrom.lab.export import ExportReport, export_onnx
from photochrom.lab.models import ColorizationModel, DistributionModel
from photochrom.shipped import shipped_model, shipped_models

TINY: dict[str, dict[str, Any]] = {"chroma_unet": {"width": 4, "depth": 2, "blocks": 1}}
"""Hyperparameters of entries whose defaults would make the tests slow."""

FIGURES = {"val_accuracy": 0.8125}


def network(name: str, **hyperparameters: Any) -> ColorizationModel:
    """A network whose batch statistics are used, and whose probabilities, if any, differ from place to place."""
    torch.manual_seed(0)
    model = models.create(name, TINY.get(name, {}) | hyperparameters)
    with torch.no_grad():
        model.train()(torch.rand(4, 1, 64, 64) * 2.0 - 1.0)
        if name == "chroma_unet":
            torch.nn.init.normal_(model.get_parameter("to_logits.weight"), std=0.5)
    return model.eval()


def gray_pictures(count: int, height: int, width: int) -> NDArray[np.float32]:
    return np.random.default_rng(7).uniform(-1.0, 1.0, (count, 1, height, width)).astype(np.float32)


@pytest.fixture(autouse=True, scope="module")
def untraced_exporter() -> Iterator[None]:
    """Torch's exporter is not traced: coverage counts nothing of it, and with it an export takes twice the time."""
    export = torch.onnx.export

    def untraced(*arguments: Any, **options: Any) -> Any:
        tracer = sys.gettrace()
        sys.settrace(None)
        try:
            return export(*arguments, **options)
        finally:
            sys.settrace(tracer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.onnx, "export", untraced)
        yield


class Exported:
    """A network and what its file says and does, read without photochrom's exporter."""

    def __init__(self, model: ColorizationModel, folder: Path) -> None:
        self.model = model
        self.path = folder / "network.onnx"
        self.report = export_onnx(Checkpoint(model, {"name": "synthetic"}, FIGURES), self.path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(self.path, options, providers=["CPUExecutionProvider"])
        self.metadata = json.loads(self.session.get_modelmeta().custom_metadata_map[METADATA_KEY])

    def output(self, gray: NDArray[np.float32]) -> NDArray[np.float32]:
        (output,) = self.session.run(None, {"gray": gray})
        return output

    def pictures(self, gray: NDArray[np.float32]) -> NDArray[np.uint8]:
        output = self.output(gray)
        if self.metadata["output"] == "probabilities":
            output = color_from_probabilities(gray, output, self.metadata["decoding"], self.metadata["stride"])
        return to_uint8(output)

    def expected(self, gray: NDArray[np.float32]) -> NDArray[np.uint8]:
        with torch.no_grad():
            return to_uint8(self.model(torch.from_numpy(gray))).numpy()


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.slow if name in TINY else ()) for name in models.available()],
)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Every network of the catalogue; exported once, for an export takes seconds."""
    return Exported(network(request.param), tmp_path_factory.mktemp(request.param))


def largest_difference(ours: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> int:
    assert ours.shape == theirs.shape
    return int(np.abs(ours.astype(int) - theirs.astype(int)).max())


# --- every network --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 80, 80), (1, 33, 47), (5, 57, 18), (2, 16, 81), (1, 122, 100)])
def test_one_file_colors_pictures_of_every_size_as_the_network_does(
    exported: Exported, shape: tuple[int, int, int]
) -> None:
    gray = gray_pictures(*shape)
    assert largest_difference(exported.expected(gray), exported.pictures(gray)) <= 1


def test_the_metadata_tells_a_reader_without_torch_what_it_holds(exported: Exported) -> None:
    metadata, model = exported.metadata, exported.model
    assert metadata["format_version"] == FORMAT_VERSION
    assert metadata["model"] == model.catalogue_name
    assert metadata["hyperparameters"] == model.hyperparameters
    assert metadata["value_range"] == "signed"
    assert metadata["data"] == {"name": "synthetic"}
    assert metadata["figures"] == FIGURES
    (output,) = exported.session.get_outputs()
    assert output.name == metadata["output"] == ("probabilities" if isinstance(model, DistributionModel) else "rgb")


def test_batch_height_and_width_are_named_and_free(exported: Exported) -> None:
    (gray,) = exported.session.get_inputs()
    assert gray.name == "gray"
    assert gray.type == "tensor(float)"
    assert gray.shape == ["batch", 1, "height", "width"]


def test_the_report_is_true(exported: Exported) -> None:
    report = exported.report
    assert report.path == exported.path
    assert report.size == exported.path.stat().st_size
    assert report.largest_difference <= 1
    assert {(3, 80, 80), (1, 33, 47), (1, 256, 200)} <= set(report.checked_shapes)


def test_the_file_is_valid_and_names_no_folder_of_this_machine(exported: Exported) -> None:
    onnx.checker.check_model(onnx.load(exported.path), full_check=True)
    content = exported.path.read_bytes()
    assert str(Path(models.__file__).parent).encode() not in content
    assert b"site-packages" not in content


def test_the_weights_are_full_precision_and_stand_in_the_file_once(exported: Exported) -> None:
    weights = sum(tensor.numel() for tensor in exported.model.state_dict().values()) * 4
    assert exported.report.size < weights + 40_000
    kinds = {tensor.data_type for tensor in onnx.load(exported.path).graph.initializer}
    assert onnx.TensorProto.FLOAT16 not in kinds


# --- networks that give a distribution ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return Exported(
        network("chroma_unet", depth=1, mirrored=True, decoding="natural"), tmp_path_factory.mktemp("mirrored")
    )


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (5, 6), (80, 80), (81, 79), (256, 200)])
def test_probabilities_are_those_of_the_network_at_any_size(mirrored: Exported, size: tuple[int, int]) -> None:
    gray = gray_pictures(2, *size)
    with torch.no_grad():
        expected = mirrored.model.probabilities(torch.from_numpy(gray)).numpy()
    probabilities = mirrored.output(gray)
    assert probabilities.shape == (2, 2, BIN_COUNT, -(-size[0] // 4), -(-size[1] // 4))
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


def test_a_mirrored_network_averages_inside_the_graph(mirrored: Exported) -> None:
    gray = gray_pictures(1, 24, 32)
    np.testing.assert_allclose(mirrored.output(gray[..., ::-1]), mirrored.output(gray)[..., ::-1], atol=1e-5)


def test_the_metadata_of_probabilities_tells_how_to_read_them(mirrored: Exported) -> None:
    assert mirrored.metadata["stride"] == 4
    assert mirrored.metadata["decoding"] == "natural"
    assert set(mirrored.metadata["decodings"]) == set(DECODINGS)


@pytest.mark.parametrize("decoding", DECODINGS)
@pytest.mark.parametrize("size", [(1, 1), (33, 47), (80, 80)])
def test_every_decoding_gives_the_networks_colors_without_torch(
    mirrored: Exported, decoding: str, size: tuple[int, int]
) -> None:
    gray, model = gray_pictures(2, *size), network("chroma_unet", depth=1, mirrored=True, decoding=decoding)
    with torch.no_grad():
        expected = model(torch.from_numpy(gray)).numpy()
    color = color_from_probabilities(gray, mirrored.output(gray), decoding, stride=4)
    assert color.dtype == np.float32
    np.testing.assert_allclose(color, expected, atol=1e-4)


@pytest.fixture(scope="module")
def of_a_palette(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    model = network("scene_unet", width=8, mirrored=True, decoding="decided", temperature=0.7, modesty=1.3)
    return Exported(model, tmp_path_factory.mktemp("palette"))


@pytest.mark.parametrize("decoding", [*DECODINGS, *PALETTE_DECODINGS])
@pytest.mark.parametrize("size", [(1, 1), (33, 47), (64, 96)])
def test_a_palette_gives_the_networks_colors_without_torch(
    of_a_palette: Exported, decoding: str, size: tuple[int, int]
) -> None:
    gray, probabilities = gray_pictures(2, *size), of_a_palette.output(gray_pictures(2, *size))
    assert probabilities.shape == (2, len(PALETTE), -(-size[0] // 4), -(-size[1] // 4))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-5)
    of_a_palette.model.decoding = decoding
    with torch.no_grad():
        expected = of_a_palette.model(torch.from_numpy(gray)).numpy()
    np.testing.assert_allclose(color_from_probabilities(gray, probabilities, decoding, stride=4), expected, atol=1e-3)


def test_a_file_tells_how_confidence_is_corrected(of_a_palette: Exported, mirrored: Exported) -> None:
    assert set(of_a_palette.metadata["decodings"]) == {*DECODINGS, *PALETTE_DECODINGS}
    assert (of_a_palette.metadata["steepness"], of_a_palette.metadata["modesty"]) == (1.0, 1.3)
    assert (mirrored.metadata["steepness"], mirrored.metadata["modesty"]) == (1.0, 1.0)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (80, 80)])
def test_a_file_gives_probabilities_that_sum_to_one(mirrored: Exported, size: tuple[int, int]) -> None:
    probabilities = Network(mirrored.path).run(gray_pictures(3, *size))
    np.testing.assert_allclose(probabilities.sum(axis=2), 1.0, atol=1e-5)
    assert probabilities.min() >= 0.0


# --- weights that stay where they are -------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[False, True], ids=["full", "packed"])
def linked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[ColorizationModel, Path, ExportReport]:
    """A network, its ONNX file beside its checkpoint, and what was reported."""
    weights = tmp_path_factory.mktemp("linked") / "network.safetensors"
    save_checkpoint(weights, Checkpoint(network("chroma_unet", depth=1, width=24, mirrored=True)), packed=request.param)
    checkpoint = load_checkpoint(weights)
    report = export_onnx(checkpoint, weights.with_suffix(".onnx"), weights=weights)
    return checkpoint.model, report.path, report


def test_a_linked_file_holds_no_large_weights_and_gives_the_same_colors(
    linked: tuple[ColorizationModel, Path, ExportReport],
) -> None:
    model, path, report = linked
    assert report.size == path.stat().st_size
    large = [part for part in onnx.load(path, load_external_data=False).graph.initializer if np.prod(part.dims) >= 1000]
    assert large
    assert {part.data_location for part in large} == {onnx.TensorProto.EXTERNAL}
    gray = gray_pictures(2, 33, 47)
    with torch.no_grad():
        expected = to_uint8(model(torch.from_numpy(gray))).numpy()
    found = to_uint8(color_from_probabilities(gray, Network(path).run(gray), model.decoding, stride=4))
    assert largest_difference(expected, found) <= 1


def test_a_linked_file_without_its_weights_cannot_be_run(
    linked: tuple[ColorizationModel, Path, ExportReport], tmp_path: Path
) -> None:
    _, path, _ = linked
    with pytest.raises(CheckpointError, match="not an ONNX file that can be run"):
        Network(shutil.copy(path, tmp_path / path.name))


def test_weights_in_another_folder_are_not_linked(tmp_path: Path) -> None:
    weights = tmp_path / "elsewhere" / "network.safetensors"
    save_checkpoint(weights, Checkpoint(network("chroma_unet", depth=1)))
    with pytest.raises(ExportError, match="must lie in the folder"):
        export_onnx(load_checkpoint(weights), tmp_path / "network.onnx", weights=weights)
    assert not (tmp_path / "network.onnx").exists()


@pytest.mark.parametrize("name", [name for name in shipped_models() if shipped_model(name).network.is_file()])
def test_a_shipped_graph_gives_the_colors_of_its_checkpoint(name: str) -> None:
    model, graph = load_checkpoint(shipped_model(name).weights).model, Network(shipped_model(name).network)
    assert graph.metadata.hyperparameters == model.hyperparameters
    for size in [(80, 80), (121, 57)]:
        gray = gray_pictures(2, *size)
        with torch.no_grad():
            expected = to_uint8(model(torch.from_numpy(gray))).numpy()
        found = to_uint8(
            color_from_probabilities(gray, graph.run(gray), graph.metadata.decoding, graph.metadata.stride)
        )
        assert largest_difference(expected, found) <= 1


# --- what can go wrong ----------------------------------------------------------------------------------------------


class Fickle(ColorizationModel):
    """Gives something else at every call, so that no file can give the same."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1))
        self.calls = 0

    def forward(self, gray: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return (gray * self.scale / self.calls).repeat(1, 3, 1, 1)


class OneSize(ColorizationModel):
    """Takes a size that is written into its program."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1))

    def forward(self, gray: torch.Tensor) -> torch.Tensor:
        return (gray + torch.zeros(2, 1, 139, 181) * self.scale).repeat(1, 3, 1, 1)


def outsider(model: ColorizationModel) -> Checkpoint:
    """A network that is not of the catalogue, and does what none there does."""
    model.catalogue_name = type(model).__name__
    model.hyperparameters = {}
    return Checkpoint(model.eval())


def refusal(checkpoint: Checkpoint, path: Path) -> str:
    with pytest.raises(ExportError) as caught:
        export_onnx(checkpoint, path)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_a_file_that_gives_other_colors_is_not_written_over_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    path.write_bytes(b"older")
    message = refusal(outsider(Fickle()), path)
    assert message.startswith("Fickle: ")
    assert "other colors than the network" in message
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"older"]


def test_a_network_of_one_size_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    message = refusal(outsider(OneSize()), tmp_path / "network.onnx")
    assert "OneSize: torch cannot make an ONNX graph of any size" in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["network.safetensors", "network", "network.onnx.txt"])
def test_a_path_that_is_no_onnx_file_is_refused_so_that_no_checkpoint_is_overwritten(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"older")
    assert "must end in .onnx" in refusal(Checkpoint(network("convnet")), tmp_path / name)
    assert (tmp_path / name).read_bytes() == b"older"


def test_sizes_that_the_network_itself_refuses_are_not_checked(tmp_path: Path) -> None:
    report = export_onnx(Checkpoint(network("unet", base_channels=2, depth=5)), tmp_path / "network.onnx")
    assert {(3, 80, 80), (1, 33, 47), (1, 256, 200)} == set(report.checked_shapes)


def test_an_older_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    path.write_bytes(bytes(1_000_000))
    report = export_onnx(Checkpoint(network("convnet")), path)
    assert path.stat().st_size == report.size < 1_000_000
    assert list(tmp_path.iterdir()) == [path]


def test_the_network_is_left_as_it_was(tmp_path: Path) -> None:
    model = network("chroma_unet", depth=1, decoding="mean").train()
    threads, level = torch.get_num_threads(), logging.getLogger().level
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    export_onnx(Checkpoint(model), tmp_path / "network.onnx")
    assert model.training
    assert model.decoding == "mean"
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert (torch.get_num_threads(), logging.getLogger().level) == (threads, level)


def test_the_same_network_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("first.onnx", "second.onnx"):
        export_onnx(Checkpoint(network("unet_flat")), tmp_path / name)
    assert (tmp_path / "first.onnx").read_bytes() == (tmp_path / "second.onnx").read_bytes()


# --- the command ----------------------------------------------------------------------------------------------------


def run_command(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["photochrom", "export", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_the_command_prints_one_line_with_size_and_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    save_checkpoint(tmp_path / "best.safetensors", Checkpoint(network("convnet"), figures=FIGURES))
    path = tmp_path / "network.onnx"
    assert run_command(monkeypatch, tmp_path / "best.safetensors", path) == 0
    printed = capfd.readouterr()
    assert printed.err == ""
    assert printed.out.startswith(f"{path}: 0.00 MB; ")
    assert "of 255 levels" in printed.out
    assert len(printed.out.splitlines()) == 1


@pytest.mark.parametrize(("module", "extra"), [("onnx", "export"), ("onnxscript", "export"), ("torch", "train")])
def test_a_missing_package_names_the_extra_that_brings_it(
    module: str, extra: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.delitem(sys.modules, "photochrom.lab.export")
    monkeypatch.setitem(sys.modules, module, None)
    assert run_command(monkeypatch, "study-best", tmp_path / "network.onnx") == 2
    assert capfd.readouterr().err == f"photochrom: {module} is not installed: pip install 'photochrom[{extra}]'\n"


def test_a_report_is_one_line() -> None:
    report = ExportReport(Path("a.onnx"), 16_090_000, 1, ((3, 80, 80), (1, 33, 47)))
    assert report.summary() == (
        "a.onnx: 16.09 MB; the colors of pictures of 80x80, 33x47 differ from the network's by at most 1 of 255 levels"
    )
