"""Memory that a library has freed, but the process still holds."""

import ctypes
import sys

__all__ = ["release_freed_memory"]


def release_freed_memory() -> None:
    """Give freed memory back to the system, where the C library allows it; elsewhere nothing happens.

    ONNX Runtime makes large copies while it opens a network: 68 of the 146 MB that two networks took were freed, but
    stayed with the process.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl does not
        if trim is not None:
            trim(0)
