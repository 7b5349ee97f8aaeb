"""How near can a network come that sees the whole face?"""

from photochrom.experiments._catalogue import register
from photochrom.experiments._experiment import Experiment, Run
from photochrom.training import TrainingConfig

__all__ = ["face"]

_ODDS = TrainingConfig(
    model="chroma_unet",
    loss="cross_entropy",
    optimizer="adamw",
    learning_rate=0.003,
    weight_decay=0.05,
    schedule="one_cycle",
    clip_norm=1.0,
    average=0.998,
    augmentation="faces",
    batch_size=64,
    stopping="patience",
    patience=1000,  # one cycle is one course: it ends where its step size has fallen to nothing
)


@register
def face() -> Experiment:
    """How near can a network come that sees the whole face?"""
    return Experiment(
        title="The face model",
        question="What do odds of chroma, context and more faces bring?",
        compared_with="more_kernels/channels-16-tanh",
        in_study=False,
        runs=(
            Run(
                "face",
                "U-Net with odds of chroma, study and UTKFace",
                _ODDS.varied(data="study+utkface", max_epochs=30, focus_epochs=14),
            ),
            Run(
                "study-alone",
                "the same, the study's faces alone",
                _ODDS.varied(data="study", max_epochs=12, average=0.99),
            ),
        ),
    )
