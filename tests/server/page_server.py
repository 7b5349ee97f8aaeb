"""A server for the tests of the page, as a program of its own.

Colors come from no network: each guess is one color for the whole photo, so that tests know what they shall see.
"""

import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn

from photochrom.coloring import Box, ChromaField, Face, Guess, Landmarks, Look, Model, Point, Result
from photochrom.coloring._chroma_field import signed_luma
from photochrom.photo import Photo
from photochrom.server.app import create_app
from photochrom.server.settings import Settings
from photochrom.shipped import DEFAULT_MODEL

CHROMA = [(-0.12, 0.15), (-0.2, 0.22), (0.2, -0.1), (0.0, 0.25)]
"""Cb and Cr of each guess, everywhere in the photo."""


class EvenColorizer:
    """Guesses one color for the whole photo, and a face in its middle; notes down for what it was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[int, int], int]] = []
        self.model = ""

    def variants(
        self, source: Photo, count: int, *, strength: float, vividness: float, hints: Any, force: bool
    ) -> list[Result]:
        self.calls.append((self.model, source.size, count))
        sign = 1.0 if self.model == DEFAULT_MODEL else -1.0
        guesses = [_even(source, sign * blue, sign * red) for blue, red in CHROMA[:count]]
        return [guess.adjusted(strength=strength, vividness=vividness, hints=hints) for guess in guesses]


def _even(photo: Photo, blue: float, red: float) -> Result:
    width, height = photo.size
    luma = signed_luma(photo.luma)
    coefficients = np.zeros((4, *luma.shape), np.float32)
    coefficients[2:] = np.array([[[blue]], [[red]]])
    guess = Guess(ChromaField(coefficients), luma, np.full(luma.shape, 0.5, np.float32))
    middle = Point(width / 2, height / 2)
    face = Face(Box(width / 4, height / 4, width / 2, height / 2), 0.9, Landmarks(*[middle] * 5))
    return Result(photo, (face,), guess, Look())


class ThreadPool:
    """Does what a `Pool` does, in a thread of this process."""

    waiting = at_work = 0

    def __init__(self, colorizer: EvenColorizer) -> None:
        self._colorizer = colorizer
        self._threads = ThreadPoolExecutor(1)

    def start(self) -> None:
        pass

    def close(self) -> None:
        self._threads.shutdown()

    def submit(self, task: Any, *args: Any, model: Model | None = None, **_: Any) -> Any:
        def work() -> Any:
            self._colorizer.model = model.whole if model else ""
            return task(self._colorizer, *args)

        pending: Any = self._threads.submit(work)
        pending.cancel_waiting = pending.cancel
        return pending


def main(folder: Path) -> None:
    """Serve until the process is ended; the first line of output is the port, the route /calls tells what was asked."""
    colorizer = EvenColorizer()
    app = create_app(Settings(max_upload_mb=1.0, data_dir=folder, face_model=None))
    app.state.pool = ThreadPool(colorizer)
    app.router.routes.insert(0, app.router.route_class("/calls", lambda: colorizer.calls))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        print(listener.getsockname()[1], flush=True)  # noqa: T201 - the test reads it
        uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
