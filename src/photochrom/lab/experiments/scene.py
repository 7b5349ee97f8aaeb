"""How well are whole scenes colored: people of all sizes in rooms, streets and landscapes?"""

from photochrom.lab.experiments._catalogue import register
from photochrom.lab.experiments._experiment import DISTRIBUTION, Experiment, Run

_SCENES = DISTRIBUTION.varied(
    model="scene_unet",
    initial_weights="imagenet",
    augmentation="scenes",
    doubling_chroma=60.0,
    learning_rate=0.002,
    weight_decay=0.02,
    average=0.999,
    tuning_rate=0.25,
    encoder_rate=0.3,
    select_by="loss",
    compiled=True,
)


@register
def scene() -> Experiment:
    """How well are whole scenes colored: people of all sizes in rooms, streets and landscapes?"""
    return Experiment(
        title="The scene models",
        question="What do photos that anybody may use suffice for, beside all photos?",
        in_study=False,
        runs=(
            Run(
                "scene",
                "all photos",
                _SCENES.varied(
                    data="flickr8k+lsp+ccp+imagenet_samples+open_photos+0.2*utkface_whole"
                    "+3*cc0_portraits+congress_portraits",
                    frozen_epochs=11,
                    max_epochs=15,
                ),
            ),
            Run(
                "scene-open",
                "photos that anybody may use",
                _SCENES.varied(data="open_photos+3*cc0_portraits+congress_portraits", frozen_epochs=24, max_epochs=24),
            ),
        ),
    )
