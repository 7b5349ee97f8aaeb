import subprocess
import sys

import pytest

import photochrom.coloring


@pytest.mark.parametrize("name", photochrom.coloring.__all__)
def test_a_public_name_is_there(name: str) -> None:
    assert getattr(photochrom.coloring, name).__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        photochrom.coloring.no_such_name  # noqa: B018


def test_color_arithmetic_needs_no_network_and_no_picture_library() -> None:
    program = "import sys, photochrom.coloring.distribution; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"onnxruntime", "PIL", "cv2", "pyvips"} & set(loaded)
