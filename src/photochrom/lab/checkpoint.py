"""Weights and the metadata that rebuilds their network, in one file that runs no code when it is read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from photochrom.errors import CheckpointError, ConfigError
from photochrom.files import write_whole
from photochrom.lab import models
from photochrom.lab.models import ColorizationModel
from photochrom.shipped import shipped_model, shipped_models

__all__ = [
    "FORMAT_VERSION",
    "Checkpoint",
    "checkpoint_path",
    "find_checkpoint",
    "load_checkpoint",
    "pack_checkpoint",
    "save_checkpoint",
]

FORMAT_VERSION = 2
_METADATA_KEY = "photochrom"


@dataclass(frozen=True)
class Checkpoint:
    """A trained network and what is known of it.

    Attributes:
        model: The network, in evaluation mode.
        data: What it was trained on, as `Dataset.fingerprint` gives it.
        figures: What was measured of it, such as `val_accuracy`.
    """

    model: ColorizationModel
    data: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)


def save_checkpoint(path: Path, checkpoint: Checkpoint, *, half: bool = False) -> None:
    """Write a checkpoint, whole or not at all.

    Args:
        path: A `.safetensors` file; an older one is replaced.
        checkpoint: Its network was made by `models.create`.
        half: Whether to store weights as 16-bit floats, in half the space; they are read as 32-bit ones again.

    Raises:
        OSError: The file cannot be written.
    """
    model = checkpoint.model
    metadata = {
        "format_version": FORMAT_VERSION,
        "model": model.catalogue_name,
        "hyperparameters": model.hyperparameters,
        "value_range": "signed",
        "data": dict(checkpoint.data),
        "figures": dict(checkpoint.figures),
    }
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    if half:
        weights = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in weights.items()}
    write_whole(path, save(weights, metadata={_METADATA_KEY: json.dumps(metadata)}))


def pack_checkpoint(source: Path, target: Path, hyperparameters: Mapping[str, Any]) -> None:
    """Write a checkpoint anew as one to hand on: in half the space, and with other settings of how it is used.

    Args:
        source: A checkpoint.
        target: Where the new one goes; an older one is replaced.
        hyperparameters: Settings to change that need no other weights, such as `decoding`; what was measured with
            the old ones is left out then.

    Raises:
        CheckpointError: The source cannot be used, or its weights do not fit the changed settings.
        ConfigError: There is no such setting.
        OSError: The target cannot be written.
    """
    old = load_checkpoint(source)
    model = models.create(old.model.catalogue_name, {**old.model.hyperparameters, **hyperparameters})
    try:
        model.load_state_dict(old.model.state_dict())
    except RuntimeError as error:
        raise CheckpointError(f"{source}: its weights do not fit {dict(hyperparameters)}") from error
    figures = old.figures if model.hyperparameters == old.model.hyperparameters else {}
    save_checkpoint(target, Checkpoint(model, old.data, figures), half=True)


def load_checkpoint(path: Path) -> Checkpoint:
    """Rebuild the network of a checkpoint.

    Args:
        path: A file written by `save_checkpoint`.

    Returns:
        The checkpoint; its network is on the CPU and in evaluation mode.

    Raises:
        CheckpointError: The file is missing, broken, of another format version, or its weights do not fit the
            network that it names.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = _read_metadata(path, file.metadata() or {})
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: not a checkpoint, or a broken one ({error})") from error
    model = _rebuild(path, metadata, weights)
    return Checkpoint(model=model, data=metadata.get("data", {}), figures=metadata.get("figures", {}))


def checkpoint_path(name_or_path: str) -> Path:
    """Where the weights of a shipped model lie, or a path that is given.

    Raises:
        CheckpointError: There is no such model or file.
    """
    if name_or_path in shipped_models():
        return shipped_model(name_or_path).weights
    if not Path(name_or_path).is_file():
        raise CheckpointError(f"{name_or_path}: no such file, nor a shipped model ({', '.join(shipped_models())})")
    return Path(name_or_path)


def find_checkpoint(name_or_path: str) -> Checkpoint:
    """A shipped model by its name, or a checkpoint by its path.

    Raises:
        CheckpointError: There is no such model or file, or the file cannot be used.
    """
    return load_checkpoint(checkpoint_path(name_or_path))


def _read_metadata(path: Path, properties: Mapping[str, str]) -> dict[str, Any]:
    try:
        metadata = json.loads(properties[_METADATA_KEY])
        version = metadata["format_version"]
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise CheckpointError(
            f"{path}: holds weights, but not photochrom's metadata to rebuild their network"
        ) from error
    if version != FORMAT_VERSION:
        raise CheckpointError(
            f"{path}: format version {version!r}, but this photochrom reads version {FORMAT_VERSION}; "
            "train it anew, or install the photochrom that wrote it"
        )
    if not isinstance(metadata.get("model"), str) or not isinstance(metadata.get("hyperparameters"), dict):
        raise CheckpointError(f"{path}: its metadata names no network")
    return dict(metadata)


def _rebuild(path: Path, metadata: Mapping[str, Any], weights: Mapping[str, Any]) -> ColorizationModel:
    try:
        model = models.create(metadata["model"], metadata["hyperparameters"])
        model.load_state_dict(dict(weights))
    except (ConfigError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{path}: its weights do not fit {metadata['model']!r} ({reason})") from error
    return model.eval()
