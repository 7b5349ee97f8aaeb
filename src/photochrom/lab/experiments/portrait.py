"""How well are whole portraits colored, also in old photographs?"""

from photochrom.lab.experiments._catalogue import register
from photochrom.lab.experiments._experiment import DISTRIBUTION, Experiment, Run

_OLD_PHOTOS = DISTRIBUTION.varied(augmentation="photos", batch_size=32)


@register
def portrait() -> Experiment:
    """How well are whole portraits colored, also in old photographs?"""
    return Experiment(
        title="The portrait models",
        question="What do pictures that nobody owns suffice for, beside all pictures?",
        in_study=False,
        runs=(
            Run(
                "portrait",
                "all portraits",
                _OLD_PHOTOS.varied(
                    data="utkface_whole+8*cc0_portraits+4*congress_portraits", max_epochs=5, average=0.998
                ),
            ),
            Run(
                "portrait-cc0",
                "portraits in the public domain or CC0",
                _OLD_PHOTOS.varied(data="congress_portraits+5*cc0_portraits", max_epochs=30, average=0.99),
            ),
        ),
    )
