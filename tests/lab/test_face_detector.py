import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import skimage.data
from onnx import numpy_helper

from photochrom.errors import ExportError
from photochrom.lab.face_detector import for_luma
from photochrom.shipped import WEIGHTS

ORIGINAL = Path(__file__).with_name("face_detection_yunet_2023mar.onnx")
SHIPPED = WEIGHTS / "yunet.onnx"


def test_the_original_is_the_one_of_the_card() -> None:
    assert hashlib.sha256(ORIGINAL.read_bytes()).hexdigest() in (WEIGHTS / "yunet.md").read_text()


def test_the_shipped_file_is_the_original_made_for_luma() -> None:
    made, shipped = for_luma(onnx.load(ORIGINAL)), onnx.load(SHIPPED)
    weights = [{one.name: numpy_helper.to_array(one) for one in model.graph.initializer} for model in (made, shipped)]
    assert [list(one) for one in weights] == [list(weights[0])] * 2
    for name, values in weights[0].items():
        np.testing.assert_allclose(weights[1][name], values, rtol=1e-6)
    assert [str(node) for node in made.graph.node] == [str(node) for node in shipped.graph.node]


def test_it_gives_what_the_original_gives_for_gray() -> None:
    luma = np.zeros((640, 640), np.uint8)
    luma[64:576, 64:576] = skimage.data.astronaut()[..., 1]
    sessions = [
        onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"]) for file in (ORIGINAL, SHIPPED)
    ]
    gray = np.repeat(luma[None, None].astype(np.float32), 3, axis=1)
    expected = sessions[0].run(None, {"input": gray})
    for level, (values,) in enumerate(sessions[1].run(None, {"luma": luma[None, None]})):
        ours = values.reshape(16, -1).T
        theirs = [expected[level + kind][0] for kind in (0, 3, 6, 9)]
        np.testing.assert_allclose(1 / (1 + np.exp(-ours[:, :2])), np.concatenate(theirs[:2], axis=1), atol=1e-5)
        np.testing.assert_allclose(ours[:, 2:], np.concatenate(theirs[2:], axis=1), atol=1e-4)


def test_another_network_is_refused() -> None:
    with pytest.raises(ExportError, match="OpenCV Zoo"):
        for_luma(onnx.load(SHIPPED))
