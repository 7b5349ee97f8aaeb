"""A worker process, seen from inside: it answers questions until its pool ends."""

import contextlib
import functools
import os
import pickle
import queue
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from photochrom.coloring import Model
from photochrom.errors import PhotochromError, PhotoError
from photochrom.process import end_with_parent, return_freed_pages
from photochrom.workers._wire import frames_of, read_frame, write_frames

if TYPE_CHECKING:
    from photochrom.coloring import Colorizer

_announced: Callable[[dict[str, Any]], None] | None = None
"""Sends a message to the pool; None outside a worker."""


class FaultError(Exception):
    """A fault in our code while a photo was colored; the text is the place in the code, without the photo."""


def announce_size(megapixels: float) -> None:
    """Tell the pool how large the photo at hand is, so that it waits longer for a larger one.

    Does nothing outside a worker.
    """
    if _announced is not None:
        _announced({"megapixels": megapixels})


def main() -> None:
    """Work for the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(at_once=True)
    return_freed_pages()
    # A decoder must neither print between the answers nor read the questions.
    with os.fdopen(os.dup(0), "rb") as questions, os.fdopen(os.dup(1), "wb") as answers:
        with open(os.devnull, "r+b") as nothing:  # noqa: PTH123 - not a path of the user's
            os.dup2(nothing.fileno(), 0)
            os.dup2(nothing.fileno(), 1)
        with contextlib.suppress(BrokenPipeError):
            _serve(_frames_until_the_end(questions), answers)


def _frames_until_the_end(questions: IO[bytes]) -> Iterator[bytes]:
    """The questions; when the other side ends, this process ends at once, even while coloring."""
    frames: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        with contextlib.suppress(EOFError, OSError, ValueError):
            while True:
                frames.put(read_frame(questions))
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield frames.get()


def _serve(frames: Iterator[bytes], answers: IO[bytes]) -> None:
    global _announced
    from photochrom.coloring import Colorizer  # late: the pool's own process need not load the networks' libraries

    model, threads, provider = pickle.loads(next(frames))  # noqa: S301 - from the process that started this one

    @functools.cache
    def colorizer_for(wanted: Model) -> Colorizer:
        return Colorizer(wanted.whole, face_model=wanted.faces, threads=threads, provider=provider)

    def load() -> str:
        return colorizer_for(model).remark

    def announce(values: dict[str, Any]) -> None:
        write_frames(answers, *frames_of(values))

    write_frames(answers, *_outcome(load))
    _announced = announce
    while True:
        write_frames(answers, *_outcome(functools.partial(_done, [next(frames)], colorizer_for)))


def _done(questions: list[bytes], colorizer_for: Callable[[Model], "Colorizer"]) -> Any:
    """The result of the last question; the question, which may hold a whole photo, is freed first."""
    task, args, model = pickle.loads(questions.pop())  # noqa: S301 - from the process that started this one
    return task(colorizer_for(model), *args)


def _outcome(act: Callable[[], Any]) -> list[bytes]:
    """The result or the error of a call, as frames."""
    try:
        return frames_of({"answer": act()})
    except PhotochromError as error:
        kind, text = type(error), str(error)
    except MemoryError:
        kind, text = PhotoError, "not enough memory to color it; make it smaller, or color fewer at once"
    except Exception as error:
        return frames_of({"error": FaultError.__name__, "text": place_of(error)})
    return frames_of({"error": kind.__name__, "text": text})


def place_of(error: Exception) -> str:
    """The type and place of an exception, without its text, which may contain the name of the photo."""
    places = traceback.extract_tb(error.__traceback__)[-3:]
    where = " < ".join(f"{place.name} at {Path(place.filename).name}:{place.lineno}" for place in reversed(places))
    return f"{type(error).__name__} in {where}"
