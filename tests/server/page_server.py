"""A server with the page alone, for the tests of the page; a program, for Gradio leaves event loops open when it ends.

Colors come from no network: the page only shows, keeps and saves what is guessed.
"""

import socket
from pathlib import Path

import numpy as np
import uvicorn
from fastapi import FastAPI

from photochrom.coloring import Box, ChromaField, Face, Guess, Landmarks, Look, Point, Result
from photochrom.coloring._chroma_field import signed_luma
from photochrom.photo import Photo, read_photo
from photochrom.server.page import mount_page

CHROMA = [(-0.12, 0.15), (-0.2, 0.22), (0.2, -0.1), (0.0, 0.25)]
"""Cb and Cr of each guess, everywhere in the photo."""


class EvenGuesser:
    """Guesses one color for the whole photo, and a face in its middle."""

    models = ("even", "other")

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, int]] = []

    def guesses(self, source: Path, model: str, count: int) -> list[Result]:
        self.calls.append((str(source), model, count))
        photo = read_photo(source.read_bytes())
        sign = 1.0 if model == "even" else -1.0
        return [_even(photo, sign * blue, sign * red) for blue, red in CHROMA[:count]]


def _even(photo: Photo, blue: float, red: float) -> Result:
    width, height = photo.size
    luma = signed_luma(photo.luma)
    coefficients = np.zeros((4, *luma.shape), np.float32)
    coefficients[2:] = np.array([[[blue]], [[red]]])
    guess = Guess(ChromaField(coefficients), luma, np.full(luma.shape, 0.5, np.float32))
    middle = Point(width / 2, height / 2)
    face = Face(Box(width / 4, height / 4, width / 2, height / 2), 0.9, Landmarks(*[middle] * 5))
    return Result(photo, (face,), guess, Look())


def main() -> None:
    """Serve until the process is ended; the first line of output is the port, the route /calls tells what was asked."""
    guesser = EvenGuesser()
    app = FastAPI()
    app.add_api_route("/calls", lambda: guesser.calls)
    mount_page(app, guesser, max_upload_bytes=1_000_000)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        print(listener.getsockname()[1], flush=True)  # noqa: T201 - the test reads it
        uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])


if __name__ == "__main__":
    main()
