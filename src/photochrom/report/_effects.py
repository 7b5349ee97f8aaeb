"""What a change brought, how sure that is, and whether the study's conclusion holds: sentences from figures."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import t as student_t

from photochrom.report._results import ExperimentResults, Measured, RunResults, Study

__all__ = ["Effect", "effects_of", "typical_deviation"]

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Effect:
    """The difference in accuracy that a change makes.

    Attributes:
        run: The changed run.
        reference: What it is held against.
        difference: Its mean accuracy less the reference's.
        margin: Half the width of the 95 % confidence interval of that difference; None where no spread is known.
        published: The difference that the study printed; None where it printed none.
    """

    run: RunResults
    reference: RunResults
    difference: float
    margin: float | None
    published: float | None

    @property
    def is_beyond_noise(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.margin is not None and abs(self.difference) > self.margin

    def sentence(self) -> str:
        """What the figures say, and whether the study's conclusion holds."""
        return f"{self._ours()} {self._against_the_study()}".strip()

    def _ours(self) -> str:
        names = f"{self.run.run.label} against {self.reference.run.label}"
        if self.margin is None:
            return f"{names}: {self.difference:+.4f} accuracy; with single seeds alone its spread is unknown."
        verdict = "beyond the noise" if self.is_beyond_noise else "within the noise"
        return f"{names}: {self.difference:+.4f} ± {self.margin:.4f} accuracy, {verdict}."

    def _against_the_study(self) -> str:
        if self.published is None:
            return ""
        theirs = f"The study printed {self.published:+.4f}"
        same_direction = self.published * self.difference > 0
        if self.margin is None:
            return f"{theirs}: the same direction." if same_direction else f"{theirs}: the other direction."
        if not self.is_beyond_noise:
            return f"{theirs}, which a single run could not tell from nothing."
        if same_direction:
            return f"{theirs}: its conclusion holds here."
        return f"{theirs}: its conclusion does not hold here."


def typical_deviation(study: Study) -> float | None:
    """The deviation over seeds that a run has: the median of those runs that have several; None if none has."""
    deviations = [run.accuracy.deviation for run in study.runs if run.accuracy.deviation is not None]
    return statistics.median(deviations) if deviations else None


def effects_of(results: ExperimentResults, study: Study) -> list[Effect]:
    """The effect of each run of an experiment; none if what it is compared with is not finished."""
    reference = study.find(results.experiment.compared_with)
    if reference is None:
        return []
    typical = typical_deviation(study)
    return [_effect(run, reference, typical) for run in results.runs]


def _effect(run: RunResults, reference: RunResults, typical: float | None) -> Effect:
    published = None
    if run.run.published is not None and reference.run.published is not None:
        published = run.run.published.accuracy - reference.run.published.accuracy
    return Effect(
        run=run,
        reference=reference,
        difference=run.accuracy.mean - reference.accuracy.mean,
        margin=_margin((run.accuracy, reference.accuracy), typical),
        published=published,
    )


def _margin(sides: Sequence[Measured], typical: float | None) -> float | None:
    """Half the confidence interval of a difference of means.

    With several seeds on both sides this is Welch's interval. A side with a single seed is given the typical
    deviation, and the degrees of freedom of the other side.

    Reference:
        Welch, "The generalization of Student's problem when several different population variances are involved",
        1947.
    """
    deviations = [side.deviation if side.deviation is not None else typical for side in sides]
    if any(deviation is None for deviation in deviations):
        return None
    parts = [(deviation or 0.0) ** 2 / side.count for side, deviation in zip(sides, deviations, strict=True)]
    total = sum(parts)
    if total == 0.0:
        return 0.0
    weights = [part**2 / max(side.count - 1, 1) for part, side in zip(parts, sides, strict=True) if side.count > 1]
    freedom = total**2 / sum(weights) if weights and sum(weights) > 0 else math.inf
    return float(student_t.ppf((1 + _CONFIDENCE) / 2, freedom)) * math.sqrt(total)
