"""Many photos at once: which are meant, where their results go, what is done already, and how each ended."""

from photochrom.album._batch import (
    Batch,
    Outcome,
    colorize_bytes,
    colorize_files,
    plan_batch,
    require_stream_alone,
)
from photochrom.album._coloring import Options, Status, guesses
from photochrom.album._manifest import MANIFEST_NAME

__all__ = [
    "MANIFEST_NAME",
    "Batch",
    "Options",
    "Outcome",
    "Status",
    "colorize_bytes",
    "colorize_files",
    "guesses",
    "plan_batch",
    "require_stream_alone",
]
