"""The study's default network, which its controlled experiments vary."""

from photochrom.lab.experiments._catalogue import register
from photochrom.lab.experiments._experiment import BASELINE, Experiment, Published, Run


@register
def baseline() -> Experiment:
    """Where do we start?"""
    return Experiment(
        title="Baseline",
        question="How good is a shallow network with few kernels?",
        section="1",
        runs=(Run("default", "default", BASELINE, Published(accuracy=0.71211, mse=0.01052, epochs=65)),),
    )
