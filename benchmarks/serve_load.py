"""What the server adds to the pipeline: photos a second of both, on the same cores.

    python benchmarks/serve_load.py --seconds 20 --clients 16

First as many processes as the server has workers color a photo again and again without it; then clients send the same
photo to the server. Both include reading the JPEG and writing the colored one.
"""

import io
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import typer
from PIL import Image, ImageDraw, ImageFilter

from photochrom.coloring import Options
from photochrom.process import cores
from photochrom.server.settings import Settings

_SERVER = """
import logging
from pathlib import Path
from photochrom.server import app
from photochrom.server.settings import Settings
if __name__ == "__main__":
    app.serve({settings})
"""


def drawn_photo(side: int) -> bytes:
    """A JPEG of a gray face on a grainy ground."""
    photo = Image.effect_noise((side, side), 40).filter(ImageFilter.GaussianBlur(2))
    draw = ImageDraw.Draw(photo)
    middle, radius = side / 2, side / 4
    draw.ellipse((middle - radius, middle - 1.3 * radius, middle + radius, middle + 1.3 * radius), fill=190)
    for eye in (-0.4, 0.4):
        x, y = middle + eye * radius, middle - 0.3 * radius
        draw.ellipse((x - 9, y - 5, x + 9, y + 5), fill=40)
    draw.arc((middle - 30, middle + 20, middle + 30, middle + 60), 20, 160, fill=90, width=6)
    file = io.BytesIO()
    photo.filter(ImageFilter.GaussianBlur(1)).save(file, "JPEG", quality=92)
    return file.getvalue()


def color_for(seconds: float, photo: bytes, settings: Settings, ready: threading.Barrier) -> int:
    """How many photos one process colors without a server."""
    from photochrom.album import color_photo
    from photochrom.coloring import Colorizer

    colorizer = Colorizer(settings.model, face_model=settings.face_model)
    color_photo(colorizer, photo, Options())
    ready.wait()
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        color_photo(colorizer, photo, Options())
        count += 1
    return count


def pipeline_rate(seconds: float, photo: bytes, settings: Settings) -> float:
    """Photos a second of processes that color side by side."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as the server's workers have it; with more they get in each other's way
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(settings.workers) as pool:
        ready = manager.Barrier(settings.workers)
        counts = pool.starmap(color_for, [(seconds, photo, settings, ready)] * settings.workers, chunksize=1)
    return sum(counts) / seconds


def send_for(seconds: float, address: str, photo: bytes, begin: threading.Barrier) -> list[tuple[float, int]]:
    """What one client's requests took, and their statuses."""
    answers = []
    with httpx.Client(base_url=address, timeout=120.0) as client:
        begin.wait()
        start = time.perf_counter()
        while (sent := time.perf_counter()) - start < seconds:
            status = client.post("/api/v1/colorize", files={"file": ("photo.jpg", photo)}).status_code
            answers.append((time.perf_counter() - sent, status))
    return answers


def main(
    seconds: float = 20.0,
    clients: int = 16,
    side: int = 512,
    workers: int = cores(),
    model: str = "scene",
    face_model: str = "face",
) -> None:
    """Measure both, and print a table."""
    photo = drawn_photo(side)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(port=0, model=model, face_model=face_model, workers=workers, requests_a_minute=1_000_000)
        alone = pipeline_rate(seconds, photo, settings)
        program = _SERVER.format(settings=repr(settings).replace("data_dir=None", f"data_dir=Path({folder!r})"))
        starts = time.perf_counter()
        with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True) as server:
            assert server.stderr is not None
            for line in server.stderr:
                if found := re.search(r"running on (http://\S+)", line):
                    break
            else:
                sys.exit("the server did not start")
            started = time.perf_counter() - starts
            threading.Thread(target=server.stderr.read, daemon=True).start()
            begin = threading.Barrier(clients)
            start = time.perf_counter()
            with ThreadPoolExecutor(clients) as pool:
                runs = [pool.submit(send_for, seconds, found[1], photo, begin) for _ in range(clients)]
                answers = [answer for run in runs for answer in run.result()]
            took = time.perf_counter() - start
            server.terminate()
    times = [answer[0] for answer in answers if answer[1] == 200]
    errors = len(answers) - len(times)
    rate = len(times) / took
    tenths = np.quantile(times, [0.5, 0.95])
    print(f"{clients} clients, {workers} workers, {side}x{side} JPEG of {len(photo)} bytes")
    print(f"started in          {started:6.2f} s")
    print(f"pipeline alone      {alone:6.2f} photos/s")
    print(f"server              {rate:6.2f} photos/s, {errors} errors of {len(answers)}")
    print(f"share of it         {rate / alone:6.1%}")
    print(f"p50, p95, mean      {tenths[0]:6.2f} s, {tenths[1]:.2f} s, {statistics.mean(times):.2f} s")


if __name__ == "__main__":
    typer.run(main)
