"""How accurate is a network that sees the whole face?"""

from photochrom.lab.experiments._catalogue import register
from photochrom.lab.experiments._experiment import DISTRIBUTION, Experiment, Run

_FACES = DISTRIBUTION.varied(average=0.998, augmentation="faces", batch_size=64)


@register
def face() -> Experiment:
    """How accurate is a network that sees the whole face?"""
    return Experiment(
        title="The face model",
        question="What do probabilities of chroma, context and more faces bring?",
        compared_with="more_kernels/channels-16-tanh",
        in_study=False,
        runs=(
            Run(
                "face",
                "U-Net with probabilities of chroma, study and UTKFace",
                _FACES.varied(data="study+utkface", max_epochs=30, focus_epochs=14),
            ),
            Run(
                "encoded",
                "the same faces, on an encoder pretrained on ImageNet",
                _FACES.varied(
                    data="study+utkface",
                    model="scene_unet",
                    hyperparameters={"decoding": "within"},
                    initial_weights="imagenet",
                    learning_rate=0.002,
                    weight_decay=0.02,
                    frozen_epochs=6,
                    max_epochs=13,
                    focus_epochs=2,
                    tuned_stride=16,
                    tuning_rate=0.35,
                    encoder_rate=0.3,
                    compiled=True,
                ),
            ),
            Run(
                "study-alone",
                "the same, the study's faces alone",
                _FACES.varied(data="study", max_epochs=12, average=0.99),
            ),
        ),
    )
