import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photochrom.coloring import ChromaField, Hint, parse_hint
from photochrom.coloring._chroma_field import FloatMap
from photochrom.coloring._hints import hint_layer, require_inside
from photochrom.errors import ConfigError

NO_TIME_LIMIT = settings(deadline=None, max_examples=30)
LEVELS_PER_UNIT = 127.5
GROUND = (12.75, -6.375)
"""Cb and Cr of the field before any hint, in levels."""

RED, BLUE, GREEN = (190, 70, 80), (60, 90, 200), (70, 150, 60)

colors = st.tuples(*[st.integers(0, 255)] * 3)


def chroma_of(color: tuple[int, int, int]) -> tuple[float, float]:
    """Cb and Cr in levels (ITU-R BT.601-7)."""
    red, green, blue = color
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return (blue - luma) / 1.772, (red - luma) / 1.402


def ground(rows: int, columns: int) -> ChromaField:
    blue, red = (level / LEVELS_PER_UNIT for level in GROUND)
    return ChromaField(np.broadcast_to(np.float32([0.0, 0.0, blue, red])[:, None, None], (4, rows, columns)).copy())


def hinted(luma: FloatMap, *hints: Hint, size: tuple[int, int] | None = None) -> FloatMap:
    """Cb and Cr in levels, once the hints are followed; shape (rows, columns, 2)."""
    layer = hint_layer(luma, hints, size or luma.shape)
    assert layer
    return layer.upon(ground(*luma.shape)).at(luma).transpose(1, 2, 0) * LEVELS_PER_UNIT


def strength(after: FloatMap) -> FloatMap:
    """How much of the way from the ground to red chroma has come; shape (rows, columns)."""
    return (after[..., 1] - GROUND[1]) / (chroma_of(RED)[1] - GROUND[1])


def even(rows: int, columns: int) -> FloatMap:
    return np.zeros((rows, columns), dtype=np.float32)


def two_regions(rows: int, columns: int) -> FloatMap:
    """A dark left half and a light right one."""
    luma = np.full((rows, columns), -0.5, dtype=np.float32)
    luma[:, columns // 2 :] = 0.5
    return luma


@NO_TIME_LIMIT
@given(colors, st.sampled_from([(1, 1), (1, 40), (50, 1), (60, 80), (30, 20)]), st.floats(0, 1), st.floats(0, 1))
def test_a_hint_is_followed_at_its_place_wherever_that_is(
    color: tuple[int, int, int], shape: tuple[int, int], across: float, down: float
) -> None:
    rows, columns = shape
    x, y = min(across * columns, columns - 1e-6), min(down * rows, rows - 1e-6)
    after = hinted(even(rows, columns), Hint(x, y, color))
    np.testing.assert_allclose(after[int(y), int(x)], chroma_of(color), atol=3.0)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (799, 599), (799.999, 599.999), (13.5, 400)])
def test_places_are_pixels_of_the_photo_however_coarse_the_grid(x: float, y: float) -> None:
    after = hinted(even(300, 400), Hint(x, y, RED), size=(600, 800))
    np.testing.assert_allclose(after[int(y / 2), int(x / 2)], chroma_of(RED), atol=1.0)
    assert strength(after)[0 if y > 300 else -1, 0 if x > 400 else -1] < 0.3


@pytest.mark.parametrize("shape", [(60, 80), (480, 640)])
def test_a_color_spreads_over_its_region_but_not_over_an_edge(shape: tuple[int, int]) -> None:
    rows, columns = shape
    after = hinted(two_regions(rows, columns), Hint(columns * 0.3, rows / 2, RED))
    near = after[2 * rows // 5 : 3 * rows // 5, columns // 5 : 2 * columns // 5]
    np.testing.assert_allclose(near, np.broadcast_to(chroma_of(RED), near.shape), atol=8.0)
    beyond = after[:, columns // 2 + 8 :]
    np.testing.assert_allclose(beyond, np.broadcast_to(GROUND, beyond.shape), atol=1.0)


def test_a_color_fades_gently_over_an_even_region() -> None:
    along = strength(hinted(even(40, 300), Hint(5, 20, RED)))[20, 5:]
    assert (np.diff(along) < 1e-3).all()
    assert np.diff(along).min() > -0.03  # no rim
    assert along[30] > 0.95
    assert along[-1] < 0.25


def test_a_gentle_slope_of_luma_ends_a_region_too() -> None:
    slope = np.broadcast_to(np.linspace(-1.0, 1.0, 200, dtype=np.float32), (50, 200)).copy()
    after = hinted(slope, Hint(20, 25, RED))
    np.testing.assert_allclose(after[25, 20], chroma_of(RED), atol=3.0)
    np.testing.assert_allclose(after[:, 120:], np.broadcast_to(GROUND, (50, 80, 2)), atol=0.5)


def test_folds_do_not_stop_a_color() -> None:
    folds = 0.05 * np.sin(np.arange(200, dtype=np.float32) / 8.0)
    after = hinted(np.broadcast_to(folds, (120, 200)).copy(), Hint(100, 60, RED))
    assert strength(after)[40:80, 70:130].min() > 0.5


def test_grain_does_not_stop_a_color() -> None:
    luma = np.random.default_rng(0).normal(0.0, 0.05, (120, 160)).astype(np.float32)
    after = hinted(luma, Hint(80, 60, RED))
    np.testing.assert_allclose(after[50:70, 70:90].mean(axis=(0, 1)), chroma_of(RED), atol=6.0)


def test_each_of_several_hints_is_followed_at_its_own_place() -> None:
    places = {(20, 30): RED, (60, 30): BLUE, (140, 90): GREEN}
    hints = [Hint(x, y, color) for (x, y), color in places.items()]
    after = hinted(even(120, 160), *hints)
    for (x, y), color in places.items():
        np.testing.assert_allclose(after[y, x], chroma_of(color), atol=3.0)
    np.testing.assert_allclose(hinted(even(120, 160), *reversed(hints)), after, atol=0.01)


def test_between_two_hints_of_a_region_colors_pass_from_one_to_the_other() -> None:
    after = hinted(even(60, 80), Hint(20, 30, RED), Hint(60, 30, BLUE))[30, 20:61, 0]
    assert (np.diff(after) > -0.1).all()
    np.testing.assert_allclose(after[20], (chroma_of(RED)[0] + chroma_of(BLUE)[0]) / 2, atol=3.0)


def test_a_gray_hint_takes_the_color_away() -> None:
    np.testing.assert_allclose(hinted(even(60, 80), Hint(40, 30, (90, 90, 90)))[30, 40], 0.0, atol=0.1)


def test_how_light_a_hint_is_does_not_count() -> None:
    one, lighter = (hinted(even(20, 20), Hint(10, 10, color)) for color in ((100, 60, 50), (150, 110, 100)))
    np.testing.assert_allclose(one, lighter, atol=0.01)


def test_without_hints_there_is_no_layer() -> None:
    assert hint_layer(even(4, 5), [], (4, 5)) is None


@pytest.mark.parametrize(
    ("x", "y", "told"),
    [(80, 10, "80,10"), (-0.5, 10, "-0.5,10"), (10, 60, "10,60"), (10, -1, "10,-1"), (float("nan"), 1, "nan,1")],
)
def test_a_hint_outside_the_photo_is_refused_with_the_photos_size(x: float, y: float, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        require_inside([Hint(1, 1, RED), Hint(x, y, RED)], (60, 80))
    assert str(caught.value) == f"the hint at {told} lies outside the photo, which is 80x60"


@pytest.mark.parametrize("color", [(300, 0, 0), (0, -1, 0), (0, 0, 256)])
def test_a_color_that_cannot_be_is_refused(color: tuple[int, int, int]) -> None:
    with pytest.raises(ConfigError, match="0 to 255"):
        hinted(even(3, 3), Hint(1, 1, color))


# --- as users write them --------------------------------------------------------------------------------------------


@NO_TIME_LIMIT
@given(st.integers(0, 20_000), st.integers(0, 20_000), colors)
def test_what_is_written_is_read(x: int, y: int, color: tuple[int, int, int]) -> None:
    assert parse_hint(f"{x},{y},#{bytes(color).hex()}") == Hint(float(x), float(y), color)


@pytest.mark.parametrize("text", [" 12.5 , 80,#FF0080 ", "12.5,80.0,#ff0080", "1.25e1,80,#fF0080"])
def test_blanks_fractions_and_capitals_are_read(text: str) -> None:
    assert parse_hint(text) == Hint(12.5, 80.0, (255, 0, 128))


UNREADABLE = """
1,2             1,2,            1,2,red         1,2,ff0080      1,2,#f08        1,2,#ff00800    1,2,#gg0080
x,2,#ff0080     1,,#ff0080      1,2,3,#ff0080   1;2;#ff0080     1,2,#ff0080,    #ff0080,1,2     1,2,#-ff008
"""


@pytest.mark.parametrize("text", ["", " ", "1,2,# f 08 ", "1,2,#12 34 ", *UNREADABLE.split()])
def test_what_is_written_otherwise_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_hint(text)
    assert str(caught.value) == f"a hint is written x,y,#rrggbb, such as 120,80,#7a4b2c; not {text!r}"
