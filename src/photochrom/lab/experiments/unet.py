"""Do skip connections help, with and without pooling?"""

from photochrom.lab.experiments._catalogue import register
from photochrom.lab.experiments._experiment import PREFERENCE, Experiment, Published, Run


@register
def unet() -> Experiment:
    """Do skip connections help, with and without pooling?"""
    return Experiment(
        title="U-Net",
        question="Does a U-Net beat the best plain network?",
        section="5.1",
        compared_with="more_kernels/channels-16-tanh",
        claim="A U-Net gains 0.01 accuracy over the best plain network.",
        runs=(
            Run(
                "unet-flat",
                "U-Net (the program's, flat)",
                PREFERENCE.varied(model="unet_flat"),
                Published(accuracy=0.76582, mse=0.00807, epochs=87),
                expected="better",
            ),
            Run(
                "unet-adamw",
                "U-Net (as described), AdamW",
                PREFERENCE.varied(model="unet", optimizer="adamw", learning_rate=0.002),
                expected="better",
                remark="The network of the study's text, with another optimizer, as its outlook asks. In a trial plain "
                "SGD had come to 0.698 after 8 epochs, AdamW to 0.762 (docs/log.md).",
            ),
        ),
    )
