import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from photochrom.color import fit_gamut, luma, rgb_to_chroma
from photochrom.coloring import decoding, distribution, palette
from photochrom.coloring.decoding import DECODINGS, PALETTE_DECODINGS, as_observed, color_from_probabilities
from photochrom.coloring.palette import PALETTE, marginals
from photochrom.errors import ConfigError

Probabilities = npt.NDArray[np.float32]

LEVEL = 2 / 255


def of_bins(seed: int) -> Probabilities:
    logits = np.random.default_rng(seed).normal(0.0, 4.0, (2, 2, distribution.BIN_COUNT, 3, 4))
    return np.asarray(distribution.probabilities_from_logits(logits.astype(np.float32)))


def of_palette(seed: int) -> Probabilities:
    logits = np.random.default_rng(seed).normal(0.0, 4.0, (2, len(PALETTE), 3, 4))
    return np.asarray(distribution.probabilities_from_logits(logits.astype(np.float32)))


def certain(level: float) -> Probabilities:
    """Probabilities of a single value everywhere; a multiple of 4 levels."""
    probabilities = np.zeros((1, 2, distribution.BIN_COUNT, 2, 2), dtype=np.float32)
    probabilities[:, :, round(level / 4) + 24] = 1.0
    return probabilities


@pytest.mark.parametrize("name", DECODINGS)
def test_a_palette_is_decoded_by_its_marginals(name: str) -> None:
    probabilities = of_palette(0)
    np.testing.assert_array_equal(
        decoding.decode_chroma(probabilities, name), DECODINGS[name](marginals(probabilities))
    )
    of_both = of_bins(0)
    np.testing.assert_array_equal(decoding.decode_chroma(of_both, name), DECODINGS[name](of_both))


def test_the_confidence_of_a_palettes_guess_is_that_of_its_marginals() -> None:
    probabilities = of_palette(1)
    guess = decoding.decode_chroma(probabilities, "decided")
    np.testing.assert_array_equal(
        decoding.probability_within(probabilities, guess),
        distribution.probability_within(marginals(probabilities), guess),
    )


@pytest.mark.parametrize("probabilities", [of_palette(1), of_bins(1)], ids=["palette", "bins"])
@pytest.mark.parametrize("name", DECODINGS)
def test_variants_begin_with_the_guess_of_the_decoding(probabilities: Probabilities, name: str) -> None:
    for count in (1, 4):
        first = decoding.variant_chroma(probabilities, name, count)[0]
        np.testing.assert_array_equal(first, decoding.decode_chroma(probabilities, name))


def test_the_decided_guess_is_the_first_variant_of_a_palette() -> None:
    variants = decoding.variant_chroma(of_palette(1), "decided", 4)
    np.testing.assert_array_equal(variants[0], decoding.decode_chroma(of_palette(1), "decided"))
    np.testing.assert_allclose(variants, palette.variant_colors(of_palette(1), 4), atol=1e-6)


@pytest.mark.parametrize("probabilities", [of_palette(1), of_bins(1)], ids=["palette", "bins"])
def test_the_variants_of_both_kinds_are_what_the_page_calls_them(probabilities: Probabilities) -> None:
    best, *others = (guess.mean(axis=(0, 2, 3)) for guess in decoding.variant_chroma(probabilities, "mean", 4))
    warmer, cooler, rosier = (other - best for other in others)
    assert warmer[0] < 0.0 < warmer[1]
    assert cooler[1] < 0.0 < cooler[0]
    assert rosier[1] > 2.0 * abs(rosier[0])


def test_a_decoding_of_palettes_does_not_read_bins() -> None:
    assert set(PALETTE_DECODINGS).isdisjoint(DECODINGS)
    with pytest.raises(ConfigError, match="no decoding is called 'decided'; there are: within, mean, natural"):
        decoding.decode_chroma(of_bins(0), "decided")


def test_the_message_about_an_unknown_decoding_of_a_palette_names_those_of_palettes_too() -> None:
    with pytest.raises(ConfigError, match=r"no decoding is called 'mode'; there are: .*, decided$"):
        decoding.decode_chroma(of_palette(0), "mode")


def test_an_unknown_decoding_is_refused_with_the_names_of_the_known() -> None:
    with pytest.raises(ConfigError, match="no decoding is called 'mode'; there are: within, mean, natural"):
        decoding.decode_chroma(certain(0), "mode")


# --- pictures of probabilities ---------------------------------------------------------------------------------------


def gray_pictures(*shape: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(5).uniform(-1.0, 1.0, shape).astype(np.float32)


@pytest.mark.parametrize("name", DECODINGS)
@pytest.mark.parametrize("size", [(12, 16), (9, 13), (12, 14)])
def test_a_picture_of_probabilities_keeps_its_luma(name: str, size: tuple[int, int]) -> None:
    gray = gray_pictures(2, 1, *size)
    color = color_from_probabilities(gray, of_bins(1), name, stride=4)
    assert color.shape == (2, 3, *size)
    np.testing.assert_allclose(luma(color), gray, atol=1e-5)


def test_chroma_is_enlarged_as_torch_does_it() -> None:
    gray, probabilities = np.zeros((2, 1, 12, 16), dtype=np.float32), of_bins(2)
    coarse = torch.from_numpy(distribution.mean_chroma(probabilities))
    wide = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bilinear", align_corners=False).numpy()
    np.testing.assert_allclose(
        color_from_probabilities(gray, probabilities, "mean", stride=4), fit_gamut(gray, wide), atol=1e-5
    )


def test_a_sure_color_is_seen_everywhere_but_where_light_leaves_no_room() -> None:
    gray = np.zeros((1, 1, 7, 7), dtype=np.float32)
    gray[..., 0, 0], gray[..., 6, 6] = 1.0, -1.0
    color = color_from_probabilities(gray, certain(20), "mean", stride=4)
    np.testing.assert_allclose(rgb_to_chroma(color)[..., 3, 3], 20 * LEVEL, atol=1e-5)
    np.testing.assert_allclose(color[..., 0, 0], 1.0)
    np.testing.assert_allclose(color[..., 6, 6], -1.0)


def test_a_picture_by_an_unknown_decoding_is_refused() -> None:
    with pytest.raises(ConfigError, match="no decoding is called 'loud'"):
        color_from_probabilities(gray_pictures(1, 1, 8, 8), certain(0), "loud", stride=4)


# --- confidence ------------------------------------------------------------------------------------------------------


def test_confidence_stays_as_stated_unless_a_network_asks_for_more() -> None:
    stated = np.linspace(0.0, 1.0, 11, dtype=np.float32)
    np.testing.assert_allclose(as_observed(stated, 1.0, 1.0), stated, atol=1e-6)


@pytest.mark.parametrize(("stated", "observed"), [(0.5, 1 / (1 + 1.31)), (0.8, 4**1.23 / (4**1.23 + 1.31))])
def test_odds_are_raised_to_the_steepness_and_divided_by_the_modesty(stated: float, observed: float) -> None:
    assert as_observed(np.array([stated]), 1.23, 1.31) == pytest.approx(observed)


@settings(deadline=None)
@given(st.floats(0.3, 3.0), st.floats(0.3, 3.0))
def test_the_order_of_confidence_and_its_ends_stay(steepness: float, modesty: float) -> None:
    stated = np.linspace(-0.1, 1.1, 49)
    observed = as_observed(stated, steepness, modesty)
    assert observed[0] == 0.0
    assert observed[-1] == 1.0
    assert (np.diff(observed[4:-4]) > 0.0).all()
    np.testing.assert_allclose(as_observed(torch.from_numpy(stated), steepness, modesty), observed)
