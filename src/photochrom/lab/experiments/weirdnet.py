"""Do parallel branches of different width help?"""

from photochrom.lab.experiments._catalogue import register
from photochrom.lab.experiments._experiment import PREFERENCE, Experiment, Published, Run


@register
def weirdnet() -> Experiment:
    """Do parallel branches of different width help?"""
    return Experiment(
        title="Weird-Net",
        question="Do parallel branches of different width beat the best plain network?",
        section="5.2",
        compared_with="more_kernels/channels-16-tanh",
        claim="Weird-Net lies between the best plain network and the U-Net.",
        runs=(
            Run(
                "weirdnet",
                "Weird-Net",
                PREFERENCE.varied(model="weirdnet"),
                Published(accuracy=0.76142, mse=0.00822, epochs=99),
                expected="better",
            ),
        ),
    )
