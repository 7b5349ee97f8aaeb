"""The effect of each change: how large, how certain, and whether the study's conclusion holds."""

from dataclasses import dataclass

from photochrom.lab.report._results import ExperimentResults, Findings, RunResults
from photochrom.lab.runs import Difference, difference_between, pooled_spread

NEGLIGIBLE = 0.005
"""A smaller difference in accuracy counts as none, however certain it is."""


@dataclass(frozen=True)
class Effect:
    """The difference in accuracy that a change makes.

    Attributes:
        found: The accuracy of the run minus that of the reference.
    """

    run: RunResults
    reference: RunResults
    found: Difference

    @property
    def published(self) -> float | None:
        """The difference in the study; None if it printed none."""
        run, reference = self.run.run.published, self.reference.run.published
        return None if run is None or reference is None else run.accuracy - reference.accuracy

    def sentence(self) -> str:
        """The difference in words, and whether the study's conclusion holds."""
        return f"{self._ours()} {self._against_the_study()}".strip()

    def _ours(self) -> str:
        names = f"{self.run.run.label} against {self.reference.run.label}"
        if self.found.margin is None:
            return f"{names}: {self.found.mean:+.4f} accuracy; without seeds that differ its spread is unknown."
        verdict = "beyond the noise" if self.found.is_beyond_noise else "within the noise"
        return f"{names}: {self.found.mean:+.4f} ± {self.found.margin:.4f} accuracy, {verdict}."

    def _against_the_study(self) -> str:
        if self.run.run.expected is None:
            return ""
        printed = "" if self.published is None else f" ({self.published:+.4f})"
        return f"The study found it {self.run.run.expected}{printed}: {self._judgement()}."

    def _judgement(self) -> str:
        """Whether the study's conclusion holds here."""
        expected, found = self.run.run.expected, self.found
        if found.margin is None:
            return "without seeds that differ nothing can be told"
        if expected == "same":
            holds = not found.is_beyond_noise or abs(found.mean) < NEGLIGIBLE
        elif not found.is_beyond_noise:
            if self.published is not None and abs(self.published) > found.margin:
                return "an effect of that size is not seen here"
            return "no such effect can be told from the noise here"
        else:
            holds = (found.mean > 0) == (expected == "better")
        return "that holds here" if holds else "that does not hold here"


def effects_of(results: ExperimentResults, findings: Findings) -> list[Effect]:
    """The effect of each run of an experiment but its reference; empty if that is not finished."""
    reference = findings.find(results.experiment.compared_with)
    if reference is None:
        return []
    others = [run for run in results.runs if run.key != reference.key]
    spread = pooled_spread(findings.of_study if results.experiment.in_study else (reference, *others))
    return [Effect(run, reference, difference_between(run, reference, spread=spread)) for run in others]
