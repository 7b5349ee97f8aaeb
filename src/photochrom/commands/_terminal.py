"""What all commands show on a terminal: lines, tables, and failures as one line."""

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from photochrom.errors import PhotochromError, reason_of
from photochrom.process import signals_handled

if TYPE_CHECKING:
    from rich.progress import Progress

_out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
"""For everything that is not a result."""

_EXTRAS = {
    "cluster": {"ray"},
    "export": {"onnx", "onnx_ir", "onnxscript"},
    "mlflow": {"mlflow"},
    "remote": {"fsspec", "s3fs"},
    "search": {"optuna"},
    "serve": {
        "fastapi",
        "fastapi_offline",
        "httpx",
        "multipart",
        "prometheus_client",
        "starlette",
        "uvicorn",
    },
}
"""The modules of each extra, except `train`."""

_UNLIMITED = 100_000
_USAGE_STATUS = 2
_INTERRUPTED_STATUS = 130
_RESUMABLE = "interrupted; the same command goes on where it was"


def say(text: str) -> None:
    """Print a line of results."""
    _out.print(text, markup=False)


def warn(text: str) -> None:
    """Print a line that is not a result."""
    err.print(text, markup=False, style="yellow")


def tell_failure(text: str) -> None:
    """Print a line about a failure after which the command continues."""
    err.print(f"photochrom: {one_line(text)}", markup=False, style="red")


def one_line(text: str) -> str:
    """Text with line breaks and unprintable characters, which file names may contain, escaped."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def counting_bar(*, is_shown: bool = True) -> "Progress":
    """A bar that counts what is done, and leaves nothing behind."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err, transient=True, disable=not is_shown)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    """Print a table; numbers stand to the right.

    What stands in the first column, which other commands are given, is never cut or broken. Only a terminal limits the
    width of the others: lines in a file or for another program are as long as they need.
    """
    table = Table()
    for index, column in enumerate(columns):
        is_number = bool(rows) and all(_is_number(row[index]) for row in rows)
        table.add_column(column, justify="right" if is_number else "left", no_wrap=index == 0, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    if title:
        _out.print(title, markup=False, style="table.title")
    needed = Measurement.get(_out, _out.options.update(max_width=_UNLIMITED), table)
    table.width = min(needed.maximum, max(_out.width, needed.minimum)) if _out.is_terminal else needed.maximum
    _out.print(table)


def _is_number(value: object) -> bool:
    return value is None or isinstance(value, int | float)


def _cell(value: object) -> Text:
    """A value as it stands in a table; brackets in it are not markup."""
    if value is None:
        return Text()
    return Text(f"{value:.5g}" if isinstance(value, float) else str(value))


@contextmanager
def one_line_failures() -> Iterator[None]:
    """Turn errors that the user can fix into one line and exit status 2; other errors keep their traceback."""
    _ready_streams()
    try:
        yield
        _flush()
    except PhotochromError as error:
        _fail(str(error), _USAGE_STATUS)
    except KeyboardInterrupt:
        _fail("interrupted", _INTERRUPTED_STATUS)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("photochrom"):
            raise
        _fail(f"{error.name} is not installed: pip install 'photochrom[{_extra_of(error.name)}]'", _USAGE_STATUS)
    except BrokenPipeError:
        _silence_output()
        sys.exit(_INTERRUPTED_STATUS)
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        _fail("out of memory; choose a smaller network, smaller pictures or a smaller batch_size", _USAGE_STATUS)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{reason_of(error)}", _USAGE_STATUS)


def _is_out_of_memory(error: Exception) -> bool:
    """Whether memory of this machine or of its GPU is what is missing; for torch's errors the text alone tells."""
    return isinstance(error, MemoryError) or any(
        words in str(error).lower() for words in ("out of memory", "allocate memory")
    )


def _ready_streams() -> None:
    """Open missing standard streams, and escape characters that the terminal cannot show."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # otherwise the next file opened would get its number, and the output
            os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()  # a full disk is one line here, and a traceback at exit


def _silence_output() -> None:
    """Discard further output, because nobody reads it."""
    with suppress(OSError, AttributeError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _extra_of(module: str | None) -> str:
    """The extra that brings a module."""
    package = (module or "").partition(".")[0]
    return next((extra for extra, packages in _EXTRAS.items() if package in packages), "train")


def _fail(text: str, status: int) -> NoReturn:
    err.print(f"photochrom: {one_line(' '.join(text.split()))}", markup=False, style="red")
    sys.exit(status)


def usage_failure(usage: str, text: str) -> NoReturn:
    """Say how a command is used and what was wrong, and end with status 2."""
    err.print(usage, markup=False)
    _fail(text, _USAGE_STATUS)


@contextmanager
def resumable() -> Iterator[None]:
    """Say on Ctrl-C that the command can be resumed; typer itself would say nothing."""
    try:
        yield
    except KeyboardInterrupt:
        _fail(_RESUMABLE, _INTERRUPTED_STATUS)


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """Turn SIGINT, SIGTERM and SIGHUP into an event, so that work can stop without losing anything.

    A second signal stops at once. Afterwards the command ends with one line and the status of the signal.

    Yields:
        The event.
    """
    stop = threading.Event()
    received: list[int] = []

    def note(number: int, _: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        received.append(number)
        stop.set()

    with signals_handled(("SIGINT", "SIGTERM", "SIGHUP"), note):
        yield stop
    if received:
        _fail(_RESUMABLE, 128 + received[0])
