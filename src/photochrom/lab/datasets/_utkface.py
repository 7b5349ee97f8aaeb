"""The files of UTKFace, which two data sets crop differently."""

import re
from dataclasses import replace
from pathlib import Path

from photochrom.lab.datasets._pairs import UNLABELED, Pairs, Split
from photochrom.lab.datasets._published import PictureCollection, pictures_called

_FILE_NAME = re.compile(r"\d{1,3}_\d.*\.chip\.jpg")
_AGE_GENDER_RACE = re.compile(r"\d{1,3}_[01]_([0-4])_.*")
_RACES = ("White", "Black", "Asian", "Indian", "other")


class UTKFaceFiles(PictureCollection):
    """UTKFace, aligned and cropped to 200x200; labels are the races that its file names state.

    A name reads `age_gender_race_date`; where a field is missing, the label is `unknown`. The labels were estimated
    by a program and checked by people, the publishers say; they serve to see whether a network is worse for a group.

    Reference:
        Zhang, Song and Qi 2017, "Age Progression/Regression by Conditional Adversarial Autoencoder";
        https://susanqq.github.io/UTKFace/, for non-commercial research only.
    """

    collection = "utkface"
    source = "https://susanqq.github.io/UTKFace/ (aligned and cropped faces)"
    rights = "non-commercial research"
    digest = "02b725827688a53fa387911fc5114e5f0f70cf04fc0238e904b6c067c0287d75"
    val_share = 0.0235
    test_share = 0.047
    has_faces_in_the_middle = True

    def members(self, folder: Path) -> dict[str, Path]:
        """The aligned faces, of the folder that holds the most."""
        return pictures_called(_FILE_NAME, folder)

    def label(self, picture: Path) -> str | None:
        """The race that the name of a file states."""
        return _label(picture.name)

    def split(self, split: Split) -> Pairs:
        """The pairs of one split, labeled."""
        pairs = super().split(split)
        return replace(pairs, labels=tuple(map(_label, pairs.names)))


def _label(name: str) -> str:
    match = _AGE_GENDER_RACE.fullmatch(name)
    return _RACES[int(match[1])] if match else UNLABELED
