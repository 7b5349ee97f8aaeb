"""The whole way of a photo; networks that say one color everywhere show which of them colored which place."""

import io
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from photochrom.coloring import (
    Box,
    Colorizer,
    Face,
    Framing,
    Hint,
    Landmarks,
    Look,
    Options,
    Output,
    Outputs,
    Point,
    Result,
    frame,
    guesses,
    outputs,
)
from photochrom.coloring import _colorizer as colorizer_module
from photochrom.coloring._chroma_field import Pixels
from photochrom.coloring.distribution import BIN_COUNT, MAX_VARIANTS
from photochrom.coloring.metadata import GraphMetadata
from photochrom.coloring.network import Network
from photochrom.errors import CheckpointError, ConfigError, PhotochromError, PhotoError
from photochrom.photo import Photo, read_photo

LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114])
WHOLE, FACE = (-20, 12), (16, -24)
"""Cb and Cr, in levels, of networks that always say the same; multiples of 4 are the middles of bins."""


def face_around(x: float, y: float, side: float) -> Face:
    """An upright face whose landmarks are so that the face network's square has this middle and about this side."""
    apart = side / 1.114 / math.sqrt(2.0)
    top, bottom = y - 0.6 * apart, y + 0.4 * apart
    landmarks = Landmarks(
        Point(x - apart / 2, top),
        Point(x + apart / 2, top),
        Point(x, (top + bottom) / 2),
        Point(x - apart / 4, bottom),
        Point(x + apart / 4, bottom),
    )
    return Face(Box(x - side / 2, y - side / 2, side, side), 0.9, landmarks)


class Finds:
    """A detector that always finds the same faces."""

    def __init__(self, *faces: Face) -> None:
        self.faces = list(faces)
        self.seen: list[npt.NDArray[np.uint8]] = []

    def detect(self, luma: npt.NDArray[np.uint8]) -> list[Face]:
        self.seen.append(luma)
        return self.faces


class FindsOneInTheMiddle:
    """A detector that finds a face in the middle third of any photo."""

    def detect(self, luma: npt.NDArray[np.uint8]) -> list[Face]:
        height, width = luma.shape
        return [face_around(width / 2, height / 2, max(height, width) / 3)]


class SaysOneColor:
    """In place of a network: the same probabilities everywhere. It remembers what it was shown.

    Attributes:
        share: Probability of the color; the rest is that of two colors as far to both sides, of which none is within
            the study's margin.
    """

    def __init__(self, blue: int, red: int) -> None:
        self.share = 1.0
        self.metadata = GraphMetadata("says-one-color", {}, output="probabilities")
        self.remark = ""
        self.bins = [round(level / 4) + BIN_COUNT // 2 for level in (blue, red)]
        self.shown: list[tuple[int, ...]] = []

    def run(self, gray: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        assert gray.dtype == np.float32
        self.shown.append(gray.shape)
        rows, columns = (-(-side // 4) for side in gray.shape[-2:])
        probabilities = np.zeros((len(gray), 2, BIN_COUNT, rows, columns), dtype=np.float32)
        for channel, number in enumerate(self.bins):
            probabilities[:, channel, number] = self.share
            for other in (number - 6, number + 6):
                probabilities[:, channel, other] = (1.0 - self.share) / 2.0
        return probabilities


class OneColor:
    """A colorizer of two networks that each say one color."""

    def __init__(self) -> None:
        self.whole, self.face = SaysOneColor(*WHOLE), SaysOneColor(*FACE)

    def colorizer(self, *faces: Face, face_model: str | None = "face.onnx") -> Colorizer:
        return Colorizer("whole.onnx", face_model=face_model, detector=Finds(*faces))


@pytest.fixture
def one_color(monkeypatch: pytest.MonkeyPatch) -> OneColor:
    networks = OneColor()
    by_name = {"whole": networks.whole, "face": networks.face}
    monkeypatch.setattr(colorizer_module, "Network", lambda path, *_: by_name[path.stem])
    return networks


@pytest.fixture(scope="module")
def tiny(tiny_network: Path) -> Colorizer:
    return Colorizer(str(tiny_network), face_model=str(tiny_network), detector=FindsOneInTheMiddle())


def drawn(height: int = 90, width: int = 120, kind: type[np.integer] = np.uint8) -> Pixels:
    """Soft blobs with some grain, from black to white."""
    random = np.random.default_rng(2)
    coarse = random.integers(0, 256, (5, 7), dtype=np.uint8)
    soft = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), dtype=float)
    levels = np.clip(soft + random.normal(0.0, 6.0, soft.shape), 0.0, 255.0) / 255.0
    return np.rint(levels * np.iinfo(kind).max).astype(kind)


def even(height: int, width: int) -> Photo:
    return Photo(np.full((height, width), 128, dtype=np.uint8))


def chroma(rgb: Pixels) -> npt.NDArray[np.float64]:
    """Cb and Cr in levels of 255, of rounded values; shape (height, width, 2)."""
    levels = rgb / (np.iinfo(rgb.dtype).max / 255.0)
    luma = levels @ LUMA_WEIGHTS
    return np.stack([(levels[..., 2] - luma) / 1.772, (levels[..., 0] - luma) / 1.402], axis=-1)


def encoded(picture: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


def vivid_picture() -> Image.Image:
    coarse = np.random.default_rng(4).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((60, 50), Image.Resampling.BICUBIC)


# --- luma -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_luma_survives_whatever_is_asked_for(kind: type[np.integer], tiny: Colorizer, data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from([(1, 1), (1, 2), (3, 1), (17, 31), (40, 40), (5, 100), (64, 48)]))
    limit = np.iinfo(kind).max
    random = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    levels = [0, limit // 3, limit] if data.draw(st.booleans()) else limit + 1
    luma = random.choice(levels, shape)
    rows, columns = (st.floats(0, side - 1e-6) for side in shape)
    hints = data.draw(st.lists(st.builds(Hint, columns, rows, st.just((250, 3, 90))), max_size=2))
    photo = Photo(luma.astype(kind))
    strength, vividness = data.draw(st.floats(0, 1)), data.draw(st.floats(0, 3))
    result = tiny.colorize(photo, strength=strength, vividness=vividness, hints=hints)
    assert result.rgb.shape == (*shape, 3)
    assert result.rgb.dtype == kind
    change = np.abs(result.rgb @ LUMA_WEIGHTS - photo.luma)
    # Each value is rounded to its own kind of level, so that 16 bits keep luma 257 times better.
    assert change.mean() <= 0.5
    assert change.max() <= 0.51


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_no_strength_gives_exactly_the_gray_photo(kind: type[np.integer], tiny: Colorizer) -> None:
    luma = drawn(kind=kind)
    rgb = tiny.colorize(Photo(luma), strength=0.0).rgb
    np.testing.assert_array_equal(rgb, np.repeat(luma[..., None], 3, axis=2))


def test_the_tiny_network_gives_colors_to_look_at(tiny: Colorizer) -> None:
    """Else all tests of luma would hold for gray pictures alone."""
    saturation = np.abs(chroma(tiny.colorize(Photo(drawn())).rgb)).mean()
    assert saturation > 2.0


# --- what networks are shown ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("height", "width"), [(400, 100), (100, 400), (1200, 300), (1000, 333), (64, 64), (37, 53), (1, 1), (3000, 2001)]
)
def test_a_photo_is_never_squashed(height: int, width: int, one_color: OneColor) -> None:
    one_color.colorizer().colorize(even(height, width))
    ((batch, channels, rows, columns),) = one_color.whole.shown
    assert (batch, channels) == (1, 1)
    assert rows % 4 == 0
    assert columns % 4 == 0
    assert rows / columns == pytest.approx(height / width, rel=0.05)
    assert min(rows, columns) == 256


@pytest.mark.parametrize("shape", [(1, 3000), (3000, 1), (2, 6000), (30, 9000)])
def test_a_photo_like_a_thread_costs_no_more_than_a_few_photos(shape: tuple[int, int], one_color: OneColor) -> None:
    rgb = one_color.colorizer().colorize(even(*shape)).rgb
    ((_, _, rows, columns),) = one_color.whole.shown
    assert rows * columns <= 8 * 256**2
    np.testing.assert_allclose(chroma(rgb).mean(axis=(0, 1)), WHOLE, atol=1.5)


def test_faces_are_shown_as_their_network_learnt_them_a_few_at_a_time(one_color: OneColor) -> None:
    faces = [face_around(20 + 40 * index, 60, 24) for index in range(11)]
    one_color.colorizer(*faces).colorize(even(300, 460))
    assert {shape[1:] for shape in one_color.face.shown} == {(1, 80, 80)}
    assert sum(shape[0] for shape in one_color.face.shown) == 11
    assert max(shape[0] for shape in one_color.face.shown) <= 8


def test_the_detector_sees_the_nearest_eight_bits_of_sixteen(one_color: OneColor) -> None:
    deep = Photo(np.array([[0, 128, 129, 257, 32_896, 65_407, 65_535]], dtype=np.uint16))
    detector = Finds()
    Colorizer("whole.onnx", face_model="face.onnx", detector=detector).colorize(deep)
    seen = detector.seen[0]
    assert seen.dtype == np.uint8
    assert seen.tolist() == [[0, 0, 1, 1, 128, 255, 255]]


def test_the_threads_of_a_photo_are_also_those_of_the_detector(
    one_color: OneColor, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(colorizer_module, "YuNet", lambda **options: asked.append(options) or Finds())
    Colorizer("whole.onnx", face_model="face.onnx", threads=3)
    assert asked == [{"threads": 3}]


# --- whose colors lie where -----------------------------------------------------------------------------------------


def test_a_photo_without_faces_has_the_colors_of_the_whole(one_color: OneColor) -> None:
    result = one_color.colorizer().colorize(even(60, 90))
    assert result.faces == ()
    np.testing.assert_allclose(chroma(result.rgb), np.broadcast_to(WHOLE, (60, 90, 2)), atol=1.5)


def test_a_face_has_the_colors_of_its_network_and_nothing_else_has(one_color: OneColor) -> None:
    face = face_around(150, 60, 50)
    square = frame(face)
    alone = one_color.colorizer().colorize(even(200, 300)).rgb
    result = one_color.colorizer(face).colorize(even(200, 300))
    assert result.faces == (face,)
    np.testing.assert_allclose(chroma(result.rgb)[60, 150], FACE, atol=1.5)
    changed = (result.rgb != alone).any(axis=2)
    rows, columns = (slice(round(start), round(start) + round(square.side)) for start in (square.top, square.left))
    changed[rows, columns] = False
    assert not changed.any()


@pytest.mark.parametrize(
    ("face", "visible"),
    [
        (face_around(0, 50, 60), (50, 5)),
        (face_around(110, 99, 60), (97, 110)),
        (face_around(70, 50, 260), (50, 70)),
        (face_around(70, 50, 0.5), None),
        (face_around(-200, 50, 40), None),
        (face_around(70, -200, 40), None),
        (face_around(900, 900, 40), None),
        (face_around(70, 50, 1e6), None),
    ],
    ids=["left", "below", "larger than the photo", "a pixel", "beyond left", "above", "beyond the corner", "absurd"],
)
def test_a_face_may_lie_anywhere(face: Face, visible: tuple[int, int] | None, one_color: OneColor) -> None:
    rgb = one_color.colorizer(face).colorize(even(100, 140)).rgb
    assert np.abs(rgb @ LUMA_WEIGHTS - 128).max() <= 0.51
    if visible is not None:
        np.testing.assert_allclose(chroma(rgb)[visible], FACE, atol=1.5)
    else:
        np.testing.assert_allclose(np.median(chroma(rgb), axis=(0, 1)), WHOLE, atol=1.5)


def test_many_faces_are_all_colored_in_whatever_order_they_are_found(one_color: OneColor) -> None:
    middles = [(25 + 50 * column, 30 + 60 * row) for row in range(2) for column in range(6)]
    faces = [face_around(x, y, 28) for x, y in middles]
    rgb = one_color.colorizer(*faces).colorize(even(120, 300)).rgb
    for x, y in middles:
        np.testing.assert_allclose(chroma(rgb)[y, x], FACE, atol=1.5)
    np.testing.assert_array_equal(one_color.colorizer(*reversed(faces)).colorize(even(120, 300)).rgb, rgb)


def test_without_a_face_network_nobody_looks_for_faces(one_color: OneColor) -> None:
    detector = Finds(face_around(40, 40, 30))
    colorizer = Colorizer("whole.onnx", face_model=None, detector=detector)
    result = colorizer.colorize(even(80, 80))
    assert result.faces == ()
    assert detector.seen == []


def test_a_photo_that_is_larger_than_the_grid_is_colored_at_the_same_places(
    one_color: OneColor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(colorizer_module, "_GRID_PIXELS", 2500)
    rgb = one_color.colorizer(face_around(300, 100, 120)).colorize(even(200, 400)).rgb
    np.testing.assert_allclose(chroma(rgb)[100, 300], FACE, atol=1.5)
    np.testing.assert_allclose(chroma(rgb)[100, 100], WHOLE, atol=1.5)


# --- confidence -----------------------------------------------------------------------------------------------------


def test_who_is_certain_has_full_confidence(one_color: OneColor) -> None:
    confidence = one_color.colorizer().colorize(even(30, 40)).confidence
    assert confidence.shape == (30, 40)
    assert confidence.dtype == np.uint8
    assert (confidence == 255).all()


@pytest.mark.parametrize(("stated", "observed"), [(0.45, 0.372), (0.57, 0.519), (0.95, 0.966)])
def test_confidence_is_corrected_as_the_network_says(one_color: OneColor, stated: float, observed: float) -> None:
    one_color.whole.share = stated
    one_color.whole.metadata = replace(one_color.whole.metadata, steepness=1.23, modesty=1.31)
    result = one_color.colorizer().colorize(even(30, 40))
    np.testing.assert_allclose(result.guess.confidence, observed, atol=2e-3)


def test_a_face_keeps_the_confidence_of_the_network_for_faces(one_color: OneColor) -> None:
    one_color.face.share = 0.45
    one_color.whole.metadata = replace(one_color.whole.metadata, modesty=2.0)
    confidence = one_color.colorizer(face_around(60, 60, 80)).colorize(even(120, 120)).guess.confidence
    np.testing.assert_allclose(confidence[60, 60], 0.45, atol=2e-3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (33, 20)])
def test_confidence_is_a_map_of_the_photos_size(shape: tuple[int, int], tiny: Colorizer) -> None:
    result = tiny.colorize(Photo(drawn(*shape)))
    assert result.confidence.shape == shape
    assert result.confidence.dtype == np.uint8
    assert result.guess.confidence.min() >= 0.0
    assert result.guess.confidence.max() <= 1.0 + 1e-5


# --- hints and looks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("strength", "vividness"), [(1.0, 1.0), (0.3, 1.0), (1.0, 2.5), (0.0, 0.0)])
def test_a_hint_is_followed_whatever_the_strength(strength: float, vividness: float, one_color: OneColor) -> None:
    hint = Hint(80, 10, (150, 110, 120))
    luma = 0.299 * 150 + 0.587 * 110 + 0.114 * 120
    result = one_color.colorizer().colorize(even(60, 90), strength=strength, vividness=vividness, hints=[hint])
    expected = (120 - luma) / 1.772, (150 - luma) / 1.402
    np.testing.assert_allclose(chroma(result.rgb)[10, 80], expected, atol=3.0)


def test_strength_fades_and_vividness_saturates(one_color: OneColor) -> None:
    result = one_color.colorizer().colorize(even(20, 30))
    for strength, vividness in [(0.5, 1.0), (1.0, 1.5), (0.5, 2.0)]:
        seen = chroma(result.adjusted(strength=strength, vividness=vividness).rgb)[10, 10]
        np.testing.assert_allclose(seen, np.multiply(strength * vividness, WHOLE), atol=1.5)


LOOKS: list[dict[str, Any]] = [
    {"strength": 0.4},
    {"vividness": 1.7},
    {"hints": (Hint(20, 30, (200, 40, 90)),)},
    {"strength": 0.2, "vividness": 3.0, "hints": (Hint(119, 89, (1, 200, 90)), Hint(0, 0, (90, 90, 90)))},
]


@pytest.mark.parametrize("look", LOOKS)
def test_an_adjusted_result_runs_no_network_and_equals_coloring_anew(
    look: dict[str, Any], tiny: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = Photo(drawn())
    result, anew = tiny.colorize(photo), tiny.colorize(photo, **look).rgb
    before = result.rgb.copy()
    monkeypatch.setattr(Network, "run", lambda *_: pytest.fail("a network ran"))
    np.testing.assert_array_equal(result.adjusted(**look).rgb, anew)
    np.testing.assert_array_equal(result.adjusted(strength=0.1).adjusted(**{"strength": 1.0} | look).rgb, anew)
    np.testing.assert_array_equal(result.rgb, before)


@pytest.mark.parametrize(
    ("look", "told"),
    [
        ({"strength": -0.1}, "strength must lie between 0 and 1, not -0.1"),
        ({"strength": 1.01}, "strength must lie between 0 and 1, not 1.01"),
        ({"strength": float("nan")}, "strength must lie between 0 and 1, not nan"),
        ({"vividness": 3.5}, "vividness must lie between 0 and 3, not 3.5"),
        ({"vividness": -1}, "vividness must lie between 0 and 3, not -1"),
    ],
)
def test_a_look_that_cannot_be_is_refused(look: dict[str, Any], told: str, one_color: OneColor) -> None:
    with pytest.raises(ConfigError) as caught:
        one_color.colorizer().colorize(even(4, 4), **look)
    assert str(caught.value) == told
    assert one_color.whole.shown == []
    with pytest.raises(ConfigError, match="must lie between"):
        one_color.colorizer().colorize(even(4, 4)).adjusted(**look)


def test_a_hint_outside_the_photo_is_refused(one_color: OneColor) -> None:
    with pytest.raises(ConfigError, match="the hint at 40,5 lies outside the photo, which is 40x30"):
        one_color.colorizer().colorize(even(30, 40), hints=[Hint(40, 5, (0, 0, 0))])
    with pytest.raises(ConfigError, match="outside"):
        one_color.colorizer().colorize(even(30, 40)).adjusted(hints=[Hint(5, 30, (0, 0, 0))])


def test_results_can_be_compared_and_kept_in_sets(one_color: OneColor) -> None:
    result = one_color.colorizer().colorize(even(5, 5))
    assert result != one_color.colorizer().colorize(even(5, 5))
    assert len({result, result, result.adjusted(strength=0.5)}) == 2


# --- variants -------------------------------------------------------------------------------------------------------


def test_variants_differ_and_the_first_is_the_one_that_colorize_gives(tiny: Colorizer) -> None:
    photo = Photo(drawn())
    results = tiny.variants(photo, MAX_VARIANTS)
    assert len({result.rgb.tobytes() for result in results}) == MAX_VARIANTS
    np.testing.assert_array_equal(results[0].rgb, tiny.colorize(photo).rgb)
    for result in results:
        assert np.abs(result.rgb @ LUMA_WEIGHTS - photo.luma).max() <= 0.51


def test_fewer_variants_are_the_first_of_many(tiny: Colorizer) -> None:
    photo = Photo(drawn(40, 50))
    few, many = tiny.variants(photo, 2, vividness=0.5), tiny.variants(photo, 4, vividness=0.5)
    for one, other in zip(few, many, strict=False):
        np.testing.assert_array_equal(one.rgb, other.rgb)
        assert one.look == Look(vividness=0.5)


def test_all_variants_cost_one_run_of_each_network(one_color: OneColor) -> None:
    one_color.colorizer(face_around(40, 40, 60)).variants(even(80, 80), 5)
    assert len(one_color.whole.shown) == 1
    assert len(one_color.face.shown) == 1


@pytest.mark.parametrize("count", [0, -1, MAX_VARIANTS + 1])
def test_a_number_of_variants_that_cannot_be_is_refused_before_any_work(count: int, one_color: OneColor) -> None:
    with pytest.raises(ConfigError, match=f"1 to {MAX_VARIANTS} variants, not {count}"):
        one_color.colorizer().variants(Path("none.jpg"), count)


# --- what comes in and goes out -------------------------------------------------------------------------------------


def test_a_path_its_name_its_bytes_a_picture_and_a_photo_give_the_same(tiny: Colorizer, tmp_path: Path) -> None:
    picture = Image.fromarray(drawn())
    path = tmp_path / "photo.png"
    picture.save(path)
    sources: Sequence[Any] = [path, str(path), path.read_bytes(), picture, Photo(drawn())]
    first, *others = [tiny.colorize(source).rgb for source in sources]
    for other in others:
        np.testing.assert_array_equal(other, first)


def test_the_same_photo_gets_the_same_colors_by_another_colorizer(tiny: Colorizer, tiny_network: Path) -> None:
    photo = Photo(drawn())
    tiny.colorize(Photo(drawn(33, 200)))
    fresh = Colorizer(str(tiny_network), face_model=str(tiny_network), detector=FindsOneInTheMiddle(), threads=2)
    np.testing.assert_array_equal(tiny.colorize(photo).rgb, tiny.colorize(photo).rgb)
    difference = fresh.colorize(photo).rgb.astype(int) - tiny.colorize(photo).rgb
    assert np.abs(difference).max() <= 1  # two threads add in another order


@pytest.mark.parametrize("read", [lambda picture: encoded(picture), lambda picture: picture], ids=["bytes", "Pillow"])
def test_a_photo_in_color_is_refused_unless_asked_for(read: Callable[[Image.Image], Any], one_color: OneColor) -> None:
    source = read(vivid_picture())
    with pytest.raises(PhotoError, match="in color already") as caught:
        one_color.colorizer().colorize(source)
    assert len(str(caught.value).splitlines()) == 1
    assert one_color.whole.shown == []
    result = one_color.colorizer().colorize(source, force=True)
    np.testing.assert_array_equal(result.photo.luma, np.asarray(vivid_picture().convert("L")))
    assert chroma(result.rgb)[..., 0].mean() < 0.0  # the network's blue, not the picture's


def test_a_tinted_photo_is_colored_from_its_luma(one_color: OneColor) -> None:
    luma = drawn()
    sepia = np.clip(luma[..., None] * np.array([1.0, 0.85, 0.65]) + np.array([20, 10, 0]), 0, 255).astype(np.uint8)
    result = one_color.colorizer().colorize(Image.fromarray(sepia), strength=0.0)
    assert result.photo.coloring == "tinted"
    np.testing.assert_array_equal(result.rgb[..., 0], np.asarray(Image.fromarray(sepia).convert("L")))
    assert np.ptp(result.rgb, axis=2).max() == 0


def test_a_photo_that_cannot_be_read_is_told_in_one_line(one_color: OneColor, tmp_path: Path) -> None:
    for source in (tmp_path / "none.jpg", b"no photo", tmp_path):
        with pytest.raises(PhotoError) as caught:
            one_color.colorizer().colorize(source)
        assert len(str(caught.value).splitlines()) == 1
        notes = getattr(caught.value, "__notes__", [])
        assert notes == ([] if isinstance(source, bytes) else [f"photo: {source}"])


def test_sixteen_bits_come_out_as_sixteen(tiny: Colorizer, tmp_path: Path) -> None:
    photo = Photo(drawn(kind=np.uint16))
    result = tiny.colorize(photo)
    assert result.rgb.dtype == np.uint16
    assert len(np.unique(result.rgb)) > 1000
    eight = tiny.colorize(Photo(np.rint(photo.luma / 257).astype(np.uint8))).rgb
    assert np.abs(result.rgb / 257.0 - eight).mean() < 1.0


def test_the_image_of_sixteen_bits_has_the_nearest_eight(tiny: Colorizer) -> None:
    result = tiny.colorize(Photo(drawn(kind=np.uint16)))
    image = np.asarray(result.image)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, np.rint(result.rgb / 257.0))


def test_the_image_of_eight_bits_is_the_colored_photo(tiny: Colorizer) -> None:
    result = tiny.colorize(Photo(drawn()))
    assert result.image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(result.image), result.rgb)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_result_is_written_as_it_is_and_replaces_nothing_unasked(
    kind: type[np.integer], tiny: Colorizer, tmp_path: Path
) -> None:
    result = tiny.colorize(Photo(drawn(kind=kind)))
    path = tmp_path / "colored.png"
    result.save(str(path))
    again = tiny.colorize(path, force=True).photo
    assert again.bits == 8 * np.dtype(kind).itemsize
    np.testing.assert_allclose(again.luma, result.photo.luma, atol=1)
    with pytest.raises(PhotoError, match="such a file already"):
        result.save(path)
    before = path.read_bytes()
    result.adjusted(strength=0.0).save(path, overwrite=True)
    assert path.read_bytes() != before


def test_a_result_never_replaces_the_photo_itself(tiny: Colorizer, tmp_path: Path) -> None:
    own, other = tmp_path / "own.png", tmp_path / "other.png"
    Image.fromarray(drawn()).save(own)
    other.symlink_to(own)
    before = own.read_bytes()
    result = tiny.colorize(own)
    for path in (own, other):
        with pytest.raises(PhotoError, match="the result would replace the photo itself; choose another name"):
            result.save(path, overwrite=True)
    assert own.read_bytes() == before
    other.unlink()
    result.save(other)
    own.unlink()
    result.save(own)  # nothing is lost any more


# --- what can go wrong with models ----------------------------------------------------------------------------------


def refusal(kind: type[PhotochromError], **models: Any) -> str:
    with pytest.raises(kind) as caught:
        Colorizer(**models, detector=Finds())
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_an_unknown_model_is_refused_with_the_names_of_the_known(tiny_network: Path) -> None:
    message = refusal(CheckpointError, model="nobody")
    assert message == "nobody: no shipped model; photos are colored by: face, scene, scene-open"
    assert "nobody" in refusal(CheckpointError, model=str(tiny_network), face_model="nobody")


def test_a_model_without_probabilities_is_refused(tiny_network: Path, network_without_probabilities: Path) -> None:
    message = refusal(ConfigError, model=str(network_without_probabilities), face_model=None)
    assert message.startswith(f"{network_without_probabilities}: gives colors without probabilities")
    assert "'photochrom predict'" in message
    assert message.endswith(": face, scene, scene-open")
    refusal(ConfigError, model=str(tiny_network), face_model=str(network_without_probabilities))


def test_a_missing_or_broken_file_is_refused(tiny_network: Path, tmp_path: Path) -> None:
    assert "no such file" in refusal(CheckpointError, model=str(tmp_path / "none.onnx"))
    broken = tmp_path / "broken.onnx"
    content = tiny_network.read_bytes()
    broken.write_bytes(content[: len(content) // 2])
    assert refusal(CheckpointError, model=str(broken)).startswith(f"{broken}: not an ONNX file that can be run")


# --- what coloring needs --------------------------------------------------------------------------------------------


def test_a_photo_is_colored_without_torch_or_anything_else_of_training(tiny_network: Path, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(drawn()).save(path)
    program = f"""
import sys
from photochrom.coloring import Colorizer, Result
model = {str(tiny_network)!r}
result = Colorizer(model, face_model=model).colorize({str(path)!r})
assert result.rgb.shape == (90, 120, 3)
print(*sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    training = {"torch", "scipy", "skimage", "pydantic", "matplotlib", "safetensors", "onnx", "lightning_fabric"}
    assert not set(ran.stdout.split()) & training
    assert ran.stderr == ""


def test_the_default_models_are_shipped_so_that_nothing_must_be_given() -> None:
    result = Colorizer(detector=Finds()).colorize(Photo(drawn(20, 30)))
    assert result.rgb.shape == (20, 30, 3)


def test_a_result_tells_where_faces_were_found(tiny: Colorizer) -> None:
    result = tiny.colorize(Photo(drawn()))
    assert isinstance(result, Result)
    (face,) = result.faces
    assert frame(face) == pytest.approx(Framing(60 - 20, 45 - 20, 40), abs=1e-3)


# --- photos that lie on their side ----------------------------------------------------------------------------------


class FindsUpright:
    """A detector that sees a face in the brightest place, if that lies in the upper half of an upright photo."""

    def __init__(self, score: float = 0.9) -> None:
        self.score = score

    def detect(self, luma: npt.NDArray[np.uint8]) -> list[Face]:
        row, column = np.unravel_index(luma.argmax(), luma.shape)
        if luma[row, column] < 200 or luma[0].mean() < luma[-1].mean() + 20:  # the sky is bright, the ground dark
            return []
        face = face_around(column + 2.5, row + 2.5, 24)
        return [Face(face.box, self.score, face.landmarks)]


def landscape() -> Pixels:
    """Bright above, dark below, and a white place at x = 100, y = 30; 80 by 140."""
    luma = np.repeat(np.linspace(160, 20, 80).astype(np.uint8)[:, None], 140, axis=1)
    luma[28:33, 98:103] = 255
    return luma


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_photo_on_its_side_is_colored_as_if_it_stood_upright(turns: int, one_color: OneColor) -> None:
    colorizer = Colorizer("whole.onnx", face_model="face.onnx", detector=FindsUpright())
    upright = colorizer.colorize(Photo(landscape()))
    result = colorizer.colorize(Photo(np.ascontiguousarray(np.rot90(landscape(), turns))))
    assert result.turns == -turns % 4
    np.testing.assert_array_equal(np.rot90(result.rgb, result.turns), upright.rgb)
    np.testing.assert_array_equal(np.rot90(result.confidence, result.turns), upright.confidence)
    (face,) = result.faces
    row, column = int(face.box.top + face.box.height / 2), int(face.box.left + face.box.width / 2)
    assert result.photo.luma[row, column] == 255
    assert face.box.width == pytest.approx(upright.faces[0].box.height)


def test_a_face_that_is_hardly_one_turns_no_photo(one_color: OneColor) -> None:
    colorizer = Colorizer("whole.onnx", face_model="face.onnx", detector=FindsUpright(score=0.7))
    result = colorizer.colorize(Photo(np.ascontiguousarray(np.rot90(landscape()))))
    assert (result.turns, result.faces) == (0, ())


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_upright_turns_every_result_file(turns: int, one_color: OneColor) -> None:
    colorizer = Colorizer("whole.onnx", face_model="face.onnx", detector=FindsUpright())
    lying = np.ascontiguousarray(np.rot90(landscape(), turns))
    photo = read_photo(encoded(Image.fromarray(lying)))
    for upright in (False, True):
        options = Options(outputs=Outputs(compare=True, confidence=True, upright=upright))
        files = {
            file.ending: Image.open(io.BytesIO(file.content)) for file in guesses_and_outputs(photo, options, colorizer)
        }
        shape = landscape().shape if upright else lying.shape
        assert files[""].size == files["-confidence"].size == shape[::-1]
        assert files["-compare"].size == (2 * shape[1], shape[0])
        expected = landscape() if upright else lying
        assert np.abs(np.asarray(files[""].convert("L"), int) - expected).max() <= 1


def guesses_and_outputs(photo: Photo, options: Options, colorizer: Colorizer) -> list[Output]:
    return list(outputs(photo, guesses(photo, options, colorizer), options))


# --- torn photos ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_torn_photo_is_colored_as_what_is_there_of_it_and_the_rest_stays_gray(
    turns: int, one_color: OneColor
) -> None:
    colorizer = Colorizer("whole.onnx", face_model="face.onnx", detector=FindsUpright())
    part = np.ascontiguousarray(np.rot90(landscape(), turns))
    alone = colorizer.colorize(Photo(part))
    height, width = part.shape
    there = (slice(7, 7 + height), slice(9, 9 + width))
    luma = np.full((height + 30, width + 20), 128, np.uint8)  # as if rows and columns were missing
    luma[there] = part
    shown = one_color.whole.shown[:]
    result = colorizer.colorize(Photo(luma, there=there))
    assert one_color.whole.shown == 2 * shown
    assert result.turns == alone.turns
    np.testing.assert_array_equal(result.rgb[there], alone.rgb)
    np.testing.assert_array_equal(result.confidence[there], alone.confidence)
    blank = np.ones(luma.shape, bool)
    blank[there] = False
    assert (result.rgb[blank] == 128).all()
    ((face,), (own,)) = result.faces, alone.faces
    assert face.box == pytest.approx(own.box._replace(left=own.box.left + 9, top=own.box.top + 7))
    assert face.landmarks.nose == pytest.approx((own.landmarks.nose.x + 9, own.landmarks.nose.y + 7))


def test_the_rows_that_are_missing_of_a_large_photo_stay_gray_too(one_color: OneColor) -> None:
    luma = np.random.default_rng(0).integers(100, 156, (1500, 1501), np.uint8)
    rgb = one_color.colorizer().colorize(Photo(luma, there=(slice(0, 1003), slice(None)))).rgb
    np.testing.assert_allclose(chroma(rgb[:1000]).mean(axis=(0, 1)), WHOLE, atol=1.5)
    assert np.ptp(rgb[1006:], axis=2).max() == 0
