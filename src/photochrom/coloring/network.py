"""A network as an ONNX file, run without torch."""

from pathlib import Path

import onnxruntime

from photochrom.coloring._memory import release_freed_memory
from photochrom.coloring.metadata import GraphMetadata
from photochrom.errors import CheckpointError
from photochrom.tensors import AnyArray, GrayBatch

__all__ = ["Network"]


class Network:
    """A network that ONNX Runtime runs on the CPU.

    Attributes:
        metadata: What `photochrom.lab.export.export_onnx` wrote of it.
    """

    metadata: GraphMetadata

    def __init__(self, source: Path | bytes, threads: int = 1) -> None:
        """Load an ONNX file.

        Args:
            source: The file, or what is in it.
            threads: How many cores a picture may take.

        Raises:
            CheckpointError: It is missing, broken, of another format version, or none of photochrom's.
        """
        name = str(source) if isinstance(source, Path) else "the ONNX file"
        if isinstance(source, Path) and not source.is_file():
            raise CheckpointError(f"{name}: no such file")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads  # left to itself it pins them to cores, and complains where it may not
        options.log_severity_level = 4  # what goes wrong is raised; it need not be printed as well
        # Kept between pictures of different sizes its memory only grows: a photo of another shape fits no old block.
        options.enable_cpu_mem_arena = False
        try:
            content = str(source) if isinstance(source, Path) else source
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the classes of ONNX Runtime's errors are not public
            reason = " ".join(str(error).split())
            raise CheckpointError(f"{name}: not an ONNX file that can be run ({reason})") from error
        release_freed_memory()
        self.metadata = GraphMetadata.from_properties(
            name,
            self._session.get_modelmeta().custom_metadata_map,
            foreign="none of photochrom's ONNX files; 'photochrom export' writes them",
            outdated="'photochrom export' writes it anew from its checkpoint",
        )

    def run(self, gray: GrayBatch) -> AnyArray:
        """The output: probabilities, shape (batch, 2, bins, rows, columns), or color, shape (batch, 3, height, width).

        Args:
            gray: Shape (batch, 1, height, width), signed, float32; any size that the network takes.

        Raises:
            CheckpointError: The network does not take it.
        """
        try:
            (output,) = self._session.run([self.metadata.output], {"gray": gray})
        except Exception as error:  # as above
            reason = " ".join(str(error).split())
            height, width = gray.shape[-2:]
            raise CheckpointError(
                f"{self.metadata.model}: its ONNX form fails at pictures of {height}x{width} ({reason})"
            ) from error
        return output
