"""The effect of each change: how large, how certain, and whether the study's conclusion holds."""

from dataclasses import dataclass

from photochrom.lab.report._results import ExperimentResults, Findings, RunResults
from photochrom.lab.runs import Spread, difference_between, pooled_spread

NEGLIGIBLE = 0.005
"""A smaller difference in accuracy counts as none, however certain it is."""


@dataclass(frozen=True)
class Effect:
    """The difference in accuracy that a change makes.

    Attributes:
        difference: The mean accuracy of the run minus that of the reference.
        margin: Half the width of the 95 % confidence interval of the difference; None if no spread is known.
        published: The difference in the study; None if it printed none.
    """

    run: RunResults
    reference: RunResults
    difference: float
    margin: float | None
    published: float | None

    @property
    def is_beyond_noise(self) -> bool:
        """Whether the interval excludes zero."""
        return self.margin is not None and abs(self.difference) > self.margin

    def sentence(self) -> str:
        """The difference in words, and whether the study's conclusion holds."""
        return f"{self._ours()} {self._against_the_study()}".strip()

    def _ours(self) -> str:
        names = f"{self.run.run.label} against {self.reference.run.label}"
        if self.margin is None:
            return f"{names}: {self.difference:+.4f} accuracy; with single seeds alone its spread is unknown."
        verdict = "beyond the noise" if self.is_beyond_noise else "within the noise"
        return f"{names}: {self.difference:+.4f} ± {self.margin:.4f} accuracy, {verdict}."

    def _against_the_study(self) -> str:
        if self.run.run.expected is None:
            return ""
        printed = "" if self.published is None else f" ({self.published:+.4f})"
        return f"The study found it {self.run.run.expected}{printed}: {self._judgement()}."

    def _judgement(self) -> str:
        """Whether the study's conclusion holds here."""
        expected = self.run.run.expected
        if self.margin is None:
            return "single seeds cannot tell"
        if expected == "same":
            holds = not self.is_beyond_noise or abs(self.difference) < NEGLIGIBLE
        elif not self.is_beyond_noise:
            if self.published is not None and abs(self.published) > self.margin:
                return "an effect of that size is not seen here"
            return "no such effect can be told from the noise here"
        else:
            holds = (self.difference > 0) == (expected == "better")
        return "that holds here" if holds else "that does not hold here"


def effects_of(results: ExperimentResults, findings: Findings) -> list[Effect]:
    """The effect of each run of an experiment; empty if the reference is not finished."""
    reference = findings.find(results.experiment.compared_with)
    if reference is None:
        return []
    spread = pooled_spread(findings.runs)
    return [_effect(run, reference, spread) for run in results.runs]


def _effect(run: RunResults, reference: RunResults, spread: Spread | None) -> Effect:
    published = None
    if run.run.published is not None and reference.run.published is not None:
        published = run.run.published.accuracy - reference.run.published.accuracy
    found = difference_between(run, reference, spread=spread)
    return Effect(run, reference, found.mean, found.margin, published)
