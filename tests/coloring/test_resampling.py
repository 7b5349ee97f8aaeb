import numpy as np
import numpy.typing as npt
import pytest
import scipy.ndimage
import skimage.measure
import skimage.transform
from hypothesis import given, settings
from hypothesis import strategies as st

from photochrom.coloring import resampling
from photochrom.coloring.resampling import box_mean, gaussian_mean, median, resized, resized_strips

NO_TIME_LIMIT = settings(deadline=None, max_examples=60)

lengths = st.sampled_from([1, 2, 3, 7, 31, 32, 33, 100, 257])
shapes = st.tuples(lengths, lengths)


def noise(*shape: int, kind: type[np.generic] = np.float32, seed: int = 0) -> npt.NDArray[np.generic]:
    random = np.random.default_rng(seed)
    if kind is np.float32:
        return random.random(shape, dtype=np.float32)
    return random.integers(0, np.iinfo(kind).max + 1, shape).astype(kind)


# --- resizing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([0, 10, 20, 30], [5, 25]),  # whole places
        ([0, 10, 20], [10 / 3, 50 / 3]),  # halves of a place
        ([1, 2, 3, 4, 5], [9 / 5, 21 / 5]),
        ([7, 7, 7, 0, 0, 0, 0], [7, 2, 0]),  # the second place covers two thirds of a 7 and 5 thirds of zeros
        ([3, 5], [4]),
    ],
)
def test_shrinking_gives_the_mean_of_the_area_that_a_place_covers(row: list[float], expected: list[float]) -> None:
    values = np.float32([row])
    np.testing.assert_allclose(resized(values, 1, len(expected))[0], expected, atol=1e-5)
    np.testing.assert_allclose(resized(values.T, len(expected), 1)[:, 0], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([0, 4], [0, 1, 3, 4]),  # a quarter and three quarters of the way; the outermost values continue
        ([0, 10], [0, 1, 5, 9, 10]),
        ([8], [8, 8, 8]),
    ],
)
def test_enlarging_is_linear_between_the_centers_of_places(row: list[float], expected: list[float]) -> None:
    made = resized(np.float32([row]), 1, len(expected))[0]
    np.testing.assert_allclose(made, expected, atol=1e-5)


@NO_TIME_LIMIT
@given(shapes, shapes, st.integers(0, 99))
def test_the_mean_of_a_picture_survives_shrinking(shape: tuple[int, int], to: tuple[int, int], seed: int) -> None:
    values = noise(*shape, seed=seed)
    rows, columns = (min(pair) for pair in zip(shape, to, strict=True))
    assert resized(values, rows, columns).mean() == pytest.approx(values.mean(), abs=1e-5)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
@NO_TIME_LIMIT
@given(shapes, shapes, st.floats(0, 1, width=32))
def test_what_is_even_stays_even(kind: type, shape: tuple[int, int], to: tuple[int, int], level: float) -> None:
    value = kind(level if kind is np.float32 else round(level * np.iinfo(kind).max))
    made = resized(np.full(shape, value), *to)
    assert made.shape == to
    assert made.dtype == kind
    # The weights of up to 257 places are float32 and sum to 1 only up to rounding.
    np.testing.assert_allclose(made, np.full(to, value), rtol=4e-6 if kind is np.float32 else 0.0, atol=1e-30)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
@NO_TIME_LIMIT
@given(shapes, shapes, st.integers(0, 99))
def test_values_stay_within_the_range_that_they_had(
    kind: type[np.generic], shape: tuple[int, int], to: tuple[int, int], seed: int
) -> None:
    values = noise(*shape, kind=kind, seed=seed)
    made = resized(values, *to)
    assert values.min() - 1e-6 <= made.min()
    assert made.max() <= values.max() + 1e-6


@NO_TIME_LIMIT
@given(shapes, shapes)
def test_a_turned_picture_becomes_a_turned_result(shape: tuple[int, int], to: tuple[int, int]) -> None:
    values = noise(*shape)
    np.testing.assert_allclose(resized(values.T, *to[::-1]), resized(values, *to).T, atol=1e-6)
    np.testing.assert_allclose(resized(values[::-1, ::-1], *to), resized(values, *to)[::-1, ::-1], atol=1e-5)


def test_shrinking_by_a_whole_factor_equals_scikit_image() -> None:
    values = noise(120, 175)
    expected = skimage.measure.block_reduce(values, (8, 5), np.mean)
    np.testing.assert_allclose(resized(values, 15, 35), expected, atol=1e-6)


@pytest.mark.parametrize("to", [(50, 40), (91, 67), (31, 203)])
def test_enlarging_equals_scikit_image(to: tuple[int, int]) -> None:
    values = noise(31, 40)
    expected = skimage.transform.resize(values, to, order=1, mode="edge", anti_aliasing=False)
    np.testing.assert_allclose(resized(values, *to), expected, atol=1e-5)


def test_an_axis_that_shrinks_is_averaged_though_the_other_grows() -> None:
    values = noise(4, 60)
    expected = resized(resized(values, 4, 20), 9, 20)
    np.testing.assert_allclose(resized(values, 9, 20), expected, atol=1e-6)


def test_whole_numbers_are_rounded_to_the_nearest() -> None:
    values = np.array([[0, 1, 1], [255, 254, 254]], dtype=np.uint8)
    assert resized(values, 2, 1).tolist() == [[1], [254]]
    assert resized(np.array([[65535, 65535, 65534]], np.uint16), 1, 1).tolist() == [[65535]]


@pytest.mark.parametrize("to", [(4, 3), (24, 36), (30, 2), (1, 1), (12, 18)])
def test_each_channel_is_resized_as_if_alone(to: tuple[int, int]) -> None:
    values = noise(5, 12, 18)
    made = resized(values, *to)
    assert made.shape == (5, *to)
    for channel, alone in zip(made, values, strict=True):
        np.testing.assert_allclose(channel, resized(alone, *to), atol=1e-6)


def test_a_picture_with_channels_last_is_read_through_a_view() -> None:
    picture = noise(50, 40, 3, kind=np.uint8)
    made = resized(picture.transpose(2, 0, 1), 20, 10)
    np.testing.assert_array_equal(made[1], resized(np.ascontiguousarray(picture[..., 1]), 20, 10))


def test_a_map_of_the_asked_size_is_not_touched() -> None:
    values = noise(2, 7, 9)
    assert resized(values, 7, 9) is values


@pytest.mark.parametrize("values_at_once", [1, 3000, 1 << 18])
@pytest.mark.parametrize("to", [(100, 300), (500, 40), (300, 60)])
def test_strips_give_each_row_once_and_from_the_top_down(
    values_at_once: int, to: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resampling, "_STRIP_VALUES", values_at_once)
    maps = noise(3, 300, 60)
    strips = list(resized_strips(maps, *to))
    rows = [row for where, _ in strips for row in range(where.start, where.stop)]
    assert rows == list(range(to[0]))
    np.testing.assert_allclose(np.concatenate([strip for _, strip in strips], axis=1), resized(maps, *to), atol=1e-6)


def test_a_large_photo_never_becomes_floats_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    largest = 0

    def empty(shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[np.generic]:
        nonlocal largest
        largest = max(largest, np.prod(shape) * (np.dtype(dtype) == np.float32))
        return np.ndarray(shape, dtype)

    photo = noise(3000, 2000, kind=np.uint8)
    monkeypatch.setattr(resampling.np, "empty", empty)
    resized(photo, 1500, 1000)
    assert 0 < largest <= 1 << 18


# --- local means ----------------------------------------------------------------------------------------------------


def test_the_mean_of_a_window_is_reflected_at_the_borders() -> None:
    row = np.float32([[3, 0, 6, 0, 9]])
    np.testing.assert_allclose(box_mean(row, 1), [[2, 3, 2, 5, 6]], atol=1e-6)
    # ... 0 3 | 3 0 6 0 9 | 9 0: two places to each side
    np.testing.assert_allclose(box_mean(row, 2), [[12 / 5, 12 / 5, 18 / 5, 24 / 5, 24 / 5]], atol=1e-6)


@NO_TIME_LIMIT
@given(shapes, st.integers(1, 60))
def test_window_means_equal_scipy(shape: tuple[int, int], radius: int) -> None:
    values = noise(*shape)
    expected = scipy.ndimage.uniform_filter(values.astype(np.float64), 2 * radius + 1, mode="reflect")
    np.testing.assert_allclose(box_mean(values, radius), expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(40, 60), (1, 50), (50, 1), (2, 3), (1, 1)])
@pytest.mark.parametrize("deviation", [0.6, 1.25, 3.0])
def test_the_gaussian_equals_scipy(shape: tuple[int, int], deviation: float) -> None:
    values = noise(*shape)
    radius = round(3.0 * deviation)
    expected = scipy.ndimage.gaussian_filter(values.astype(np.float64), deviation, mode="reflect", radius=radius)
    np.testing.assert_allclose(gaussian_mean(values, deviation), expected, atol=1e-5)


@NO_TIME_LIMIT
@given(shapes, st.integers(0, 255))
def test_means_of_an_even_picture_are_its_level(shape: tuple[int, int], level: int) -> None:
    picture = np.full(shape, level, dtype=np.uint8)
    np.testing.assert_array_equal(gaussian_mean(picture, 1.25), picture)
    np.testing.assert_allclose(box_mean(picture.astype(np.float32), 9), picture, rtol=1e-6)


@pytest.mark.parametrize("shape", [(40, 60), (1, 50), (50, 1), (3, 4), (1, 1)])
def test_the_median_equals_scipy(shape: tuple[int, int]) -> None:
    values = noise(*shape)
    np.testing.assert_array_equal(median(values, 2), scipy.ndimage.median_filter(values, 5, mode="nearest"))
