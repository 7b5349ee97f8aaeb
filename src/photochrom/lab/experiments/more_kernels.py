"""The study's best configuration: more kernels still, with tanh."""

from photochrom.lab.experiments._catalogue import register
from photochrom.lab.experiments._experiment import PREFERENCE, Experiment, Published, Run


@register
def more_kernels() -> Experiment:
    """Do still more kernels help?"""
    return Experiment(
        title="16 kernels with tanh",
        question="Do 16 kernels beat 8 once tanh keeps the output in range?",
        section="2.3, 3",
        compared_with="batch_norm_tanh/tanh",
        claim="Sixteen kernels with tanh are the study's best configuration.",
        runs=(
            Run(
                "channels-16-tanh",
                "tanh & #kernel 16",
                PREFERENCE.varied(hyperparameters={"hidden_channels": 16, "final_tanh": True}),
                Published(accuracy=0.75830, mse=0.00829, epochs=94),
                expected="better",
            ),
        ),
    )
