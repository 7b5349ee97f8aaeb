"""Do more convolutions improve the color?"""

from photochrom.lab.experiments._catalogue import register
from photochrom.lab.experiments._experiment import BASELINE, Experiment, Published, Run


@register
def num_layers() -> Experiment:
    """Do more convolutions improve the color?"""
    return Experiment(
        title="Number of convolution layers",
        question="Do more convolutions make better color?",
        section="1.1",
        compared_with="baseline/default",
        claim="Four layers gain a little accuracy over two, at the price of more epochs: not worth it.",
        runs=(
            Run(
                "layers-4",
                "#conv_layer 4",
                BASELINE.varied(hyperparameters={"num_layers": 4}),
                Published(accuracy=0.71619, mse=0.01008, epochs=98),
                expected="better",
                remark="The study's program used one middle layer twice, with shared weights; here each is its own.",
            ),
            Run("layers-1", "#conv_layer 1", BASELINE.varied(hyperparameters={"num_layers": 1})),
        ),
    )
