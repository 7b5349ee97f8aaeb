from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from photochrom.coloring import distribution
from photochrom.errors import ConfigError

Probabilities = npt.NDArray[np.float32]

LEVEL = 2 / 255
CENTERS = np.arange(-24, 25) * 4 * LEVEL
NO_TIME_LIMIT = settings(deadline=None)

any_probabilities = st.integers(0, 10_000).map(lambda seed: random_probabilities(seed))


def random_probabilities(seed: int) -> Probabilities:
    """Probabilities with one or a few humps, for two pictures of 3x4 places."""
    logits = np.random.default_rng(seed).normal(0.0, 3.0, (2, 2, distribution.BIN_COUNT, 3, 4))
    smooth = sum(np.roll(logits, shift, axis=2) for shift in (-1, 0, 1))
    return np.asarray(distribution.probabilities_from_logits(smooth.astype(np.float32)))


def certain(level: float) -> Probabilities:
    """Probabilities of a single value everywhere; a multiple of 4 levels."""
    probabilities = np.zeros((1, 2, distribution.BIN_COUNT, 2, 2), dtype=np.float32)
    probabilities[:, :, round(level / 4) + 24] = 1.0
    return probabilities


def two_sided(low: float, high: float, share_of_high: float) -> Probabilities:
    return (1 - share_of_high) * certain(low) + share_of_high * certain(high)


READERS: list[tuple[Callable[[Probabilities], Probabilities], float]] = [
    *(
        (read, 0.01 * LEVEL)
        for read in (
            distribution.mean_chroma,
            distribution.likeliest_chroma,
            distribution.natural_chroma,
            distribution.cautious_chroma,
        )
    ),
    # Where a quantile falls between two humps, hardly any probability lies there, and the last bit of a sum moves it.
    (lambda probabilities: distribution.quantile_chroma(probabilities, 0.3, 0.6), 0.5 * LEVEL),
    (lambda probabilities: distribution.variant_chroma(probabilities, 3)[2], 0.5 * LEVEL),
]


@pytest.mark.parametrize(("read", "tolerance"), READERS)
@NO_TIME_LIMIT
@given(any_probabilities)
def test_numpy_and_torch_read_the_same(
    read: Callable[[Probabilities], Probabilities], tolerance: float, probabilities: Probabilities
) -> None:
    ours = read(probabilities)
    assert ours.shape == (2, 2, 3, 4)
    np.testing.assert_allclose(read(torch.from_numpy(probabilities)), ours, atol=tolerance)


@NO_TIME_LIMIT
@given(any_probabilities)
def test_the_mean_is_numpys_weighted_mean(probabilities: Probabilities) -> None:
    expected = np.average(np.broadcast_to(CENTERS[:, None, None], probabilities.shape), weights=probabilities, axis=2)
    np.testing.assert_allclose(distribution.mean_chroma(probabilities), expected, atol=1e-5)


@pytest.mark.parametrize("level", [-96, -20, 0, 4, 60])
@pytest.mark.parametrize(
    "read", [distribution.mean_chroma, lambda probabilities: distribution.quantile_chroma(probabilities, 0.5, 0.5)]
)
def test_a_certain_value_is_read_exactly(level: float, read: Callable[[Probabilities], Probabilities]) -> None:
    np.testing.assert_allclose(read(certain(level)), level * LEVEL, atol=1e-5)


@pytest.mark.parametrize("level", [-20, 0, 4, 60])
def test_the_likeliest_guess_meets_a_certain_value_within_a_level(level: float) -> None:
    np.testing.assert_allclose(distribution.likeliest_chroma(certain(level)), level * LEVEL, atol=LEVEL)


def test_between_two_tints_the_mean_hedges_and_the_likeliest_guess_chooses() -> None:
    probabilities = two_sided(-40, 40, share_of_high=0.7)
    np.testing.assert_allclose(distribution.mean_chroma(probabilities), 16 * LEVEL, atol=1e-5)
    np.testing.assert_allclose(distribution.likeliest_chroma(probabilities), 40 * LEVEL, atol=LEVEL)


def test_of_two_colors_that_are_as_likely_one_is_chosen() -> None:
    probabilities = two_sided(-40, 40, share_of_high=0.501)
    np.testing.assert_allclose(distribution.likeliest_chroma(probabilities), 40 * LEVEL, atol=LEVEL)


def test_the_natural_guess_has_the_hue_of_the_likeliest_and_is_more_vivid() -> None:
    probabilities = random_probabilities(3)
    ratio = distribution.natural_chroma(probabilities) / distribution.likeliest_chroma(probabilities)
    np.testing.assert_allclose(ratio, distribution.NATURAL_VIVIDNESS, rtol=1e-4)
    assert distribution.NATURAL_VIVIDNESS > 1


@pytest.mark.parametrize("level", [-24, 4, 40, 96])
def test_a_cautious_guess_of_a_certain_value_is_that_value(level: float) -> None:
    np.testing.assert_allclose(distribution.cautious_chroma(certain(level)), level * LEVEL, rtol=2e-3)


def test_a_cautious_guess_is_gray_where_probabilities_point_nowhere() -> None:
    for probabilities in (certain(0), two_sided(-40, 40, share_of_high=0.5)):
        np.testing.assert_allclose(distribution.cautious_chroma(probabilities), 0.0, atol=1e-5)


@pytest.mark.parametrize(
    ("share_of_high", "factor"),
    # The deviation of 0 and 40 is 1, 2 and 7 times the mean.
    [(1 / 2, (1 + 0.3 / 1.6) / 1.02), (1 / 5, (1 + 0.6 / 2.2) / 1.08), (1 / 50, (1 + 2.1 / 5.2) / 1.98)],
)
def test_a_cautious_guess_gets_livelier_with_the_spread_and_fades_beyond(share_of_high: float, factor: float) -> None:
    guess = distribution.cautious_chroma(two_sided(0, 40, share_of_high))
    np.testing.assert_allclose(guess, factor * share_of_high * 40 * LEVEL, rtol=2e-3)


@NO_TIME_LIMIT
@given(any_probabilities)
def test_a_cautious_guess_has_the_hue_of_the_mean_and_is_at_most_half_as_vivid_again(
    probabilities: Probabilities,
) -> None:
    mean, guess = distribution.mean_chroma(probabilities), distribution.cautious_chroma(probabilities)
    np.testing.assert_allclose(guess[:, 0] * mean[:, 1], guess[:, 1] * mean[:, 0], atol=1e-5)
    assert (guess * mean >= 0.0).all()
    assert (np.abs(guess) <= 1.5 * np.abs(mean) + 1e-6).all()


def test_a_cautious_guess_does_not_jump_where_the_likeliest_one_does() -> None:
    one, other = (two_sided(-40, 40, share_of_high=share) for share in (0.495, 0.505))
    assert np.abs(distribution.likeliest_chroma(one) - distribution.likeliest_chroma(other)).min() > 70 * LEVEL
    assert np.abs(distribution.cautious_chroma(one) - distribution.cautious_chroma(other)).max() < LEVEL


@NO_TIME_LIMIT
@given(any_probabilities, st.floats(0.05, 0.45), st.floats(0.5, 0.95))
def test_quantiles_grow_with_their_share(probabilities: Probabilities, lower: float, higher: float) -> None:
    below, above = (
        distribution.quantile_chroma(probabilities, lower, lower),
        distribution.quantile_chroma(probabilities, higher, higher),
    )
    assert (below <= above + 1e-6).all()


@NO_TIME_LIMIT
@given(any_probabilities, st.floats(0.05, 0.95))
def test_a_quantile_has_its_share_of_the_probabilities_below_it(probabilities: Probabilities, share: float) -> None:
    value = distribution.quantile_chroma(probabilities, share, share)
    edges = (CENTERS - 2 * LEVEL)[:, None, None]
    filled = np.clip((value[:, :, None] - edges) / (4 * LEVEL), 0, 1)
    np.testing.assert_allclose((filled * probabilities).sum(axis=2), share, atol=1e-3)


def test_variants_agree_where_the_probabilities_are_sure_and_differ_where_they_are_not() -> None:
    spread = np.full((1, 2, distribution.BIN_COUNT, 2, 2), 1 / distribution.BIN_COUNT, dtype=np.float32)
    sure = np.stack(distribution.variant_chroma(certain(20), distribution.MAX_VARIANTS))
    unsure = np.stack(distribution.variant_chroma(spread, distribution.MAX_VARIANTS))
    assert np.ptp(sure, axis=0).max() < 4 * LEVEL
    assert np.ptp(unsure, axis=0).min() > 40 * LEVEL
    assert len({variant.tobytes() for variant in unsure}) == distribution.MAX_VARIANTS


@pytest.mark.parametrize("count", [0, distribution.MAX_VARIANTS + 1])
def test_a_number_of_variants_that_cannot_be_is_refused(count: int) -> None:
    with pytest.raises(ConfigError, match=f"1 to {distribution.MAX_VARIANTS} variants, not {count}"):
        distribution.variant_chroma(certain(0), count)


@pytest.mark.parametrize(
    ("off", "probability"),
    # 12 levels of blue are 6.8 of Cb, 12 of red are 8.6 of Cr: both in, one in, none in.
    [(0, 1.0), (4, 1.0), (-4, 1.0), (12, 0.0), (-20, 0.0)],
)
def test_the_probability_counts_red_and_blue_that_lie_within_the_margin(off: float, probability: float) -> None:
    guess = np.full((1, 2, 2, 2), (20 + off) * LEVEL, dtype=np.float32)
    np.testing.assert_allclose(distribution.probability_within(certain(20), guess), probability, atol=1e-5)


def test_a_probability_is_half_where_only_one_channel_is_sure() -> None:
    probabilities = np.concatenate([certain(8)[:, :1], certain(40)[:, :1]], axis=1)
    guess = np.full((1, 2, 2, 2), 8 * LEVEL, dtype=np.float32)
    np.testing.assert_allclose(distribution.probability_within(probabilities, guess), 0.5, atol=1e-5)


@NO_TIME_LIMIT
@given(st.integers(0, 10_000))
def test_hardly_any_guess_has_a_better_probability_than_the_likeliest(seed: int) -> None:
    """Hardly: neighbors of nearly the same probability are averaged. The humps are as wide as networks give."""
    random = np.random.default_rng(seed)
    shape = (2, 2, 1, 3, 4)
    centers, widths = random.uniform(-0.5, 0.5, (3, *shape)), random.uniform(0.05, 0.2, (3, *shape))
    heights = random.uniform(0.1, 1.0, (3, *shape))
    humps = heights * np.exp(-0.5 * ((CENTERS[:, None, None] - centers) / widths) ** 2)
    probabilities = (humps.sum(axis=0) / humps.sum(axis=(0, 3), keepdims=True)[0]).astype(np.float32)
    best = distribution.probability_within(probabilities, distribution.likeliest_chroma(probabilities))
    for level in range(-96, 97, 4):
        guess = np.full((2, 2, 3, 4), level * LEVEL, dtype=np.float32)
        assert (distribution.probability_within(probabilities, guess) <= best + 0.03).all()


def test_logits_become_probabilities_that_sum_to_one() -> None:
    probabilities = distribution.probabilities_from_logits(
        np.random.default_rng(0).normal(0.0, 30.0, (1, 2, distribution.BIN_COUNT, 2, 2))
    )
    np.testing.assert_allclose(probabilities.sum(axis=2), 1.0)
    assert probabilities.min() >= 0.0
