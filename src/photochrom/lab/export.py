"""Export of a checkpoint as an ONNX file, which colors without torch; it is compared with the network first."""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxscript  # noqa: F401 - fails here if it is missing, not deep in torch's exporter
import torch
from safetensors.numpy import load_file
from torch import nn

from photochrom.color import to_signed, to_uint8
from photochrom.coloring.decoding import color_from_probabilities
from photochrom.coloring.metadata import GraphMetadata
from photochrom.coloring.network import Network
from photochrom.errors import CheckpointError, ExportError, PhotochromError
from photochrom.files import written_whole
from photochrom.lab.checkpoint import Checkpoint
from photochrom.lab.models import ColorizationModel, DistributionModel
from photochrom.lab.packed_weights import SCALE_SUFFIX, unpack_weights
from photochrom.tensors import AnyArray, GrayBatch, Probabilities

_TOLERANCE = 1
"""Levels of 255 by which a colored picture may differ: rounding can turn any difference into one level."""

_CHECKED_SHAPES = ((3, 80, 80), (1, 33, 47), (2, 1, 1), (1, 256, 200))
"""Batch, height and width: faces, odd sides, a single pixel, and a larger picture."""

_TRACED_SHAPE = (2, 1, 139, 181)
"""The shape that torch traces. Height and width are prime, so that torch does not assume that all sides can be halved,
and large enough to be halved seven times."""

_NETWORK = "network."
"""Torch's prefix for the names of weights, from `_ProbabilitiesOf.network`."""

_FEWEST_LINKED = 1000
"""Weights with fewer numbers, such as biases, stay in the graph."""

_Shape = tuple[int, int, int]


@dataclass(frozen=True)
class ExportReport:
    """What was written, and how well it agrees with the network.

    Attributes:
        largest_difference: Between the pictures of the file and those of the network, in levels of 255.
        checked_shapes: Batch, height and width of these pictures.
    """

    path: Path
    size: int
    largest_difference: int
    checked_shapes: tuple[_Shape, ...]

    def summary(self) -> str:
        """The report as one line."""
        sizes = ", ".join(f"{height}x{width}" for _, height, width in self.checked_shapes)
        return (
            f"{self.path}: {self.size / 1e6:.2f} MB; the colors of pictures of {sizes} differ from the network's "
            f"by at most {self.largest_difference} of 255 levels"
        )


def export_onnx(checkpoint: Checkpoint, path: Path, *, weights: Path | None = None) -> ExportReport:
    """Write a network as an ONNX file, if ONNX Runtime makes the same pictures with it.

    The graph's input is `gray`: float32, signed, shape (batch, 1, height, width), of any size that the network allows.
    Its output is `probabilities`, shape (batch, 2, bins, rows, columns) or (batch, colors, rows, columns), for networks
    that give a distribution: rows and columns are height and width divided by `GraphMetadata.stride`, rounded up, and
    `color_from_probabilities` decodes them. For other networks it is `rgb`, shape (batch, 3, height, width), signed.

    Args:
        weights: The checkpoint's file, in the same folder. If given, the ONNX file refers to the weights in it instead
            of holding a copy, and the two files must stay together.

    Raises:
        ExportError: The path has another suffix, torch cannot export the network, the pictures differ by more than one
            level of 255, or the weights lie in another folder; nothing is written then.
        OSError: The file cannot be written.
    """
    _require_path(path, weights)
    network = deepcopy(checkpoint.model).cpu().float().eval()
    with _one_thread():
        metadata = _metadata(checkpoint, network)
        model = _model(network, metadata, merges=weights is None)
        if weights:
            _link_weights(model.graph, weights)
        with written_whole(path) as aside:
            aside.write_bytes(model.SerializeToString())
            difference, shapes = _compare(network, Network(aside))
    return ExportReport(path, path.stat().st_size, difference, shapes)


def _require_path(path: Path, weights: Path | None) -> None:
    if path.suffix != ".onnx":
        raise ExportError(f"{path}: the name of an ONNX file must end in .onnx")
    if weights and weights.resolve().parent != path.resolve().parent:
        raise ExportError(f"{path}: must lie in the folder of {weights} to refer to its weights")


def _metadata(checkpoint: Checkpoint, network: ColorizationModel) -> GraphMetadata:
    known = asdict(checkpoint.metadata())
    if not isinstance(network, DistributionModel):
        return GraphMetadata(**known, output="rgb")
    return GraphMetadata(
        **known,
        output="probabilities",
        stride=_stride(network),
        decodings=list(network.decodings),
        decoding=network.decoding,
        steepness=network.steepness,
        modesty=network.modesty,
    )


def _stride(network: DistributionModel) -> int:
    """How many times smaller than its picture the probabilities of a network are."""
    side = 256
    with torch.no_grad():
        columns: int = network.probabilities(torch.zeros(1, 1, side, side)).shape[-1]
    return side // columns


class _ProbabilitiesOf(nn.Module):
    """A network's probabilities instead of its color."""

    def __init__(self, network: DistributionModel) -> None:
        super().__init__()
        self.network = network

    def forward(self, gray: GrayBatch) -> Probabilities:
        """The probabilities of chroma of gray pictures."""
        return self.network.probabilities(gray)


def _model(network: ColorizationModel, metadata: GraphMetadata, *, merges: bool) -> onnx.ModelProto:
    """The network as an ONNX graph with its metadata.

    Args:
        merges: Whether batch norm is merged into weights, which then are the checkpoint's no more.
    """
    try:
        with _quiet_exporter():
            program = torch.onnx.export(
                _ProbabilitiesOf(network).eval() if isinstance(network, DistributionModel) else network,
                (torch.zeros(_TRACED_SHAPE),),
                dynamo=True,
                dynamic_shapes=({0: "batch", 2: "height", 3: "width"},),
                input_names=["gray"],
                output_names=[metadata.output],
                verbose=False,
                optimize=merges,
            )
    except torch.onnx.OnnxExporterError as error:
        reason = str(error.__cause__ or error).strip().partition("\n")[0]
        raise ExportError(f"{metadata.model}: torch cannot make an ONNX graph of any size of it: {reason}") from error
    if program is None:
        raise ExportError(f"{metadata.model}: torch made no ONNX graph of it")
    model: onnx.ModelProto = program.model_proto
    _drop_traces(model.graph)
    onnx.helper.set_model_props(model, metadata.as_properties())
    return model


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch use one thread: on a busy machine, two threads took twenty times as long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Silence two messages of torch's exporter that a user cannot act on.

    It warns of its own use of a deprecated function, and logs that torchvision is missing, which is on purpose.
    """
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning)
            yield
    finally:
        logger.setLevel(level)


def _drop_traces(graph: onnx.GraphProto) -> None:
    """Remove source locations, which double the size of small files and name folders of this machine."""
    graph.ClearField("metadata_props")
    graph.ClearField("value_info")
    for part in (*graph.node, *graph.input, *graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


def _link_weights(graph: onnx.GraphProto, path: Path) -> None:
    """Read large weights from a checkpoint instead of the graph, in which steps turn them into 32-bit floats.

    ONNX Runtime takes these steps once, when it loads the file. Weights that differ from the checkpoint's stay in the
    graph.

    Reference:
        https://onnx.ai/onnx/repo-docs/ExternalData.html for external weights,
        https://huggingface.co/docs/safetensors/index#format for their places in a checkpoint.
    """
    with path.open("rb") as file:
        header_size = int.from_bytes(file.read(8), "little")
        places = json.loads(file.read(header_size))
    stored = load_file(path)
    restored = unpack_weights({name: torch.from_numpy(values) for name, values in stored.items()})
    steps: list[onnx.NodeProto] = []
    for weights in list(graph.initializer):
        name, values = weights.name.removeprefix(_NETWORK), onnx.numpy_helper.to_array(weights)
        if values.size < _FEWEST_LINKED or name not in restored or not np.array_equal(restored[name], values):
            continue
        scale = stored.get(f"{name}{SCALE_SUFFIX}")
        if stored[name].dtype != values.dtype:
            steps += _widening(graph, weights, scale)
            weights.data_type = onnx.helper.np_dtype_to_tensor_dtype(stored[name].dtype)
        start, end = places[name]["data_offsets"]
        weights.ClearField("raw_data")
        weights.data_location = onnx.TensorProto.EXTERNAL
        where = {"location": path.name, "offset": str(8 + header_size + start), "length": str(end - start)}
        weights.external_data.extend(onnx.StringStringEntryProto(key=key, value=value) for key, value in where.items())
    steps += graph.node
    graph.ClearField("node")
    graph.node.extend(steps)


def _widening(graph: onnx.GraphProto, weights: onnx.TensorProto, scale: AnyArray | None) -> list[onnx.NodeProto]:
    """The steps from stored weights, which are renamed for it, to those that the graph computes with.

    Args:
        graph: Is given the scale.
        weights: The graph's own, still with 32 bits.
        scale: The step of each output channel of 8-bit weights; None for other ones.
    """
    name, stored_name = weights.name, f"{weights.name}_stored"
    weights.name = stored_name
    if scale is None:
        return [onnx.helper.make_node("Cast", [stored_name], [name], to=weights.data_type)]
    scale_name, levels_name = f"{name}_scale", f"{name}_levels"
    shaped = scale.reshape(-1, *(1 for _ in weights.dims[1:]))
    graph.initializer.append(onnx.numpy_helper.from_array(shaped, scale_name))
    return [
        onnx.helper.make_node("Cast", [stored_name], [levels_name], to=weights.data_type),
        onnx.helper.make_node("Mul", [levels_name, scale_name], [name]),
    ]


def _compare(network: ColorizationModel, graph: Network) -> tuple[int, tuple[_Shape, ...]]:
    """Color pictures of several sizes with the network and with its ONNX file.

    Returns:
        The largest difference in levels of 255, and the shapes that the network accepts.
    """
    differences: dict[_Shape, int] = {}
    for shape in _CHECKED_SHAPES:
        gray = _gray_ramps(shape)
        expected = _colored_by_network(network, gray)
        if expected is not None:
            differences[shape] = _difference(network.catalogue_name, expected, _colored_by_file(graph, gray))
    if not differences:
        raise ExportError(f"{network.catalogue_name}: it takes none of the pictures that the ONNX file is checked with")
    return max(differences.values()), tuple(differences)


def _gray_ramps(shape: _Shape) -> GrayBatch:
    """Ramps from black to white with some noise; shape (batch, 1, height, width), signed."""
    ramp = np.linspace(0.0, 255.0, int(np.prod(shape))).reshape(shape)
    noise = np.random.default_rng(0).normal(0.0, 20.0, shape)
    return to_signed(np.clip(ramp + noise, 0.0, 255.0).astype(np.uint8))[:, None]


def _colored_by_network(network: ColorizationModel, gray: GrayBatch) -> list[AnyArray] | None:
    """One array of pictures for each decoding, shape (batch, 3, height, width), uint8; None if they are too small."""
    decodings = network.decodings if isinstance(network, DistributionModel) else (None,)
    pictures = []
    for decoding in decodings:
        if isinstance(network, DistributionModel) and decoding is not None:
            network.decoding = decoding
        try:
            with torch.no_grad():
                pictures.append(to_uint8(network(torch.from_numpy(gray))).numpy())
        except (RuntimeError, PhotochromError):  # only a network's docstring says which sizes it accepts
            return None
    return pictures


def _colored_by_file(graph: Network, gray: GrayBatch) -> list[AnyArray]:
    """One array of pictures for each decoding, shape (batch, 3, height, width), uint8."""
    try:
        output = graph.run(gray)
    except CheckpointError as error:
        raise ExportError(str(error)) from error
    if graph.metadata.output == "rgb":
        return [to_uint8(output)]
    stride = graph.metadata.stride
    return [to_uint8(color_from_probabilities(gray, output, name, stride)) for name in graph.metadata.decodings]


def _difference(name: str, expected: list[AnyArray], found: list[AnyArray]) -> int:
    """The largest difference between pictures, in levels of 255."""
    differences = []
    for ours, theirs in zip(expected, found, strict=True):
        if theirs.shape != ours.shape:
            raise ExportError(f"{name}: its ONNX form gives {theirs.shape} where the network gives {ours.shape}")
        differences.append(int(np.abs(ours.astype(np.int16) - theirs.astype(np.int16)).max()))
    largest = max(differences)
    if largest > _TOLERANCE:
        height, width = expected[0].shape[-2:]
        raise ExportError(
            f"{name}: its ONNX form gives other colors than the network: {largest} of 255 levels at pictures of "
            f"{height}x{width}, where {_TOLERANCE} is allowed; nothing was written"
        )
    return largest
