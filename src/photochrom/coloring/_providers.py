"""Where networks run: on the processor, or on what else the installed ONNX Runtime offers."""

import json
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from typing import Any

import onnxruntime

from photochrom.errors import reason_of

__all__ = ["open_session"]

_CPU = "cpu"

_PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "directml": "DmlExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    _CPU: "CPUExecutionProvider",
}
"""The execution providers of ONNX Runtime by the names in `photochrom.coloring.PROVIDERS`."""

_CHOSEN = ("cuda", "directml")
"""What `auto` looks for: who has one of these has installed it for a GPU. OpenVINO takes a tenth longer than the CPU
provider where both compute in full precision (benchmarks/providers.py). CoreML is on every Mac, and not measured."""

_PACKAGES = {
    "cuda": "onnxruntime-gpu in place of onnxruntime",
    "directml": "onnxruntime-directml in place of onnxruntime",
    "openvino": "pip install 'photochrom[openvino]'",
    "coreml": "onnxruntime on a Mac",
}

_OPENVINO_PLUGIN = "onnxruntime_ep_openvino"

Session = Any
"""An `onnxruntime.InferenceSession`, which is not typed."""


def open_session(content: str | bytes, threads: int, wanted: str) -> tuple[Session, str]:
    """A session, on the CPU if the provider that is wanted cannot run the network.

    Args:
        content: The path of an ONNX file, or its content.
        threads: Maximum number of cores.
        wanted: One of `photochrom.coloring.PROVIDERS`.

    Returns:
        The session, and one line for users: what it runs on if that is not the CPU, or why it is not what they want.

    Raises:
        Exception: Of ONNX Runtime, whose classes are not public, for a file that cannot be run.
    """
    offered = _offered(wanted) if wanted != _CPU else []
    name = next((name for name in _CHOSEN if name in offered), _CPU) if wanted == "auto" else wanted
    if name == _CPU:
        return _opened(content, threads, _CPU), ""
    if name not in offered:
        return _opened(content, threads, _CPU), f"{name} needs {_PACKAGES[name]}; the networks run on the CPU"
    try:
        session = _opened(content, threads, name)
        if _PROVIDERS[name] in session.get_providers():
            return session, f"the networks run by {name}"
        reason = "its libraries cannot be loaded"
    except Exception as error:  # as above
        reason = reason_of(error)
    return _opened(content, threads, _CPU), f"{name} cannot be used ({reason}); the networks run on the CPU"


def _offered(wanted: str) -> list[str]:
    """The providers that ONNX Runtime has; that of the plugin only if it is wanted, for it loads slowly."""
    if wanted == "openvino" and find_spec(_OPENVINO_PLUGIN):
        _register_openvino()
    offered = onnxruntime.get_available_providers()
    return [name for name, called in _PROVIDERS.items() if called in offered]


@cache
def _register_openvino() -> None:
    """Make the plugin known to ONNX Runtime, which takes it once; without its libraries it is not offered."""
    with suppress(Exception):  # of ONNX Runtime, whose classes are not public
        from onnxruntime_ep_openvino import get_library_path

        onnxruntime.register_execution_provider_library(_PROVIDERS["openvino"], get_library_path())


def _opened(content: str | bytes, threads: int, name: str) -> Session:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads  # by default it pins threads to cores, and warns where it may not
    options.log_severity_level = 4  # errors are raised; they need not be printed too
    # The arena only grows with pictures of different sizes: its old blocks do not fit a photo of another shape.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = name != "directml"  # which does not work with it
    devices = _plugin_devices(_PROVIDERS[name])
    if devices:
        options.add_provider_for_devices(devices[:1], _provider_options(name, threads))
        return onnxruntime.InferenceSession(content, options)
    providers = [(_PROVIDERS[name], _provider_options(name, threads)), (_PROVIDERS[_CPU], {})]
    return onnxruntime.InferenceSession(content, options, providers=providers if name != _CPU else providers[1:])


def _plugin_devices(provider: str) -> list[Any]:
    """The processor, as a device of a provider that a plugin brings, which cannot be asked for by name."""
    if provider != _PROVIDERS["openvino"] or not find_spec(_OPENVINO_PLUGIN):
        return []
    cpu = onnxruntime.OrtHardwareDeviceType.CPU
    devices = onnxruntime.get_ep_devices()
    return [device for device in devices if device.ep_name == provider and device.device.type == cpu]


def _provider_options(name: str, threads: int) -> dict[str, str]:
    """Full precision, so that results are within a level of the CPU's, and no search for the best kernels of a size.

    Reference:
        https://onnxruntime.ai/docs/execution-providers/
    """
    if name == "cuda":
        return {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
    if name == "openvino" and find_spec(_OPENVINO_PLUGIN):
        cpu = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": str(threads)}
        return {"load_config": json.dumps({"CPU": cpu})}
    return {}
