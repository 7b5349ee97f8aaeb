"""The difference between two runs: how large, how certain, and how many seeds would tell."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import nct
from scipy.stats import t as student_t

from photochrom.lab.runs._results import SeedGroup

_CONFIDENCE = 0.95
_POWER = 0.8
_MOST_SEEDS = 1000


@dataclass(frozen=True)
class Spread:
    """The spread over seeds, pooled from the runs that have several.

    Attributes:
        deviation: The root of the pooled variance.
        freedom: Its degrees of freedom: the number of seeds minus the number of runs.
    """

    deviation: float
    freedom: int


@dataclass(frozen=True)
class Difference:
    """A figure of one run minus that of another.

    Attributes:
        margin: Half the width of its 95 % confidence interval; None if no spread is known.
        pairs: The number of seeds that both runs were trained with; 0 if the means were compared instead.
        seeds_to_tell: The number of common seeds with which a difference of this size is found beyond the noise in four
            of five tries; None if that is not known, or more than 1000.
    """

    mean: float
    margin: float | None
    pairs: int
    seeds_to_tell: int | None

    @property
    def is_beyond_noise(self) -> bool:
        """Whether the interval excludes zero."""
        return self.margin is not None and abs(self.mean) > self.margin


def pooled_spread(groups: Sequence[SeedGroup]) -> Spread | None:
    """The spread of accuracy assumed for a run with a single seed; None if no run has several."""
    trained = [group.measured("val_accuracy") for group in groups if group.is_trained]
    several = [(side.deviation, side.count) for side in trained if side.deviation is not None]
    freedom = sum(count - 1 for _, count in several)
    if freedom == 0:
        return None
    return Spread(math.sqrt(sum((count - 1) * deviation**2 for deviation, count in several) / freedom), freedom)


def difference_between(
    first: SeedGroup, second: SeedGroup, figure: str = "val_accuracy", spread: Spread | None = None
) -> Difference:
    """A figure of the first run minus that of the second, with what noise makes of it.

    With at least two seeds in common the runs are compared seed by seed, by a paired t test: the same seed shows the
    pictures in the same order. Otherwise their means are compared, by Welch.

    Args:
        figure: A field of `RunMetrics`.
        spread: What a run with a single seed is assumed to have.

    Reference:
        Student, "The probable error of a mean", 1908. Welch, "The generalization of Student's problem when several
        different population variances are involved", 1947.
    """
    here, there = first.by_seed(figure), second.by_seed(figure)
    pairs = [here[seed] - there[seed] for seed in sorted(here.keys() & there.keys())]
    if len(pairs) >= 2 and first.is_trained and second.is_trained:
        mean, deviation = statistics.fmean(pairs), statistics.stdev(pairs)
        margin = _quantile(len(pairs) - 1) * deviation / math.sqrt(len(pairs))
        return Difference(mean, margin, len(pairs), _seeds_to_tell(mean, deviation))
    mean = first.measured(figure).mean - second.measured(figure).mean
    return Difference(mean, _welch_margin((first, second), figure, spread), 0, None)


def _quantile(freedom: float) -> float:
    return float(student_t.ppf((1 + _CONFIDENCE) / 2, freedom))


def _seeds_to_tell(mean: float, deviation: float) -> int | None:
    """The fewest seeds with which a paired test finds this difference with a power of 80 percent.

    Reference:
        Cohen, "Statistical power analysis for the behavioral sciences", 1988, chapter 2.
    """
    if deviation == 0.0:
        return 2 if mean else None
    for seeds in range(2, _MOST_SEEDS + 1):
        power = nct.sf(_quantile(seeds - 1), seeds - 1, abs(mean) / deviation * math.sqrt(seeds))
        if power >= _POWER:
            return seeds
    return None


def _welch_margin(sides: Sequence[SeedGroup], figure: str, spread: Spread | None) -> float | None:
    """Half the width of the confidence interval of a difference of means; None if no spread is known.

    Trained runs with a single seed take the pooled spread, which is one estimate with its degrees of freedom, however
    many sides take it. Networks without training have a spread of their own, that of their random weights.
    """
    parts: list[tuple[float, int]] = []
    taken = 0.0
    for side in (side for side in sides if not side.is_alike_for_all_seeds):
        measured = side.measured(figure)
        if measured.deviation is not None:
            parts.append((measured.deviation**2 / measured.count, measured.count - 1))
        elif spread is not None and side.is_trained:
            taken += spread.deviation**2
        else:
            return None
    if spread is not None and taken:
        parts.append((taken, spread.freedom))
    total = sum(variance for variance, _ in parts)
    if total == 0.0:
        return None
    freedom = total**2 / sum(variance**2 / degrees for variance, degrees in parts)
    return _quantile(freedom) * math.sqrt(total)
