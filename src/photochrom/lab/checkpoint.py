"""A trained network in one file: its weights, and the metadata that rebuilds it. Reading one runs no code."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from photochrom.coloring.metadata import NetworkMetadata
from photochrom.errors import CheckpointError, ConfigError, reason_of
from photochrom.files import write_whole
from photochrom.lab import models
from photochrom.lab.models import ColorizationModel
from photochrom.lab.packed_weights import pack_weights, unpack_weights
from photochrom.shipped import shipped_model, shipped_models

OF_A_RUN = "best.safetensors"
"""The name of a run's checkpoint in the run's folder."""


@dataclass(frozen=True)
class Checkpoint:
    """A trained network and what is known of it.

    Attributes:
        model: The network, in evaluation mode.
        data: The data set it was trained on, as `Dataset.fingerprint` gives it.
        figures: What was measured of it, such as `val_accuracy`.
    """

    model: ColorizationModel
    data: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)

    def metadata(self) -> NetworkMetadata:
        """What the file holds beside the weights."""
        model = self.model
        return NetworkMetadata(model.catalogue_name, model.hyperparameters, dict(self.data), dict(self.figures))


def save_checkpoint(path: Path, checkpoint: Checkpoint, *, packed: bool = False) -> None:
    """Write a checkpoint, whole or not at all.

    Args:
        checkpoint: Its network was made by `models.create`.
        packed: Whether to store weights by `pack_weights`, in about a quarter of the space.
    """
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.model.state_dict().items()}
    stored = pack_weights(weights) if packed else weights
    write_whole(path, save(stored, metadata=checkpoint.metadata().as_properties()))


def pack_checkpoint(source: Path, target: Path, hyperparameters: Mapping[str, Any]) -> None:
    """Copy a checkpoint for sharing: in about a quarter of the space, and with changed hyperparameters.

    Args:
        hyperparameters: Changes that fit the same weights, such as `decoding`. If any value changes, the figures,
            which were measured with the old values, are dropped.
    """
    old = load_checkpoint(source)
    model = models.create(old.model.catalogue_name, {**old.model.hyperparameters, **hyperparameters})
    try:
        model.load_state_dict(old.model.state_dict())
    except RuntimeError as error:
        raise CheckpointError(f"{source}: its weights do not fit {dict(hyperparameters)}") from error
    figures = old.figures if model.hyperparameters == old.model.hyperparameters else {}
    save_checkpoint(target, Checkpoint(model, old.data, figures), packed=True)


def average_checkpoints(sources: Mapping[Path, float], target: Path) -> None:
    """Average the weights of one network after several trainings that went on from the same weights.

    The average is often better than each of them, and costs no time when it is used. Statistics of batch norms are
    averaged too. Figures, which were measured with other weights, are dropped.

    Args:
        sources: Checkpoints and their shares, which are divided by their sum. The first one's data are kept.

    Raises:
        CheckpointError: A file cannot be used, or holds another network.
        ConfigError: A share is negative or not finite, or all are 0.

    Reference:
        Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves accuracy without
        increasing inference time", 2022.
    """
    total = sum(sources.values())
    if not 0.0 < total < math.inf or min(sources.values()) < 0.0:  # with a share that is NaN, so is the sum
        raise ConfigError("shares must be finite numbers of at least 0, and not all 0")
    checkpoints = [load_checkpoint(path) for path in sources]
    first = checkpoints[0]
    for path, checkpoint in zip(sources, checkpoints, strict=True):
        if _shape(checkpoint.model) != _shape(first.model):
            raise CheckpointError(f"{path}: holds another network than {next(iter(sources))}")
    states = [checkpoint.model.state_dict() for checkpoint in checkpoints]
    shares = [share / total for share in sources.values()]
    averaged = {
        name: sum(share * state[name] for state, share in zip(states, shares, strict=True))
        if tensor.is_floating_point()
        else tensor
        for name, tensor in states[0].items()
    }
    first.model.load_state_dict(averaged)
    save_checkpoint(target, Checkpoint(first.model, first.data))


def unite_checkpoints(sources: Sequence[Path], target: Path) -> None:
    """Join trained networks to a committee, whose probabilities are the mean of theirs.

    Mirroring and decoding are the committee's own; see `photochrom.lab.models.committee`.

    Args:
        sources: Checkpoints of networks that give probabilities of chroma, of their usual size and without a
            calibration of their own.

    Raises:
        CheckpointError: A file cannot be used, or its network has other settings.
        ConfigError: A network gives no probabilities of chroma, or there is only one.
    """
    if len(set(sources)) < 2 or len(set(sources)) < len(sources):
        raise ConfigError("a committee has at least two networks, each of them once")
    checkpoints = [load_checkpoint(path) for path in sources]
    names = [checkpoint.model.catalogue_name for checkpoint in checkpoints]
    model = models.create("committee", {"members": "+".join(names)})
    for path, checkpoint, member in zip(sources, checkpoints, model.get_submodule("members").children(), strict=True):
        _require_usual(path, checkpoint.model, cast("ColorizationModel", member))
        member.load_state_dict(checkpoint.model.state_dict())
    save_checkpoint(target, Checkpoint(model, _joined([checkpoint.data for checkpoint in checkpoints])))


def _require_usual(path: Path, model: ColorizationModel, member: ColorizationModel) -> None:
    """Refuse a network with settings that a member of a committee would lose, such as a temperature."""
    changed = [
        f"{name}={value}"
        for name, value in model.hyperparameters.items()
        if value != member.hyperparameters[name] and name not in ("decoding", "mirrored")
    ]
    if changed:
        raise CheckpointError(f"{path}: has {', '.join(changed)}; members of a committee have their usual settings")


def _joined(data: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What is known of the data of several networks, as one."""
    if all(one == data[0] for one in data):
        return data[0]
    return {"name": "+".join(dict.fromkeys(str(one.get("name", "unknown")) for one in data)), "parts": list(data)}


def _shape(model: ColorizationModel) -> tuple[str, dict[str, tuple[int, ...]]]:
    """What two networks must share for each weight of one to belong to a weight of the other."""
    return model.catalogue_name, {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def load_checkpoint(path: Path) -> Checkpoint:
    """Rebuild the network of a checkpoint.

    Returns:
        The checkpoint; its network is on the CPU and in evaluation mode.

    Raises:
        CheckpointError: The file is missing, broken or of another format version, or its weights do not fit the
            network that it names.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = NetworkMetadata.from_properties(
                str(path),
                file.metadata() or {},
                foreign="holds weights, but not photochrom's metadata to rebuild their network",
                outdated="train it anew, or install the photochrom that wrote it",
            )
            weights = unpack_weights({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: not a checkpoint, or a broken one ({error})") from error
    return Checkpoint(_rebuild(path, metadata, weights), metadata.data, metadata.figures)


def checkpoint_path(name_or_path: str) -> Path:
    """The path of a checkpoint: of a shipped model by its name, of a run by its folder, or the given path.

    Raises:
        CheckpointError: There is no such model or file, or nothing is trained in the folder yet.
    """
    if name_or_path in shipped_models():
        return shipped_model(name_or_path).weights
    path = Path(name_or_path)
    if path.is_dir():
        if not (path / OF_A_RUN).is_file():
            raise CheckpointError(f"{path}: a folder without {OF_A_RUN}; name a file of weights or the folder of a run")
        return path / OF_A_RUN
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file, nor a shipped model ({', '.join(shipped_models())})")
    return path


def find_checkpoint(name_or_path: str) -> Checkpoint:
    """A shipped model by its name, or a checkpoint by its path or the folder of its run.

    Raises:
        CheckpointError: There is no such model or file, or the file cannot be used.
    """
    return load_checkpoint(checkpoint_path(name_or_path))


def _rebuild(path: Path, metadata: NetworkMetadata, weights: Mapping[str, Any]) -> ColorizationModel:
    try:
        model = models.create(metadata.model, metadata.hyperparameters)
        model.load_state_dict(dict(weights))
    except (ConfigError, RuntimeError) as error:
        raise CheckpointError(f"{path}: its weights do not fit {metadata.model!r} ({reason_of(error)})") from error
    return model.eval()
