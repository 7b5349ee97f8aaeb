import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from photochrom.color import fit_gamut, rgb_to_chroma
from photochrom.coloring.distribution import BIN_COUNT, MAX_VARIANTS, mean_chroma, probabilities_from_logits
from photochrom.coloring.palette import PALETTE, PALETTE_STEP, decided_chroma, is_of_palette, marginals, variant_colors
from photochrom.errors import ConfigError

Probabilities = npt.NDArray[np.float32]

LEVEL = 2 / 255
RED, BLUE = (-20, 50), (60, -20)


def mixed(*parts: tuple[tuple[int, int], float]) -> Probabilities:
    """Probabilities of a few colors, given by their levels of Cb and Cr, at 2x3 places."""
    probabilities = np.zeros((1, len(PALETTE), 2, 3), dtype=np.float32)
    for color, share in parts:
        (place,) = np.flatnonzero((np.abs(PALETTE - np.array(color) * LEVEL) < 1e-4).all(axis=1))
        probabilities[:, place] = share
    return probabilities


def random_probabilities(seed: int) -> Probabilities:
    logits = np.random.default_rng(seed).normal(0.0, 4.0, (2, len(PALETTE), 3, 4))
    return np.asarray(probabilities_from_logits(logits.astype(np.float32)))


def test_a_palette_has_gray_and_every_color_that_can_be_shown_at_some_luma() -> None:
    assert (np.abs(PALETTE).sum(axis=1) == 0.0).sum() == 1
    assert np.abs(PALETTE).max() == pytest.approx(9 * PALETTE_STEP)
    lumas = np.linspace(-1.0, 1.0, 511, dtype=np.float32)[:, None, None, None]
    for color in PALETTE[:: len(PALETTE) // 40]:
        shown = fit_gamut(lumas, np.broadcast_to(color[:, None, None], (len(lumas), 2, 1, 1)))
        off = np.abs(rgb_to_chroma(shown)[:, :, 0, 0] - color).max(axis=1)
        assert off.min() < LEVEL, color


def test_probabilities_of_a_palette_are_told_from_those_of_bins() -> None:
    probabilities = random_probabilities(0)
    assert is_of_palette(probabilities)
    assert not is_of_palette(marginals(probabilities))


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_marginals_sum_to_one_and_keep_the_mean(seed: int) -> None:
    probabilities = random_probabilities(seed)
    found = marginals(probabilities)
    assert found.shape == (2, 2, BIN_COUNT, 3, 4)
    np.testing.assert_allclose(found.sum(axis=2), 1.0, atol=1e-5)
    np.testing.assert_allclose(mean_chroma(found), np.einsum("bkrc,ka->barc", probabilities, PALETTE), atol=1e-5)


@pytest.mark.parametrize("color", [(0, 0), (30, -20), RED, BLUE, (-90, 30)])
def test_a_certain_color_is_read_exactly(color: tuple[int, int]) -> None:
    guess = decided_chroma(mixed((color, 1.0)))
    assert guess.shape == (1, 2, 2, 3)
    np.testing.assert_allclose(guess, np.array(color)[:, None, None] * np.full((1, 2, 2, 3), LEVEL), atol=1e-5)


def test_between_two_colors_a_guess_is_far_nearer_to_the_likelier_one_than_the_mean_is() -> None:
    guess = decided_chroma(mixed((RED, 0.7), (BLUE, 0.3)))[0, :, 0, 0] / LEVEL
    mean = mean_chroma(marginals(mixed((RED, 0.7), (BLUE, 0.3))))[0, :, 0, 0] / LEVEL
    assert np.hypot(*(guess - RED)) < 0.5 * np.hypot(*(mean - RED))


def test_a_group_of_alike_colors_wins_over_a_single_likelier_one() -> None:
    greens = [((-30, -30), 0.2), ((-30, -20), 0.2), ((-20, -30), 0.2)]
    guess = decided_chroma(mixed(*greens, (RED, 0.4)))[0, :, 0, 0] / LEVEL
    assert np.hypot(*(guess - (-27, -27))) < np.hypot(*(guess - RED)) / 2


def test_a_coat_has_one_color_although_another_one_is_likelier_in_a_spot() -> None:
    coat = np.broadcast_to(mixed((BLUE, 0.7), (RED, 0.3))[:, :, :1, :1], (1, len(PALETTE), 24, 24)).copy()
    alone = mixed((BLUE, 0.45), (RED, 0.55))[:, :, :1, :1]
    coat[:, :, 11:13, 11:13] = alone
    blue, red = (np.hypot(*(decided_chroma(coat)[0, :, 12, 12] / LEVEL - color)) for color in (BLUE, RED))
    assert blue < red
    blue, red = (np.hypot(*(decided_chroma(alone)[0, :, 0, 0] / LEVEL - color)) for color in (BLUE, RED))
    assert red < blue


def test_a_guess_does_not_jump_where_two_colors_are_nearly_as_likely() -> None:
    one, other = (decided_chroma(mixed((RED, share), (BLUE, 1.0 - share))) for share in (0.49, 0.51))
    assert np.abs(one - other).max() < 10 * LEVEL


def test_variants_differ_where_several_colors_are_likely_and_agree_where_one_is() -> None:
    coat = np.stack(variant_colors(mixed((RED, 0.5), (BLUE, 0.45), ((0, 0), 0.05)), MAX_VARIANTS))
    skin = np.stack(variant_colors(mixed(((-20, 20), 0.5), ((-10, 20), 0.3), ((-20, 10), 0.2)), MAX_VARIANTS))
    assert np.ptp(coat, axis=0).min() > 40 * LEVEL
    assert np.ptp(skin, axis=0).max() < 8 * LEVEL


def test_the_first_variant_is_the_decided_guess_and_others_lean_to_their_hue() -> None:
    probabilities = random_probabilities(2)
    first, orange, blue, red, *_ = variant_colors(probabilities, 5)
    np.testing.assert_allclose(first, decided_chroma(probabilities), atol=1e-6)
    assert (orange[:, 1] - orange[:, 0]).mean() > (first[:, 1] - first[:, 0]).mean() + 10 * LEVEL
    assert (blue[:, 0] - blue[:, 1]).mean() > (first[:, 0] - first[:, 1]).mean() + 10 * LEVEL
    assert red[:, 1].mean() > first[:, 1].mean() + 10 * LEVEL


@pytest.mark.parametrize("count", [0, MAX_VARIANTS + 1])
def test_a_number_of_variants_that_cannot_be_is_refused(count: int) -> None:
    with pytest.raises(ConfigError, match=f"1 to {MAX_VARIANTS} variants, not {count}"):
        variant_colors(random_probabilities(0), count)


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_numpy_and_torch_read_the_same(seed: int) -> None:
    probabilities = random_probabilities(seed)
    for read in (decided_chroma, marginals):
        np.testing.assert_allclose(read(torch.from_numpy(probabilities)), read(probabilities), atol=1e-5)
