"""How much is lost in a small code?"""

from photochrom.lab.experiments._catalogue import register
from photochrom.lab.experiments._experiment import PREFERENCE, Experiment, Run


@register
def autoencoder() -> Experiment:
    """How much is lost in a small code?"""
    return Experiment(
        title="Auto-encoder",
        question="How much is lost when everything must pass through a small code?",
        compared_with="more_kernels/channels-16-tanh",
        runs=(Run("autoencoder", "auto-encoder", PREFERENCE.varied(model="autoencoder")),),
    )
