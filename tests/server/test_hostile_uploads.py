"""Whatever is sent, the server answers, with a problem if need be, and never fails."""

import io
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

_ANSWERS = {200, 400, 413, 415, 422}


@pytest.fixture(scope="module")
def seeds(encoded: Callable[..., bytes]) -> list[bytes]:
    """Small photos of every kind."""
    gray = np.random.default_rng(1).integers(0, 256, (24, 20), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    heads = [encoded(gray, kind) for kind in ("PNG", "WEBP", "TIFF", "BMP", "GIF")]
    animation = io.BytesIO()
    Image.fromarray(gray).save(animation, "GIF", save_all=True, append_images=[Image.fromarray(255 - gray)])
    deep = encoded(gray.astype(np.uint16) * 257, "TIFF")
    return [*heads, encoded(gray, "JPEG", exif=exif), animation.getvalue(), deep]


def _broken(content: bytes, random: np.random.Generator) -> bytes:
    """The same with a few bytes changed, cut off, doubled or put in."""
    broken = bytearray(content)
    for _ in range(random.integers(1, 6)):
        place = int(random.integers(0, max(1, min(len(broken), 200) if random.random() < 0.7 else len(broken))))
        match random.integers(0, 5):
            case 0:
                broken[place : place + 1] = random.bytes(1)
            case 1:
                broken[place : place + 4] = random.choice([b"\xff" * 4, b"\x7f\xff\xff\xff", bytes(4)])
            case 2:
                del broken[place + 1 :]
            case 3:
                broken[place:place] = broken[place : place + 40]
            case 4:
                broken[place:place] = random.bytes(int(random.integers(1, 20)))
    return bytes(broken)


@pytest.mark.parametrize("seed", range(8))
def test_broken_photos_are_answered(client: TestClient, seeds: list[bytes], seed: int) -> None:
    random = np.random.default_rng(seed)
    for _ in range(40):
        photo = _broken(seeds[seed], random)
        answer = client.post("/api/v1/colorize", files={"file": ("x", photo)}, data={"force": True})
        assert answer.status_code in _ANSWERS, (answer.text, photo)
    assert client.post("/api/v1/colorize", files={"file": ("x", seeds[0])}).status_code == 200


# Starlette leaves a file that a form breaks off in to Python, which closes it at once, but warns.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("seed", range(3))
def test_broken_forms_are_answered(client: TestClient, seeds: list[bytes], seed: int) -> None:
    random = np.random.default_rng(seed)
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    form = head + seeds[0] + b'\r\n--b\r\nContent-Disposition: form-data; name="strength"\r\n\r\n0.5\r\n--b--\r\n'
    for _ in range(30):
        for path in ("/api/v1/colorize", "/api/v1/batch"):
            headers = {"Content-Type": "multipart/form-data; boundary=b"}
            answer = client.post(path, content=_broken(form, random), headers=headers)
            assert answer.status_code in _ANSWERS | {202}
            assert answer.status_code < 300 or answer.headers["content-type"] == "application/problem+json"


def test_broken_archives_are_answered(client: TestClient, seeds: list[bytes]) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, photo in enumerate(seeds[:3]):
            archive.writestr(f"{number}.png", photo)
    random = np.random.default_rng(0)
    for number in range(60):
        content = file.getvalue()
        half = content[-200:] if number % 2 else content  # its directory lies at the end
        broken = (content[:-200] if number % 2 else b"") + _broken(half, random)
        answer = client.post("/api/v1/batch", files=[("files", ("a.zip", broken))])
        assert answer.status_code in _ANSWERS | {202, 503}, answer.text
