"""What the product makes of whole photos, as rows of a table."""

from dataclasses import dataclass
from typing import Any

from photochrom import shipped
from photochrom.lab.evaluation import read_photo_evaluations

_FILE = "photos.json"
"""Beside the weights, written by `photochrom evaluate --photos SET --model NAME --json FILE`."""


@dataclass(frozen=True)
class PhotoRow:
    """The figures of a model on a set of photos, or on one part of them.

    Attributes:
        model: For whole photos.
        photos: The set and its split; for a part, its name alone.
        is_part: Whether it is a part such as the skin.
        figures: By the names of `photochrom.lab.evaluation.Figures`.
    """

    model: str
    photos: str
    is_part: bool
    figures: dict[str, Any]


def photo_rows() -> list[PhotoRow]:
    """The recorded evaluations of the product: by set, then by model, each followed by its parts.

    Raises:
        DataError: The file holds something else.
    """
    rows: list[PhotoRow] = []
    for one in sorted(
        read_photo_evaluations(shipped.WEIGHTS / _FILE), key=lambda one: (one["photos"], one["product"]["model"])
    ):
        model = one["product"]["model"]
        rows.append(PhotoRow(model, f"{one['photos']}, {one['split']}", False, one["overall"]))
        rows += [PhotoRow(model, part, True, figures) for part, figures in one["by_part"].items()]
    return rows
