"""One photo, from file to colors and to its measures."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from photochrom.lab.evaluation._confidence import Confidence
from photochrom.lab.evaluation._frechet import FeatureReader
from photochrom.lab.evaluation._photo_files import PhotoFile, read_parts, read_truth
from photochrom.lab.evaluation._scenes import Scene, fog_values, shrunk
from photochrom.lab.metrics import FloatArray, colorfulness, is_within, to_lab
from photochrom.lab.skin_tone import skin_mask, tone_group, typology_angle

__all__ = ["FACE_SKIN", "WHOLE", "Colored", "Colors", "MeasuredPhoto", "Region", "measure_photo", "measure_regions"]

WHOLE = "whole"
"""The region that is the whole photo."""

FACE_SKIN = "face"
"""The region of photos that a face fills which is its skin."""

_MEASURED_PIXELS = 1_000_000
"""Photos of more are shrunk before they are measured, after they were colored: memory stays small."""

Mask = npt.NDArray[np.bool_]
Rgb = npt.NDArray[np.uint8]

Pictures = tuple[Rgb, Rgb, Rgb]
"""The gray, the colored and the true photo; each of shape (height, width, 3)."""


class Colored(Protocol):
    """A colored photo, such as `photochrom.coloring.Result`."""

    @property
    def rgb(self) -> npt.NDArray[Any]:
        """Shape (height, width, 3), uint8."""

    @property
    def confidence(self) -> npt.NDArray[np.uint8]:
        """255 for certainty; shape (height, width)."""


class Colors(Protocol):
    """What colors photos, such as `photochrom.coloring.Colorizer`."""

    def colorize(self, source: bytes, /) -> Colored:
        """Color the photo in a file's content."""


@dataclass(frozen=True)
class Region:
    """The measures of a photo, or of a part of it.

    Attributes:
        share: Of the photo's pixels, that are in the region.
        values: One for each measure; NaN where the region shows nothing that could be measured.
        confidence: What the confidence map says there, and what came true.
    """

    share: float
    values: dict[str, float]
    confidence: Confidence


@dataclass(frozen=True)
class MeasuredPhoto:
    """All that is kept of a photo.

    Attributes:
        name: Of the photo in its set.
        label: What the set says of it; None if it says nothing.
        tone: Its group of skin tone; None if it need not show a face.
        regions: `whole`, and the photo's parts by name.
        features: Of the gray, the colored and the true photo; shape (3, channels).
        panels: The gray, the colored and the true photo for a contact sheet; None if they were not asked for.
    """

    name: str
    label: str | None
    tone: str | None
    regions: dict[str, Region]
    features: FloatArray
    panels: Pictures | None = None


def measure_photo(
    photo: PhotoFile, colors: Colors, reader: FeatureReader, panel_side: int | None = None
) -> MeasuredPhoto:
    """Color a photo's gray version as the product colors a file, and compare the result with the truth.

    Args:
        photo: A photo in color.
        colors: The product, or what stands for it.
        reader: Reads features.
        panel_side: The longer side of panels for a contact sheet; None if it does not show this photo.

    Raises:
        DataError: The photo or its mask cannot be read, or the photo is gray.
        PhotoError: It cannot be colored.
    """
    truth = read_truth(photo)
    gray = np.asarray(Image.fromarray(truth).convert("L"))
    colored = colors.colorize(_png(gray))
    masks = read_parts(photo, gray.shape)
    size = _measured_size(gray.shape)
    truth, gray, rgb, sure = (shrunk(one, size) for one in (truth, gray, colored.rgb, colored.confidence))
    masks = {name: shrunk(mask, size) for name, mask in masks.items()}
    tone = None
    if photo.has_face_in_the_middle:
        tone = tone_group(float(typology_angle(truth[None])[0]))
        masks |= {FACE_SKIN: skin_mask(truth[None])[0]}
    pictures = (np.repeat(gray[..., None], 3, axis=2), rgb, truth)
    return MeasuredPhoto(
        photo.name,
        photo.label,
        tone,
        measure_regions(pictures, sure, masks),
        reader.read(list(pictures)),
        None if panel_side is None else _panels(pictures, panel_side),
    )


def _png(gray: Rgb) -> bytes:
    content = io.BytesIO()
    Image.fromarray(gray).save(content, "PNG", compress_level=1)
    return content.getvalue()


def _measured_size(size: tuple[int, int]) -> tuple[int, int]:
    share = min(1.0, (_MEASURED_PIXELS / (size[0] * size[1])) ** 0.5)
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def _panels(pictures: Pictures, side: int) -> Pictures:
    gray, colored, true = (shrunk(picture, _fitting(picture.shape[:2], side)) for picture in pictures)
    return gray, colored, true


def _fitting(size: tuple[int, int], side: int) -> tuple[int, int]:
    share = min(1.0, side / max(size))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def measure_regions(
    pictures: Pictures, confidence: npt.NDArray[np.uint8], masks: Mapping[str, Mask]
) -> dict[str, Region]:
    """The measures of a photo and of its parts.

    Args:
        pictures: The gray, the colored and the true photo; each of shape (height, width, 3).
        confidence: 255 for certainty; shape (height, width).
        masks: Where each part is; shape (height, width), bool. A part that the photo does not show is left out.
    """
    gray, colored, truth = pictures
    maps = _maps(gray, colored, truth)
    red_and_blue = is_within(colored, truth)[..., [0, 2]].mean(axis=-1)
    scene = Scene.of(to_lab(truth))
    labs = {"": scene.seen(to_lab(colored)), "true_": scene.seen(to_lab(truth))}
    regions = {}
    for name, mask in {WHOLE: np.ones(confidence.shape, np.bool_), **masks}.items():
        if not mask.any():
            continue
        values = {measure: float(each[mask].mean()) for measure, each in maps.items()}
        with np.errstate(divide="ignore"):
            values["peak_signal_to_noise"] = float(10.0 * np.log10(255.0**2 / np.float64(values.pop("squared_error"))))
        values["colorfulness"] = colorfulness(colored[mask][None])
        values["true_colorfulness"] = colorfulness(truth[mask][None])
        where = shrunk(mask, scene.size)
        for prefix, lab in labs.items():
            values |= {f"{prefix}{measure}": value for measure, value in fog_values(scene, lab, where).items()}
        regions[name] = Region(float(mask.mean()), values, Confidence.of(confidence[mask], red_and_blue[mask]))
    return regions


def _maps(gray: Rgb, colored: Rgb, truth: Rgb) -> dict[str, FloatArray]:
    """What is measured pixel by pixel; each of shape (height, width)."""
    from skimage.color import deltaE_ciede2000

    lab, true_lab = to_lab(colored), to_lab(truth)
    error = lab - true_lab
    return {
        "chroma_error": np.hypot(error[..., 1], error[..., 2]),
        "gray_chroma_error": np.hypot(true_lab[..., 1], true_lab[..., 2]),
        "color_difference": deltaE_ciede2000(lab, true_lab),  # type: ignore[no-untyped-call]
        "accuracy": is_within(colored, truth).mean(axis=-1),
        "squared_error": ((colored.astype(np.float32) - truth) ** 2).mean(axis=-1),
        "lightness_moved": np.abs(lab[..., 0] - to_lab(gray)[..., 0]),
        "lightness_error": error[..., 0],
        "red_error": error[..., 1],
        "yellow_error": error[..., 2],
    }
