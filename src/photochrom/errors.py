"""Errors that the user can fix."""

import errno
import re

__all__ = [
    "BusyError",
    "CheckpointError",
    "ConfigError",
    "DataError",
    "ExportError",
    "GoneError",
    "InColorError",
    "LostError",
    "LostProcessError",
    "PhotoError",
    "PhotochromError",
    "SlowError",
    "StartError",
    "TooLargeError",
    "UnreadableError",
    "reason_of",
    "unwritten",
    "without_password",
]

_PASSWORD = re.compile(r"([^:/@\s]*:)(?!//)\S*(?=@)")
"""Up to the last @, for a password may hold one that should have been written as %40."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC})


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


class LostProcessError(PhotochromError):
    """A training over several devices, one of whose other processes ended."""


class BusyError(PhotochromError):
    """The queue is full; the same request may succeed later."""


class StartError(PhotochromError):
    """A worker process that cannot start, for want of a network or of memory."""


class PhotoError(PhotochromError):
    """A photo that cannot be read, colored or written.

    The text names a file that was to be written, but not the photo that was read: whoever shows the text does.
    """


class GoneError(PhotoError):
    """A photo that was deleted while something was done with it."""


class UnreadableError(PhotoError):
    """A file that is not a photo, or not one that can be read."""


class TooLargeError(PhotoError):
    """A photo of more pixels than the limit."""


class InColorError(PhotoError):
    """A photo that is in color already."""


class SlowError(PhotoError):
    """A photo that took longer than its deadline."""


class LostError(PhotoError):
    """A photo whose worker process died twice."""


def reason_of(error: BaseException) -> str:
    r"""What went wrong, as one line to stand in brackets.

    Libraries say it in the first line of their text, and put traces and advice on those that follow.

    Returns:
        That line, and what follows it while it ends with a colon; of an `OSError` what the system says, without the
        path; the name of the error's type if it has no text. Never empty.

    Example:
        >>> reason_of(OSError(28, "No space left on device", "photo.jpg")), reason_of(ValueError())
        ('No space left on device', 'ValueError')
        >>> reason_of(RuntimeError("2 of them do not fit:\n\tthe first one\n\tthe second one"))
        '2 of them do not fit: the first one'
    """
    text = (isinstance(error, OSError) and error.strerror) or error
    told: list[str] = []
    for line in filter(None, (" ".join(line.split()) for line in str(text).splitlines())):
        told.append(line)
        if not line.endswith(":"):
            break
    return " ".join(told) or type(error).__name__


def unwritten(error: OSError) -> str:
    """That something cannot be written, why, and what to do, to stand behind the name of what it is.

    Example:
        >>> unwritten(OSError(28, "No space left on device")), unwritten(PermissionError(13, "Permission denied"))
        ('cannot be written (No space left on device); make room', \
'cannot be written (Permission denied); choose another folder')
    """
    remedy = "make room" if error.errno in _FULL else "choose another folder"
    return f"cannot be written ({reason_of(error)}); {remedy}"


def without_password(text: str) -> str:
    """An address, or a line with addresses in it, whose passwords are replaced by three stars.

    Example:
        >>> without_password("postgresql://me:secret@host:5432/base"), without_password("http://host:5000")
        ('postgresql://me:***@host:5432/base', 'http://host:5000')
    """
    return _PASSWORD.sub(r"\1***", text)
