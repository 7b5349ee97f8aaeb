"""What can go wrong in ways that a user can mend."""

__all__ = [
    "CheckpointError",
    "ConfigError",
    "DataError",
    "ExportError",
    "InColorError",
    "PhotoError",
    "PhotochromError",
    "TooLargeError",
    "UnreadableError",
]


class PhotochromError(Exception):
    """A failure whose text is one clear line: what is wrong, and what to do about it."""


class ConfigError(PhotochromError):
    """An option, setting or name that does not exist or is out of range."""


class DataError(PhotochromError):
    """A data set, picture or predictions file that is missing, broken or not what it should be."""


class CheckpointError(PhotochromError):
    """A file of weights that is broken, of another format version, or of another network."""


class ExportError(PhotochromError):
    """A network that cannot be exported, or whose exported file gives other colors."""


class PhotoError(PhotochromError):
    """A photo that cannot be read, colored or written."""


class UnreadableError(PhotoError):
    """A file that is missing, broken, or no single photo of a kind that is read."""


class TooLargeError(PhotoError):
    """A photo with more pixels than are read."""


class InColorError(PhotoError):
    """A photo that is in color already."""
