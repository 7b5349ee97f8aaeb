"""Does a smaller kernel see enough?"""

from photochrom.lab.experiments._catalogue import register
from photochrom.lab.experiments._experiment import BASELINE, Experiment, Published, Run


@register
def kernel_size() -> Experiment:
    """Does a smaller kernel see enough?"""
    return Experiment(
        title="Kernel size",
        question="Does a smaller kernel see enough?",
        section="1.2",
        compared_with="baseline/default",
        claim="Kernels of 3 converge in fewer epochs than kernels of 5 and end a little lower.",
        runs=(
            Run(
                "kernel-3",
                "kernel_size 3",
                BASELINE.varied(hyperparameters={"kernel_size": 3}),
                Published(accuracy=0.70657, mse=0.01067, epochs=41),
                expected="worse",
            ),
        ),
    )
