import dataclasses
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st

from photochrom.coloring import (
    Box,
    Face,
    FaceDetector,
    Landmarks,
    Point,
    YuNet,
    frame,
)
from photochrom.coloring import _yunet as module
from photochrom.coloring._faces import (
    UTKFACE_CUT,
    Cut,
    merge,
)
from photochrom.errors import ConfigError, PhotochromError, PhotoError
from photochrom.lab.datasets._faces import draw_faces

Picture = npt.NDArray[np.uint8]

ORIGINAL = Path(__file__).parents[1] / "lab" / "face_detection_yunet_2023mar.onnx"
"""YuNet as its authors gave it to OpenCV Zoo; src/photochrom/weights/yunet.md says more."""

NO_TIME_LIMIT = settings(deadline=None)
UPRIGHT = Landmarks(Point(40, 50), Point(80, 50), Point(60, 70), Point(45, 90), Point(75, 90))


@cache
def detector() -> FaceDetector:
    return YuNet(threads=1)


@cache
def astronaut() -> Picture:
    """A portrait of 512x512, in which the face is some 90 pixels wide."""
    return np.asarray(cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2GRAY))


@cache
def astronaut_face(size: int) -> Picture:
    """A real face, with hair and neck, that fills its square."""
    return resized(astronaut()[20:300, 85:365], size)


def drawn(count: int, size: int) -> list[Picture]:
    """Drawn faces in gray, each filling its square."""
    large = draw_faces(count, seed=1, size=160)
    return [resized(np.asarray(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)), size) for face in large]


def resized(picture: Picture, side: int) -> Picture:
    inter = cv2.INTER_AREA if side < picture.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (side, side), interpolation=inter))


def paper(height: int, width: int) -> Picture:
    """Gray with a little grain."""
    grain = np.random.default_rng(0).normal(128, 4, (height, width))
    return grain.clip(0, 255).astype(np.uint8)


def paste(photo: Picture, face: Picture, left: int, top: int) -> None:
    photo[top : top + face.shape[0], left : left + face.shape[1]] = face


def group_photo(
    shape: tuple[int, int], rows: int, columns: int, face_width: int
) -> tuple[Picture, list[tuple[float, float]]]:
    """A photo of one person many times, and where the middle of each face is."""
    head = astronaut()[20:220, 125:325]
    head = resized(head, round(head.shape[0] * face_width / 90))
    photo, corners = paper(*shape), []
    for row in range(rows):
        for column in range(columns):
            left, top = 7 + column * (shape[1] // columns), 11 + row * (shape[0] // rows)
            paste(photo, head[:, ::-1] if (row + column) % 2 else head, left, top)
            corners.append((left + head.shape[1] / 2, top + head.shape[0] / 2))
    return photo, corners


def turned(picture: Picture, degrees: float) -> Picture:
    """Turned clockwise."""
    middle = (picture.shape[1] / 2, picture.shape[0] / 2)
    turn = cv2.getRotationMatrix2D(middle, -degrees, 1.0)
    return np.asarray(cv2.warpAffine(picture, turn, picture.shape[::-1], borderMode=cv2.BORDER_REPLICATE))


def middle(box: Box) -> tuple[float, float]:
    return box.left + box.width / 2, box.top + box.height / 2


def a_face(left: float, top: float, width: float, height: float, score: float) -> Face:
    return Face(Box(left, top, width, height), score, UPRIGHT)


def moved(face: Face, by: Point, scale: float = 1.0) -> Face:
    """The face where it lies after the photo was scaled and then shifted."""
    points = (Point(scale * point.x + by.x, scale * point.y + by.y) for point in face.landmarks)
    return dataclasses.replace(face, landmarks=Landmarks(*points))


# --------------------------------------------------------------------------------------------------
# Finding


def test_a_tile_is_read_as_opencv_reads_it() -> None:
    tile = paper(640, 640)
    for index, face in enumerate(drawn(9, 150)):
        paste(tile, face, 20 + 205 * (index % 3), 20 + 205 * (index // 3))
    opencv = cv2.FaceDetectorYN.create(str(ORIGINAL), "", (640, 640), 0.6, 0.3)
    expected = opencv.detect(cv2.merge([tile, tile, tile]))[1]

    found = module._decode(module.YuNet(threads=1)._session.run(None, {"luma": tile[None, None]}), 0.6)
    merged = merge([module._as_face(row) for row in found], containment=1.0)
    ours = np.array([[*face.box, *np.ravel(face.landmarks), face.score] for face in merged])

    assert len(expected) == 9
    np.testing.assert_allclose(ours, expected[np.argsort(-expected[:, 14])], atol=0.01)


@pytest.mark.parametrize("side", [100, 200, 512, 1000, 2500])
def test_a_face_is_found_once_and_framed_alike_at_every_size_of_the_photo(side: int) -> None:
    (face,) = detector().detect(resized(astronaut(), side))
    framing = frame(face)
    found = np.array([framing.left + framing.side / 2, framing.top + framing.side / 2, framing.side]) / side
    np.testing.assert_allclose(found, [0.436, 0.252, 0.130], atol=0.012)  # eyes, nose and mouth by hand


def test_group_photo_with_faces_of_24_pixels() -> None:
    photo, corners = group_photo((600, 800), rows=5, columns=8, face_width=24)
    found = detector().detect(photo)
    seen = [any(np.hypot(*np.subtract(middle(face.box), corner)) < 10 for face in found) for corner in corners]
    assert len(found) == sum(seen)
    assert sum(seen) >= 38


def test_group_photo_of_one_person_ten_times() -> None:
    portrait = resized(astronaut()[:320, 60:380], 150)
    assert len(detector().detect(np.tile(portrait, (2, 5)))) == 10


@pytest.mark.parametrize("size", [30, 48, 80, 200, 640, 1500])
def test_a_face_that_fills_its_picture_is_found_once(size: int) -> None:
    assert len(detector().detect(astronaut_face(size))) == 1


@cache
def large_face_alone() -> Face:
    (face,) = detector().detect(astronaut_face(600))
    return face


@pytest.mark.parametrize("left", range(0, 1400, 170))
def test_a_large_face_is_found_once_wherever_it_lies_among_the_tiles(left: int) -> None:
    photo = paper(1500, 2000)
    paste(photo, astronaut_face(600), left, left // 2)
    (face,) = detector().detect(photo)
    np.testing.assert_allclose(middle(face.box), np.add(middle(large_face_alone().box), (left, left // 2)), atol=20)


@pytest.mark.parametrize("face_width", [36, 50, 70, 100, 140, 200])
def test_no_size_falls_between_the_sizes_that_are_searched(face_width: int) -> None:
    photo, _ = group_photo((1200, 1600), rows=2, columns=3, face_width=face_width)
    assert len(detector().detect(photo)) == 6


def test_a_faded_and_grainy_face_is_found() -> None:
    noise = np.random.default_rng(0).normal(0, 6, astronaut().shape)
    worn = (cv2.GaussianBlur(astronaut(), (0, 0), 2.0) * 0.3 + 120 + noise).clip(0, 255).astype(np.uint8)
    assert len(detector().detect(worn)) == 1


@pytest.mark.parametrize("degrees", [-15, 0, 15])
def test_roll_tells_about_how_far_heads_are_turned(degrees: float) -> None:
    rolls = []
    for face in drawn(8, 200):
        photo = paper(400, 400)
        paste(photo, face, 100, 100)
        rolls += [found.roll for found in detector().detect(turned(photo, degrees))]
    assert len(rolls) == 8
    assert np.median(rolls) == pytest.approx(0.8 * degrees, abs=5)


def test_photos_without_faces_have_none() -> None:
    for picture in (paper(480, 640), skimage.data.brick(), skimage.data.grass(), skimage.data.text()):
        assert detector().detect(picture) == []


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 2), (2, 1), (31, 33), (1, 5000), (5000, 1), (1, 40_000), (639, 641), (3, 12_000)]
)
def test_no_shape_is_too_odd(shape: tuple[int, int], level: int) -> None:
    assert detector().detect(np.full(shape, level, np.uint8)) == []


def test_views_of_a_photo_are_searched_too() -> None:
    (face,) = detector().detect(astronaut())
    (mirrored,) = detector().detect(astronaut()[:, ::-1])
    assert mirrored.box.left == pytest.approx(512 - face.box.right, abs=6)
    assert len(detector().detect(astronaut()[::2, ::2])) == 1


def test_the_photo_stays_as_it_is() -> None:
    photo = astronaut().copy()
    detector().detect(photo)
    np.testing.assert_array_equal(photo, astronaut())


@pytest.mark.parametrize(
    "picture",
    [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.float32), np.zeros((0, 4), np.uint8), np.zeros(4, np.uint8)],
    ids=["color", "float", "empty", "line"],
)
def test_anything_but_the_luma_of_a_photo_is_refused(picture: Any) -> None:
    with pytest.raises(PhotoError, match=r"luma of shape \(height, width\), uint8") as refusal:
        detector().detect(picture)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "option", [{"score_threshold": 0.0}, {"score_threshold": 1.1}, {"max_tiles": 0}, {"threads": -1}]
)
def test_options_out_of_range_are_named(option: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(option))) as refusal:
        YuNet(**option)
    assert isinstance(refusal.value, PhotochromError)


def test_threads_share_one_detector() -> None:
    photos = [np.ascontiguousarray(turned(astronaut(), degrees)[:400, :400]) for degrees in range(-12, 12, 4)]
    shared = YuNet(threads=1)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(shared.detect, photos)) == [detector().detect(photo) for photo in photos]


def test_the_network_is_read_when_the_first_photo_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    session = onnxruntime.InferenceSession
    monkeypatch.setattr(
        onnxruntime, "InferenceSession", lambda *args, **options: read.append(args) or session(*args, **options)
    )
    lazy = YuNet(threads=1)
    assert read == []
    lazy.detect(astronaut())
    lazy.detect(astronaut())
    assert len(read) == 1


def test_the_surest_face_comes_first_and_unsure_ones_are_left_out() -> None:
    photo = paper(300, 640)
    paste(photo, drawn(2, 120)[0], 40, 80)
    paste(photo, cv2.GaussianBlur(drawn(2, 120)[1], (0, 0), 3.0), 400, 80)
    scores = [face.score for face in YuNet(score_threshold=0.3, threads=1).detect(photo)]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 2
    between = sum(scores) / 2
    assert [face.score for face in YuNet(score_threshold=between, threads=1).detect(photo)] == scores[:1]


# --------------------------------------------------------------------------------------------------
# Tiles and sizes


@given(st.integers(1, 20_000))
def test_every_place_lies_in_a_tile_and_is_told_by_exactly_one(length: int) -> None:
    spans = module._spans(length)
    places = np.linspace(0, length, 50)
    assert sum(span.owns(places, np.zeros(50)).astype(int) for span in spans).tolist() == [1] * 50
    for span in spans:
        mine = places[span.owns(places, np.zeros(50))]
        assert np.all((span.start <= mine) & (mine <= span.start + 640))


@given(st.integers(641, 20_000), st.floats(0, 1), st.floats(1, 128))
def test_a_face_no_larger_than_the_overlap_lies_whole_in_the_tile_that_tells_it(
    length: int, at: float, size: float
) -> None:
    start = at * (length - size)
    owners = [span for span in module._spans(length) if span.owns(np.array([start]), np.array([size]))[0]]
    assert len(owners) == 1
    assert owners[0].start - 1 <= start
    assert start + size <= owners[0].start + 641


@given(st.integers(1, 40_000), st.integers(1, 40_000), st.integers(1, 60))
def test_searched_sizes_fall_in_small_steps_and_keep_to_the_tiles(height: int, width: int, max_tiles: int) -> None:
    scales = module._scales((height, width), max_tiles)
    assert 0 < scales[0] <= 3
    assert all(1 < one / other <= 2 + 1e-9 for one, other in pairwise(scales))
    assert scales[-1] * min(height, width) <= 256 + 1e-6
    rows, columns = (len(module._spans(max(1, round(side * scales[0])))) for side in (height, width))
    assert rows * columns <= max_tiles


# --------------------------------------------------------------------------------------------------
# Merging


def test_the_same_face_found_twice_is_told_once_by_the_surer() -> None:
    sure, unsure = a_face(10, 10, 40, 50, 0.9), a_face(13, 9, 42, 50, 0.8)
    assert merge([unsure, sure]) == [sure]


def test_part_of_a_face_is_no_face() -> None:
    sure = a_face(0, 0, 100, 120, 0.9)
    assert merge([a_face(30, 30, 20, 24, 0.8), sure]) == [sure]


def test_neighbors_in_a_crowd_stay_apart() -> None:
    crowd = [a_face(30 * index, 0, 36, 46, 0.9 - 0.01 * index) for index in range(6)]
    assert merge(crowd) == crowd


def test_nothing_merges_to_nothing() -> None:
    assert merge([]) == []


some_faces = st.lists(
    st.builds(a_face, *[st.integers(0, 60)] * 2, *[st.integers(1, 50)] * 2, st.integers(1, 99).map(lambda n: n / 100)),
    max_size=12,
    unique_by=lambda face: face.score,
)


@given(some_faces, st.randoms())
def test_merging_does_not_depend_on_the_order_and_has_nothing_more_to_do_afterwards(
    found: list[Face], random: Any
) -> None:
    merged = merge(found)
    shuffled = list(found)
    random.shuffle(shuffled)
    assert merge(shuffled) == merged == merge(merged)
    assert set(merged) <= set(found)
    assert not found or merged[0] == max(found, key=lambda face: face.score)


@given(some_faces)
def test_each_face_left_out_overlaps_a_surer_one_that_stays(found: list[Face]) -> None:
    merged = merge(found)
    for face in set(found) - set(merged):
        assert any(other.score > face.score and touches(face.box, other.box) for other in merged)


def touches(one: Box, other: Box) -> bool:
    across = min(one.right, other.right) > max(one.left, other.left)
    return across and min(one.bottom, other.bottom) > max(one.top, other.top)


# --------------------------------------------------------------------------------------------------
# Framing


def test_framing_by_hand() -> None:
    framing = frame(Face(Box(0, 0, 1, 1), 1.0, UPRIGHT), Cut(eyes=0.25, nose=0.25, mouth=0.5, side=2.0))
    side = 2 * np.hypot(40, 40)
    np.testing.assert_allclose(framing, (60 - side / 2, 75 - side / 2, side))


def test_a_face_of_the_training_set_is_framed_by_its_cut() -> None:
    """The medians of 1499 faces in whole UTKFace pictures, which are cut at (38, 45, 162, 169)."""
    eyes, nose, mouth = (98.2, 56.4), Point(98.2, 101.0), (99.9, 135.6)
    right, left = Point(eyes[0] - 39.1, eyes[1]), Point(eyes[0] + 39.1, eyes[1])
    marks = Landmarks(right, left, nose, Point(mouth[0] - 33, mouth[1]), Point(mouth[0] + 33, mouth[1]))
    np.testing.assert_allclose(frame(Face(Box(0, 0, 1, 1), 1.0, marks)), (38, 45, 124), atol=2)


def test_the_weights_of_the_cut_sum_to_one() -> None:
    assert UTKFACE_CUT.eyes + UTKFACE_CUT.nose + UTKFACE_CUT.mouth == pytest.approx(1)


coordinates = st.floats(-500, 500)
points = st.builds(Point, coordinates, coordinates)
any_face = st.builds(Face, st.just(Box(0, 0, 1, 1)), st.just(1.0), st.builds(Landmarks, *[points] * 5))


@given(any_face, points, st.floats(1, 8))
def test_the_framing_moves_and_grows_with_the_face(face: Face, by: Point, scale: float) -> None:
    before, after = frame(face), frame(moved(face, by, scale))
    if before.side > 1:
        expected = (scale * before.left + by.x, scale * before.top + by.y, scale * before.side)
        np.testing.assert_allclose(after, expected, atol=1e-6)


@given(any_face)
def test_a_framing_is_never_less_than_a_pixel(face: Face) -> None:
    assert frame(face).side >= 1


@given(st.floats(-175, 175))
def test_a_turned_head_has_the_same_side_and_tells_its_roll(degrees: float) -> None:
    face = Face(Box(0, 0, 1, 1), 1.0, Landmarks(*turned_points(UPRIGHT, degrees)))
    assert face.roll == pytest.approx(degrees, abs=1e-6)
    assert frame(face).side == pytest.approx(frame(dataclasses.replace(face, landmarks=UPRIGHT)).side)


def turned_points(points: Sequence[Point], degrees: float) -> list[Point]:
    """Turned clockwise, as y grows downwards."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return [Point(cosine * at.x - sine * at.y, sine * at.x + cosine * at.y) for at in points]
