import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photochrom.coloring import Framing, Guess, Patch
from photochrom.coloring._chroma_field import FloatMap, signed_luma
from photochrom.coloring._guess import Canvas

NO_TIME_LIMIT = settings(deadline=None, max_examples=40)
SIDE = 80

GROUND, PAINT = (-0.1, 0.05), (0.3, -0.2)
"""Cb and Cr of the whole photo and of what is laid upon it."""


def flat(color: tuple[float, float], coarse: int = 20) -> FloatMap:
    return np.broadcast_to(np.float32(color)[:, None, None], (2, coarse, coarse)).copy()


def sure(probability: float, coarse: int = 20) -> FloatMap:
    return np.full((1, coarse, coarse), probability, dtype=np.float32)


def noise(shape: tuple[int, int], kind: type[np.integer] = np.uint8) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, np.iinfo(kind).max + 1, shape).astype(kind)


def canvas(rows: int, columns: int) -> Canvas:
    return Canvas(np.zeros((rows, columns), np.float32), flat(GROUND), sure(0.25))


def chroma(guess: Guess) -> FloatMap:
    """Cb and Cr of each place; shape (rows, columns, 2)."""
    return guess.field.at(guess.luma).transpose(1, 2, 0)


def lay(on: Canvas, photo: tuple[int, int], square: Framing, color: FloatMap | None = None) -> Patch:
    """Lay a color upon a part of a photo without any edges."""
    patch = Patch.cut(np.full(photo, 128, dtype=np.uint8), square, SIDE)
    on.lay(patch, flat(PAINT) if color is None else color, sure(0.75))
    return patch


# --- cutting --------------------------------------------------------------------------------------------------------


def test_a_patch_of_its_own_size_shows_the_pixels_of_the_photo() -> None:
    photo = noise((120, 160))
    patch = Patch.cut(photo, Framing(40.2, 9.6, 80.4), SIDE)
    assert patch.square == Framing(40, 10, 80)
    assert patch.size == (120, 160)
    np.testing.assert_array_equal(patch.gray, signed_luma(photo[10:90, 40:120]))


@pytest.mark.parametrize("square", [Framing(-30, -20, 80), Framing(100, 90, 80), Framing(-10, 30, 200)])
def test_beyond_the_photo_its_edge_is_continued(square: Framing) -> None:
    photo = noise((120, 160))
    around = np.pad(photo, 300, mode="edge")
    left, top, side = (int(value) for value in square)
    expected = around[300 + top : 300 + top + side, 300 + left : 300 + left + side]
    np.testing.assert_array_equal(Patch.cut(photo, square, side).gray, signed_luma(expected))


@pytest.mark.parametrize(("left", "top", "pixel"), [(-500, -500, (0, 0)), (900, 40, None), (900, 900, (119, 159))])
def test_wholly_beyond_the_photo_there_is_only_its_edge(left: int, top: int, pixel: tuple[int, int] | None) -> None:
    photo = noise((120, 160))
    gray = Patch.cut(photo, Framing(left, top, SIDE), SIDE).gray
    expected = signed_luma(photo)[40:120, -1:] if pixel is None else signed_luma(photo)[pixel]
    np.testing.assert_array_equal(gray, np.broadcast_to(expected, (SIDE, SIDE)))


@NO_TIME_LIMIT
@given(st.floats(-200, 200), st.floats(-200, 200), st.floats(0, 300), st.sampled_from([(1, 1), (1, 70), (33, 20)]))
def test_any_square_becomes_a_patch_of_the_networks_size(
    left: float, top: float, side: float, photo: tuple[int, int]
) -> None:
    gray = Patch.cut(noise(photo), Framing(left, top, side), SIDE).gray
    assert gray.shape == (SIDE, SIDE)
    assert gray.dtype == np.float32
    assert np.abs(gray).max() <= 1.0 + 1e-6


def test_a_large_patch_is_shrunk_to_the_mean_of_its_pixels() -> None:
    photo = noise((320, 320))
    means = signed_luma(photo).reshape(SIDE, 4, SIDE, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(Patch.cut(photo, Framing(0, 0, 320), SIDE).gray, means, atol=0.01)


def test_sixteen_bits_give_the_same_patch_as_eight() -> None:
    photo = noise((50, 60))
    deep = Patch.cut(photo.astype(np.uint16) * 257, Framing(-5, 5, 50), SIDE)
    np.testing.assert_allclose(deep.gray, Patch.cut(photo, Framing(-5, 5, 50), SIDE).gray, atol=1e-5)


def test_a_face_far_larger_than_its_photo_takes_no_more_memory_than_the_photo_does() -> None:
    """Landmarks of a false find may lie anywhere; a square of a million pixels a side would not fit into memory."""
    gray = Patch.cut(noise((60, 80)), Framing(-500_000, -500_000, 1_000_000), SIDE).gray
    assert gray.shape == (SIDE, SIDE)


# --- laying ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grid", [(120, 200), (60, 100), (30, 50)])
@pytest.mark.parametrize("square", [Framing(100, 20, 80), Framing(0, 0, 60), Framing(150, 70, 50), Framing(20, 40, 36)])
def test_a_patch_colors_its_own_place_and_nothing_outside(grid: tuple[int, int], square: Framing) -> None:
    on = canvas(*grid)
    before = chroma(on.guess())
    lay(on, (120, 200), square)
    changed = np.abs(chroma(on.guess()) - before).max(axis=2)
    share = grid[0] / 120
    corner, side = np.array([square.top, square.left]) * share, square.side * share
    rows, columns = (slice(int(start), int(np.ceil(start + side)) + 1) for start in corner)
    middle = tuple((corner + side / 2).astype(int))
    np.testing.assert_allclose(chroma(on.guess())[middle], PAINT, atol=0.02)
    changed[rows, columns] = 0.0
    assert changed.max() == 0.0


def test_the_parts_of_a_patch_lie_as_the_network_saw_them() -> None:
    colors = np.zeros((2, 20, 20), dtype=np.float32)
    colors[0, :10], colors[0, 10:] = 0.2, -0.2
    colors[1, :, :10], colors[1, :, 10:] = 0.1, -0.1
    on = canvas(60, 100)
    lay(on, (120, 200), Framing(80, 20, 80), colors)
    laid = chroma(on.guess())
    for row, blue in [(22, 0.2), (38, -0.2)]:
        for column, red in [(52, 0.1), (68, -0.1)]:
            np.testing.assert_allclose(laid[row, column], [blue, red], atol=0.01)


def test_a_patch_has_no_seam() -> None:
    on = canvas(200, 200)
    before = chroma(on.guess())
    lay(on, (200, 200), Framing(50, 50, 100))
    after = chroma(on.guess())
    contrast = PAINT[0] - GROUND[0]
    steps = max(np.abs(np.diff(after[..., 0], axis=axis)).max() for axis in (0, 1)) / contrast
    assert steps < 0.12
    rim = np.ones((100, 100), dtype=bool)
    rim[1:-1, 1:-1] = False
    assert np.abs(after - before)[50:150, 50:150][rim].max() / contrast < 0.01


@pytest.mark.parametrize(("left", "top"), [(-300, 10), (10, -300), (500, 10), (0, 500)])
def test_a_patch_wholly_beyond_the_photo_changes_nothing(left: int, top: int) -> None:
    on = canvas(60, 100)
    before = chroma(on.guess())
    lay(on, (120, 200), Framing(left, top, 50))
    np.testing.assert_array_equal(chroma(on.guess()), before)


@pytest.mark.parametrize(
    ("square", "seen"),
    [(Framing(-40, 20, 80), (60, 0)), (Framing(160, 80, 80), (119, 199)), (Framing(-100, -140, 400), (60, 100))],
)
def test_what_a_patch_shows_of_the_photo_is_colored(square: Framing, seen: tuple[int, int]) -> None:
    on = canvas(120, 200)
    lay(on, (120, 200), square)
    np.testing.assert_allclose(chroma(on.guess())[seen], PAINT, atol=0.02)


@pytest.mark.parametrize("square", [Framing(70, 50, 1), Framing(70.4, 50.4, 0.2), Framing(199, 119, 1)])
def test_a_face_of_one_pixel_changes_no_more_than_its_place(square: Framing) -> None:
    on = canvas(120, 200)
    before = chroma(on.guess())
    lay(on, (120, 200), square)
    changed = np.argwhere(np.abs(chroma(on.guess()) - before).max(axis=2) > 0.0)
    assert changed.tolist() == [[int(square.top), int(square.left)]]


def test_patches_that_do_not_overlap_may_be_laid_in_any_order() -> None:
    squares = [Framing(5, 5, 40), Framing(60, 50, 50), Framing(140, 10, 60)]
    one, other = canvas(60, 100), canvas(60, 100)
    for square in squares:
        lay(one, (120, 200), square)
    for square in reversed(squares):
        lay(other, (120, 200), square)
    np.testing.assert_array_equal(chroma(one.guess()), chroma(other.guess()))


def test_the_confidence_is_that_of_what_is_seen() -> None:
    on = canvas(60, 100)
    lay(on, (120, 200), Framing(80, 20, 80))
    confidence = on.guess().confidence
    assert confidence.shape == (60, 100)
    np.testing.assert_allclose(confidence[30, 60], 0.75, atol=1e-4)
    np.testing.assert_allclose(confidence[30, 10], 0.25, atol=1e-4)


def test_a_guess_stays_when_its_canvas_goes_on() -> None:
    on = canvas(60, 100)
    guess = on.guess()
    before = chroma(guess).copy(), guess.confidence.copy()
    lay(on, (120, 200), Framing(80, 20, 80))
    np.testing.assert_array_equal(chroma(guess), before[0])
    np.testing.assert_array_equal(guess.confidence, before[1])
