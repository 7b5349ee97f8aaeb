from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import scipy.fft
from PIL import Image

from photochrom.lab.datasets import Pairs, pairs_from_color
from photochrom.lab.datasets._faces import draw_faces
from photochrom.lab.datasets._near_duplicates import (
    near_duplicates,
    perceptual_signs,
    thumbnails,
    without_near_duplicates,
)

Change = Callable[[Image.Image], Image.Image]


@pytest.fixture(scope="module")
def faces() -> Pairs:
    color = draw_faces(60, seed=0)
    return pairs_from_color([f"{index}.png" for index in range(60)], color)


def compressed(quality: int) -> Change:
    def change(picture: Image.Image) -> Image.Image:
        file = BytesIO()
        picture.save(file, "JPEG", quality=quality)
        return Image.open(BytesIO(file.getvalue()))

    return change


def scaled(side: int) -> Change:
    return lambda picture: picture.resize((side, side), Image.Resampling.BICUBIC)


def changed(gray: np.ndarray, change: Change) -> np.ndarray:
    return np.stack([np.asarray(change(Image.fromarray(picture))) for picture in gray])


def test_the_hash_is_that_of_an_independent_cosine_transform(faces: Pairs) -> None:
    small = thumbnails(faces.gray[:10])
    low = scipy.fft.dctn(small.astype(np.float64), axes=(1, 2))[:, :8, :8].reshape(10, 64)
    expected = np.where(low > np.median(low, axis=1, keepdims=True), 1, -1)
    assert np.mean(perceptual_signs(small) == expected) > 0.998  # a value on the median may round to either side


@pytest.mark.parametrize(
    "change", [compressed(75), compressed(40), scaled(40), scaled(160)], ids=["q75", "q40", "half", "double"]
)
def test_a_copy_is_found_and_is_that_of_its_picture(faces: Pairs, change: Change) -> None:
    found = near_duplicates(changed(faces.gray, change), faces.gray)
    assert found == {place: place for place in range(len(faces))}


def test_different_faces_are_not_taken_for_the_same(faces: Pairs) -> None:
    assert near_duplicates(faces.gray[:30], faces.gray[30:]) == {}


def test_more_pictures_than_are_compared_at_a_time_are_all_compared(
    faces: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("photochrom.lab.datasets._near_duplicates._BLOCK", 7)
    assert near_duplicates(faces.gray, faces.gray[20:22]) == {20: 0, 21: 1}


def test_flat_pictures_resemble_nothing() -> None:
    flat = np.full((2, 16, 16), 90, dtype=np.uint8)
    assert near_duplicates(flat, flat) == {}


def test_nothing_resembles_no_pictures(faces: Pairs) -> None:
    assert near_duplicates(faces.gray[:0], faces.gray) == {}
    assert near_duplicates(faces.gray, faces.gray[:0]) == {}


def test_what_is_kept_back_is_not_learnt_and_told_once(faces: Pairs, caplog: pytest.LogCaptureFixture) -> None:
    labeled = replace(faces, labels=("x",) * len(faces), left_out=("broken.png: the file is empty",))
    copies = replace(faces.take([3, 5]), names=("a.png", "b.png"))
    fresh = without_near_duplicates(labeled, replace(copies, gray=changed(copies.gray, compressed(75))))
    assert fresh.names == tuple(name for name in faces.names if name not in {"3.png", "5.png"})
    assert fresh.labels == ("x",) * 58
    assert fresh.left_out == (
        "broken.png: the file is empty",
        "3.png: nearly the same picture as a.png, which is kept back",
        "5.png: nearly the same picture as b.png, which is kept back",
    )
    (line,) = caplog.messages
    assert line == "left out: 3.png: nearly the same picture as a.png, which is kept back; and 1 more like that"
