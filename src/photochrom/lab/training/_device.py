"""The device that a network is trained on, and the arithmetic used there."""

import logging
from typing import TYPE_CHECKING

import torch

from photochrom.errors import ConfigError
from photochrom.lab.training._processes import Ranks

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def get_fabric(device: str, precision: str, ranks: Ranks) -> "Fabric":
    """The device of this process and the arithmetic.

    Args:
        device: `auto`, `cpu`, `cuda` or `mps`.
        ranks: Which of the processes of a training this is; each has a device of its own.
    """
    from lightning_fabric import Fabric  # as slow to import as torch itself; predictions do without

    _require_device(device)
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    fabric = Fabric(accelerator=device, devices=1)
    kind = fabric.device.type
    _require_devices(kind, ranks.local_count)
    is_half = precision == "bf16" or (precision == "auto" and kind == "cpu" and _computes_bf16())
    if kind == "cuda" and ranks.count > 1:
        torch.cuda.set_device(ranks.local_number)
        return Fabric(accelerator=kind, devices=[ranks.local_number], precision="bf16-mixed" if is_half else None)
    return Fabric(accelerator=device, devices=1, precision="bf16-mixed") if is_half else fabric


def _require_device(device: str) -> None:
    if device not in ("auto", "cpu", "cuda", "mps"):
        raise ConfigError(f"no device is called {device!r}; there are: auto, cpu, cuda, mps")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("no CUDA device is on this machine; use --device cpu")
    if device == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("no MPS device is on this machine; use --device cpu")


def _require_devices(kind: str, devices: int) -> None:
    if kind == "mps" and devices > 1:
        raise ConfigError("only 1 MPS device is on a machine; use --device cpu for several processes")
    if kind == "cuda" and devices > (count := torch.cuda.device_count()):
        raise ConfigError(f"only {count} CUDA device{'s are' if count > 1 else ' is'} on this machine, not {devices}")


def _computes_bf16() -> bool:
    """Whether this processor has instructions for bfloat16; without them it would be slower than full precision."""
    return bool(torch.cpu._is_avx512_bf16_supported())
