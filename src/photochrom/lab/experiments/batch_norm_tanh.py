"""Do batch normalization and a final tanh help?"""

from photochrom.lab.experiments._catalogue import register
from photochrom.lab.experiments._experiment import PREFERENCE, Experiment, Published, Run

_BATCH_NORM = (
    "The study's program also normalized after the last convolution, and validated with each batch's own statistics; "
    "here the output is not normalized, and validation uses the running ones."
)


@register
def batch_norm_tanh() -> Experiment:
    """Do batch normalization and a final tanh help?"""
    return Experiment(
        title="Batch norm and tanh",
        question="Do batch normalization and a final tanh help the preferred network?",
        section="2.1, 2.2",
        compared_with="preference/preference",
        claim="Batch norm converges fast and ends far lower; tanh costs nothing and removes the cyan noise.",
        runs=(
            Run(
                "batch-norm",
                "batch_norm",
                PREFERENCE.varied(hyperparameters={"batch_norm": True}),
                Published(accuracy=0.64015, mse=0.01235, epochs=93),
                expected="worse",
                remark=_BATCH_NORM,
            ),
            Run(
                "tanh",
                "tanh",
                PREFERENCE.varied(hyperparameters={"final_tanh": True}),
                Published(accuracy=0.75435, mse=0.00840, epochs=100),
                expected="same",
            ),
            Run(
                "batch-norm-tanh",
                "batch_norm & tanh",
                PREFERENCE.varied(hyperparameters={"batch_norm": True, "final_tanh": True}),
                Published(accuracy=0.63520, mse=0.01249, epochs=98),
                expected="worse",
                remark=_BATCH_NORM,
            ),
        ),
    )
