"""The metadata of a network in a checkpoint or an ONNX file, as JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from photochrom.errors import CheckpointError

FORMAT_VERSION = 2
METADATA_KEY = "photochrom"
"""The property of a file that holds its metadata."""


@dataclass(frozen=True)
class NetworkMetadata:
    """The architecture of a network, and what is known about it.

    Attributes:
        model: The network's name in the catalogue of `photochrom.lab.models`.
        hyperparameters: The arguments of its constructor.
        data: The data set it was trained on, as `Dataset.fingerprint` gives it.
        figures: Its measures, such as `val_accuracy`.
        value_range: The range of input and output.
    """

    model: str
    hyperparameters: dict[str, Any]
    data: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    value_range: str = "signed"

    def as_properties(self) -> dict[str, str]:
        """The metadata as properties of a file."""
        return {METADATA_KEY: json.dumps({"format_version": FORMAT_VERSION, **asdict(self)})}

    @classmethod
    def from_properties(cls, name: str, properties: Mapping[str, str], *, foreign: str, outdated: str) -> Self:
        """Read the metadata of a file.

        Args:
            name: The name of the file in messages.
            foreign: The message for a file that photochrom did not write.
            outdated: Advice for a file of another format version.

        Raises:
            CheckpointError: The file is foreign or of another format version, or its metadata is incomplete.
        """
        try:
            content = json.loads(properties[METADATA_KEY])
            version = content["format_version"]
            if version != FORMAT_VERSION:
                reads = f"this photochrom reads version {FORMAT_VERSION}"
                raise CheckpointError(f"{name}: format version {version!r}, but {reads}; {outdated}")
            metadata = cls(**{each.name: content[each.name] for each in fields(cls) if each.name in content})
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise CheckpointError(f"{name}: {foreign}") from error
        if not isinstance(metadata.model, str) or not isinstance(metadata.hyperparameters, dict):
            raise CheckpointError(f"{name}: its metadata names no network")
        return metadata


@dataclass(frozen=True)
class GraphMetadata(NetworkMetadata):
    """The metadata of an ONNX file, with what is needed to run it without torch.

    Attributes:
        output: `probabilities` or `rgb`.
        stride: Width of a picture divided by the width of its probabilities.
        decodings: The ways to decode probabilities; empty for `rgb`.
        decoding: The chosen one; None for `rgb`.
        steepness: How stated confidence is corrected; see `photochrom.coloring.decoding.as_observed`.
        modesty: See there.
    """

    output: str = field(kw_only=True)
    stride: int = 1
    decodings: list[str] = field(default_factory=list)
    decoding: str | None = None
    steepness: float = 1.0
    modesty: float = 1.0
