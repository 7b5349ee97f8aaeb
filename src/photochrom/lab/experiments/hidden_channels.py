"""Do more kernels improve the color?"""

from photochrom.lab.experiments._catalogue import register
from photochrom.lab.experiments._experiment import BASELINE, Experiment, Published, Run


@register
def hidden_channels() -> Experiment:
    """Do more kernels improve the color?"""
    return Experiment(
        title="Number of kernels",
        question="Do more kernels make better color?",
        section="1.3",
        compared_with="baseline/default",
        claim="Eight kernels are more accurate than four, and need fewer epochs.",
        runs=(
            Run(
                "channels-8",
                "#kernel 8",
                BASELINE.varied(hyperparameters={"hidden_channels": 8}),
                Published(accuracy=0.72307, mse=0.01012, epochs=49),
                expected="better",
            ),
        ),
    )
