import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photochrom.color import fit_gamut, to_signed
from photochrom.coloring import ChromaField, resampling
from photochrom.coloring._chroma_field import FloatMap, Pixels, follow_luma, render, signed_luma
from photochrom.coloring.resampling import resized

NO_TIME_LIMIT = settings(deadline=None, max_examples=40)
LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114])
LEVELS_PER_UNIT = 127.5

SHAPES = [(1, 1), (1, 2), (2, 1), (3, 5), (17, 31), (40, 40), (1, 3000), (3000, 1)]


def random_luma(seed: int, shape: tuple[int, int], kind: type[np.integer]) -> Pixels:
    """Noise, of which a third is black or white: where there is the least room for colors."""
    random = np.random.default_rng(seed)
    limit = np.iinfo(kind).max
    luma = random.integers(0, limit + 1, shape)
    return np.where(random.random(shape) < 0.33, random.choice([0, limit], shape), luma).astype(kind)


def random_field(seed: int, shape: tuple[int, int], vividness: float) -> ChromaField:
    """Slopes and offsets without any order, on a grid that is at most as fine as the photo."""
    random = np.random.default_rng(seed)
    rows, columns = (int(random.integers(1, side + 1)) for side in shape)
    return ChromaField(random.normal(0.0, vividness, (4, rows, columns)).astype(np.float32))


def flat_field(blue: float, red: float, shape: tuple[int, int] = (1, 1)) -> ChromaField:
    return ChromaField(np.broadcast_to(np.float32([0.0, 0.0, blue, red])[:, None, None], (4, *shape)).copy())


def two_halves(height: int, width: int, edge: int, left: object, right: object) -> npt.NDArray[np.float32]:
    """A map with one value, or one for each channel, left of a column and another from there on."""
    channels = np.shape(left)
    halves = np.empty((*channels, height, width), dtype=np.float32)
    halves[..., :edge], halves[..., edge:] = (np.reshape(side, (*channels, 1, 1)) for side in (left, right))
    return halves


# --- rendering ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@NO_TIME_LIMIT
@given(seed=st.integers(0, 10_000), shape=st.sampled_from(SHAPES), vividness=st.sampled_from([0.0, 0.02, 0.3, 5.0]))
def test_luma_survives_any_chroma(kind: type[np.integer], seed: int, shape: tuple[int, int], vividness: float) -> None:
    luma = random_luma(seed, shape, kind)
    rgb = render(random_field(seed, shape, vividness), luma)
    assert rgb.shape == (*shape, 3)
    assert rgb.dtype == kind
    # Three rounded values: their luma is off by half of a level of their own kind at most.
    assert np.abs(rgb @ LUMA_WEIGHTS - luma).max() <= 0.51


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_without_chroma_every_level_stays_exactly_gray(kind: type[np.integer]) -> None:
    luma = np.arange(np.iinfo(kind).max + 1).astype(kind).reshape(-1, 64)
    rgb = render(flat_field(0.0, 0.0), luma)
    np.testing.assert_array_equal(rgb, np.repeat(luma[..., None], 3, axis=2))


@pytest.mark.parametrize("values_at_once", [1, 5000])
@pytest.mark.parametrize("shape", [(167, 53), (1, 90), (90, 1)])
def test_strips_equal_the_whole(values_at_once: int, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    luma, field = random_luma(1, shape, np.uint16), random_field(4, shape, 0.2)
    whole = render(field, luma)
    monkeypatch.setattr(resampling, "_STRIP_VALUES", values_at_once)
    strips = render(field, luma)
    # A matrix product of another size may add in another order: one of 65536 levels where rounding is a toss-up.
    assert np.abs(strips.astype(int) - whole.astype(int)).max() <= 1


@pytest.mark.parametrize("vividness", [0.02, 0.2], ids=["few colors have to fade", "many have to"])
@pytest.mark.parametrize("grid", [(1, 1), (9, 7), (40, 3), (67, 53)])
def test_rendering_is_merging_with_the_field_enlarged_as_a_whole(grid: tuple[int, int], vividness: float) -> None:
    luma = random_luma(2, (67, 53), np.uint8)
    field = ChromaField(np.random.default_rng(3).normal(0.0, vividness, (4, *grid)).astype(np.float32))
    chroma = ChromaField(resized(field.coefficients, *luma.shape)).at(signed_luma(luma))
    color = fit_gamut(signed_luma(luma)[None, None], chroma[None])[0].transpose(1, 2, 0)
    assert np.abs(render(field, luma) - (color + 1.0) * LEVELS_PER_UNIT).max() <= 0.51


def test_sixteen_bits_render_as_eight_where_they_hold_the_same_luma() -> None:
    luma = random_luma(5, (30, 40), np.uint8)
    field = random_field(6, (30, 40), 0.2)
    deep = render(field, luma.astype(np.uint16) * 257)
    np.testing.assert_allclose(deep / 257.0, render(field, luma), atol=0.51)


# --- the field ------------------------------------------------------------------------------------------------------


def test_a_scaled_field_gives_scaled_chroma() -> None:
    field, luma = random_field(7, (6, 6), 0.3), np.float32(0.25)
    grid = np.full(field.coefficients.shape[1:], luma)
    np.testing.assert_allclose(field.scaled(0.4).at(grid), 0.4 * field.at(grid), atol=1e-6)


def test_blending_takes_the_other_field_where_the_weights_are_one() -> None:
    one, other = flat_field(0.1, 0.2, (2, 3)), flat_field(-0.3, 0.4, (2, 3))
    weights = np.float32([[0.0, 0.5, 1.0], [1.0, 0.0, 0.5]])
    blue = one.blended(other, weights).at(np.zeros((2, 3), np.float32))[0]
    np.testing.assert_allclose(blue, [[0.1, -0.1, -0.3], [-0.3, 0.1, -0.1]], atol=1e-6)


def test_slopes_count_with_luma_and_offsets_by_themselves() -> None:
    field = ChromaField(np.float32([0.5, -0.25, 0.125, 0.0]).reshape(4, 1, 1))
    np.testing.assert_allclose(field.at(np.float32([[0.5]])), [[[0.375]], [[-0.125]]])


# --- following luma -------------------------------------------------------------------------------------------------


@NO_TIME_LIMIT
@given(
    seed=st.integers(0, 10_000),
    shape=st.sampled_from([(1, 1), (5, 9), (33, 20), (1, 60)]),
    coarse=st.sampled_from([(1, 1), (3, 2), (40, 40)]),
    radius=st.integers(1, 60),
)
def test_one_color_stays_that_color_whatever_the_luma(
    seed: int, shape: tuple[int, int], coarse: tuple[int, int], radius: int
) -> None:
    luma = signed_luma(random_luma(seed, shape, np.uint8))
    color = np.float32([0.3, -0.2])[:, None, None]
    followed = follow_luma(np.broadcast_to(color, (2, *coarse)).copy(), luma, radius)
    assert followed.coefficients.shape == (4, *shape)
    np.testing.assert_allclose(followed.at(luma), np.broadcast_to(color, (2, *shape)), atol=1e-4)


def test_without_edges_in_luma_colors_change_as_gently_as_they_were_predicted() -> None:
    coarse = np.random.default_rng(8).uniform(-0.3, 0.3, (2, 10, 10)).astype(np.float32)
    followed = follow_luma(coarse, np.zeros((80, 80), np.float32), radius=8).at(np.zeros((80, 80), np.float32))
    steps = np.abs(np.diff(followed, axis=1)).max(), np.abs(np.diff(followed, axis=2)).max()
    assert max(steps) <= np.abs(np.diff(resized(coarse, 80, 80), axis=1)).max()


@pytest.mark.parametrize("off_grid", [0, 3, 4, 5])
def test_colors_do_not_bleed_over_an_edge_that_the_network_saw_eight_times_coarser(off_grid: int) -> None:
    """The chroma of the network mixes both sides where one of its places holds both."""
    cell, edge = 8, 80 + off_grid
    luma = signed_luma(two_halves(160, 160, edge, 60, 190).astype(np.uint8))
    truth = two_halves(160, 160, edge, [-0.2, 0.2], [0.2, -0.1])
    coarse = resized(truth, 160 // cell, 160 // cell)
    followed = follow_luma(coarse, luma, radius=cell).at(luma)
    bilinear = resized(coarse, 160, 160)

    def error(chroma: FloatMap, columns: slice) -> float:
        return float(np.abs(chroma - truth)[..., columns].max()) / 0.4

    beside_the_edge = slice(edge - 1, edge + 1)
    assert error(bilinear, beside_the_edge) > 0.4  # about half way to the other side's color
    assert error(followed, beside_the_edge) < 0.27
    assert error(followed, slice(edge - 3 * cell)) < 0.01
    assert error(followed, slice(edge + 3 * cell, None)) < 0.01
    step, true_step = (np.abs(chroma[0, 80, edge] - chroma[0, 80, edge - 1]) for chroma in (followed, truth))
    assert step > 0.45 * true_step  # the color changes where luma does


def test_a_field_of_an_edge_keeps_it_sharp_in_a_photo_that_is_larger_than_the_grid() -> None:
    """Not the chroma is enlarged but how it depends on luma, of which the photo has every pixel."""
    small, large = two_halves(40, 40, 20, 60, 190).astype(np.uint8), two_halves(320, 320, 160, 60, 190).astype(np.uint8)
    coarse = two_halves(10, 10, 5, [-0.2, 0.2], [0.2, -0.2])
    rgb = render(follow_luma(coarse, signed_luma(small), radius=4), large).astype(float)
    chroma = (rgb[..., 2] - rgb @ LUMA_WEIGHTS) / 1.772
    assert chroma[160, 0] == pytest.approx(-0.2 * LEVELS_PER_UNIT, abs=1.5)
    assert chroma[160, 319] == pytest.approx(0.2 * LEVELS_PER_UNIT, abs=1.5)
    across = chroma[160, 158:162]
    assert across[2] - across[1] > 0.5 * 0.4 * LEVELS_PER_UNIT
    assert abs(across[1] - across[0]) < 1.5
    assert abs(across[3] - across[2]) < 1.5


def test_the_luma_of_eight_and_of_sixteen_bits_becomes_signed_alike() -> None:
    eight = np.arange(256, dtype=np.uint8)[None]
    np.testing.assert_allclose(signed_luma(eight), to_signed(eight), atol=1e-6)
    np.testing.assert_allclose(signed_luma(eight.astype(np.uint16) * 257), to_signed(eight), atol=1e-6)
    assert signed_luma(eight).dtype == np.float32
