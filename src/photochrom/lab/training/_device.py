"""The device that a network is trained on, and the arithmetic used there."""

import logging
from typing import TYPE_CHECKING

import torch

from photochrom.errors import ConfigError

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def get_fabric(device: str, precision: str) -> "Fabric":
    """The device and the arithmetic.

    Args:
        device: `auto`, `cpu`, `cuda` or `mps`.
    """
    from lightning_fabric import Fabric  # as slow to import as torch itself; predictions do without

    if device not in ("auto", "cpu", "cuda", "mps"):
        raise ConfigError(f"no device is called {device!r}; there are: auto, cpu, cuda, mps")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("no CUDA device is on this machine; use --device cpu")
    if device == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("no MPS device is on this machine; use --device cpu")
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    fabric = Fabric(accelerator=device, devices=1)
    if precision == "bf16" or (precision == "auto" and fabric.device.type == "cpu" and _computes_bf16()):
        fabric = Fabric(accelerator=device, devices=1, precision="bf16-mixed")
    return fabric


def _computes_bf16() -> bool:
    """Whether this processor has instructions for bfloat16; without them it would be slower than full precision."""
    return bool(torch.cpu._is_avx512_bf16_supported())
