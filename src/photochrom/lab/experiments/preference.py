"""The best of the controlled experiments put together."""

from photochrom.lab.experiments._catalogue import register
from photochrom.lab.experiments._experiment import PREFERENCE, Experiment, Published, Run


@register
def preference() -> Experiment:
    """The best of the controlled experiments put together."""
    return Experiment(
        title="Our preference",
        question="Do the best settings of the controlled experiments add up?",
        section="1.4",
        compared_with="baseline/default",
        claim="Eight kernels with the large rate are the best of the baseline, in fewer epochs.",
        runs=(
            Run(
                "preference",
                "our preference",
                PREFERENCE,
                Published(accuracy=0.75580, mse=0.00838, epochs=51),
                expected="better",
            ),
        ),
    )
