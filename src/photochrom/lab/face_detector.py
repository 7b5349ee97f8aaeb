"""YuNet as photochrom ships it: the same network, made for luma and for one output at each stride.

`python -m photochrom.lab.face_detector face_detection_yunet_2023mar.onnx yunet.onnx` writes it.
"""

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from photochrom.errors import ExportError

__all__ = ["for_luma"]

_SIDE = 640
_STRIDES = (8, 16, 32)

_KINDS = ("cls", "obj", "bbox", "kps")
"""The heads, in the order of the channels that they become: probability of a face and quality of its box, both before
the sigmoid, the box, the landmarks; 16 channels, as many as a processor computes at once."""

_FIRST, _CASTED = "420", "input"
"""In the original: the kernels of the first convolution, and the picture."""

_FEATURES = ("256", "246", "236")
"""In the original: what the heads of each stride see."""

_Arrays = dict[str, npt.NDArray[np.float32]]


def for_luma(original: onnx.ModelProto) -> onnx.ModelProto:
    """YuNet for luma: the same function of it, in four fifths of the time.

    - Red, green and blue are the same luma, so the kernels of the first convolution are summed over them.
    - The four heads of a stride, which see the same features, are one: four small ones leave most of a processor's
      vector idle.
    - The luma comes as uint8; places and sigmoids, which only detected faces need, are left to `photochrom.coloring`.

    Args:
        original: `face_detection_yunet_2023mar.onnx` of OpenCV Zoo.

    Returns:
        From `luma`, shape (1, 1, 640, 640), uint8, to `stride_8`, `stride_16` and `stride_32`, each of shape
        (1, 16, 640 / stride, 640 / stride).

    Raises:
        ExportError: The graph is another one.
    """
    weights: _Arrays = {one.name: numpy_helper.to_array(one) for one in original.graph.initializer}
    if _FIRST not in weights or weights[_FIRST].shape != (16, 3, 3, 3):
        raise ExportError("this is not face_detection_yunet_2023mar.onnx; get it from OpenCV Zoo")
    weights[_FIRST] = weights[_FIRST].sum(axis=1, keepdims=True)
    nodes = [helper.make_node("Cast", ["luma"], [_CASTED], to=onnx.TensorProto.FLOAT)]
    nodes += [node for node in original.graph.node if not _is_of_a_head(node)]
    for level, stride in enumerate(_STRIDES):
        nodes += _head(level, stride, weights)
    used = {name for node in nodes for name in node.input}
    side, kind = _SIDE, onnx.TensorProto.FLOAT
    outputs = [
        helper.make_tensor_value_info(f"stride_{stride}", kind, [1, 16, side // stride, side // stride])
        for stride in _STRIDES
    ]
    luma = helper.make_tensor_value_info("luma", onnx.TensorProto.UINT8, [1, 1, side, side])
    kept = [numpy_helper.from_array(values, name) for name, values in weights.items() if name in used]
    graph = helper.make_graph(nodes, "yunet", [luma], outputs, kept)
    model = helper.make_model(
        graph, opset_imports=original.opset_import, ir_version=original.ir_version, producer_name="photochrom"
    )
    onnx.checker.check_model(model)
    return model


def _is_of_a_head(node: onnx.NodeProto) -> bool:
    is_convolution = any(name.startswith("bbox_head.") for name in node.input)
    return is_convolution or node.op_type in ("Transpose", "Reshape", "Sigmoid")


def _head(level: int, stride: int, weights: _Arrays) -> list[onnx.NodeProto]:
    """The heads of a stride as one; its weights are added."""
    for part in ("conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias"):
        parts = [weights[f"bbox_head.multi_level_{kind}.{level}.{part}"] for kind in _KINDS]
        weights[f"head.{level}.{part}"] = np.concatenate(parts)
    point, depth = ([f"head.{level}.{name}.weight", f"head.{level}.{name}.bias"] for name in ("conv1", "conv2"))
    between = f"head.{level}"
    return [
        helper.make_node("Conv", [_FEATURES[level], *point], [between], kernel_shape=[1, 1]),
        helper.make_node(
            "Conv", [between, *depth], [f"stride_{stride}"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=16
        ),
    ]


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    onnx.save(for_luma(onnx.load(source)), target)
