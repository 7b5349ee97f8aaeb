"""A network as an ONNX file, run without torch."""

from pathlib import Path

from photochrom.coloring._memory import release_freed_memory
from photochrom.coloring._options import require_provider
from photochrom.coloring._providers import open_session
from photochrom.coloring.metadata import GraphMetadata
from photochrom.errors import CheckpointError, ConfigError, reason_of
from photochrom.shipped import photo_models
from photochrom.tensors import AnyArray, GrayBatch


def require_probabilities(metadata: GraphMetadata, name: str) -> None:
    """Check that a network can color photos.

    Args:
        name: The network's in messages.

    Raises:
        ConfigError: It gives one color only, and not the probabilities that guesses and their confidence need.
    """
    if metadata.output != "probabilities":
        raise ConfigError(
            f"{name}: gives colors without probabilities, so that it colors pictures by 'photochrom predict' only; "
            f"photos are colored by: {', '.join(photo_models())}"
        )


class Network:
    """A network that ONNX Runtime runs.

    Attributes:
        metadata: Written by `photochrom.lab.export.export_onnx`.
        remark: One line for users about the provider; empty if there is nothing to say.
    """

    metadata: GraphMetadata
    remark: str

    def __init__(self, source: Path | bytes, threads: int = 1, provider: str = "cpu") -> None:
        """Load an ONNX file.

        Args:
            source: The file, or its content.
            threads: Maximum number of cores for a picture.
            provider: `cpu`, `cuda`, `directml`, `openvino` or `coreml`, which falls back to the CPU; or `auto` for
                what is installed.

        Raises:
            CheckpointError: The file is missing, broken, of another format version, or not written by photochrom.
            ConfigError: There is no provider of that name.
        """
        require_provider(provider)
        name = str(source) if isinstance(source, Path) else "the ONNX file"
        if isinstance(source, Path) and not source.is_file():
            raise CheckpointError(f"{name}: no such file")
        try:
            content = str(source) if isinstance(source, Path) else source
            self._session, self.remark = open_session(content, threads, provider)
        except Exception as error:  # the classes of ONNX Runtime's errors are not public
            raise CheckpointError(f"{name}: not an ONNX file that can be run ({reason_of(error)})") from error
        release_freed_memory()
        self.metadata = GraphMetadata.from_properties(
            name,
            self._session.get_modelmeta().custom_metadata_map,
            foreign="not an ONNX file of photochrom; write one with 'photochrom export'",
            outdated="write it again from its checkpoint with 'photochrom export'",
        )

    def run(self, gray: GrayBatch) -> AnyArray:
        """Run the network on gray pictures.

        Args:
            gray: Shape (batch, 1, height, width), signed, float32; any size that the network supports.

        Returns:
            What `metadata.output` names: probabilities of Cb and Cr, shape (batch, 2, bins, rows, columns), or of a
            palette's colors, shape (batch, colors, rows, columns); or color, shape (batch, 3, height, width), signed.

        Raises:
            CheckpointError: The network cannot run on pictures of this size.
        """
        try:
            (output,) = self._session.run([self.metadata.output], {"gray": gray})
        except Exception as error:  # as above
            height, width = gray.shape[-2:]
            raise CheckpointError(
                f"{self.metadata.model}: its ONNX form fails on pictures of {height}x{width} ({reason_of(error)})"
            ) from error
        return output
