"""The measures of one photo: it is read, colored and compared with the truth."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from photochrom.lab.evaluation._confidence import Confidence
from photochrom.lab.evaluation._frechet import FeatureReader
from photochrom.lab.evaluation._photo_files import PhotoFile, read_parts, read_truth
from photochrom.lab.evaluation._scenes import Scene, fog_values, shrunk, smaller_size
from photochrom.lab.metrics import FloatArray, colorfulness, is_within, to_lab
from photochrom.lab.skin_tone import skin_mask, tone_group, typology_angle

WHOLE = "whole"
"""The region that is the whole photo."""

FACE_SKIN = "face"
"""The region that is the skin of the face in a portrait."""

_MEASURED_PIXELS = 1_000_000
"""Larger photos are colored at full size, then shrunk to this many pixels before they are measured, to save memory."""

_PANEL_SIDE = 256
"""Maximum length, in pixels, of the longer side of a picture for a contact sheet."""

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


Colorize: TypeAlias = Callable[[bytes], Colored]
"""Colors the photo in the content of a file."""


@dataclass(frozen=True)
class Region:
    """The measures of a photo, or of a part of it.

    Attributes:
        values: By the name of the measure; NaN if the region shows nothing to measure.
    """

    share: float
    values: dict[str, float]
    confidence: Confidence


@dataclass(frozen=True)
class Panels:
    """A photo on a contact sheet.

    Attributes:
        error_ratio: Chroma error divided by that of the gray photo.
    """

    name: str
    error_ratio: float
    pictures: Pictures


@dataclass(frozen=True)
class MeasuredPhoto:
    """The measures of a photo and of its parts.

    Attributes:
        label: The group that the set assigns to it; None if it assigns none.
        tone: The skin tone; None if the photo is no portrait.
        regions: `whole`, and the photo's parts by name.
        features: Of the gray, the colored and the true photo; shape (3, channels).
        panels: For a contact sheet; None unless asked for.
    """

    label: str | None
    tone: str | None
    regions: dict[str, Region]
    features: FloatArray
    panels: Panels | None = None


def measure_photo(
    photo: PhotoFile, colorize: Colorize, reader: FeatureReader, with_panels: bool = False
) -> MeasuredPhoto:
    """Color the gray version of a photo from a file, as users do, and compare the result with the truth.

    Args:
        colorize: The product, or a substitute.
        with_panels: Whether to keep the pictures for a contact sheet.

    Raises:
        DataError: The photo or its mask cannot be read, or the photo is gray.
        PhotoError: The photo cannot be colored.
    """
    truth = read_truth(photo)
    gray = np.asarray(Image.fromarray(truth).convert("L"))
    content = io.BytesIO()
    Image.fromarray(gray).save(content, "PNG", compress_level=1)
    colored = colorize(content.getvalue())
    masks = read_parts(photo, gray.shape)
    size = smaller_size(gray.shape, (_MEASURED_PIXELS / gray.size) ** 0.5)
    truth, gray, rgb, sure = (shrunk(one, size) for one in (truth, gray, colored.rgb, colored.confidence))
    masks = {name: shrunk(mask, size) for name, mask in masks.items()}
    tone = None
    if photo.has_face_in_the_middle:
        tone = tone_group(float(typology_angle(truth[None])[0]))
        masks |= {FACE_SKIN: skin_mask(truth[None])[0]}
    pictures = (np.repeat(gray[..., None], 3, axis=2), rgb, truth)
    regions = measure_regions(pictures, sure, masks)
    panels = _panels(photo.name, regions[WHOLE], pictures) if with_panels else None
    return MeasuredPhoto(photo.label, tone, regions, reader.read(list(pictures)), panels)


def _panels(name: str, whole: Region, pictures: Pictures) -> Panels:
    size = pictures[0].shape[:2]
    gray, colored, true = (shrunk(picture, smaller_size(size, _PANEL_SIDE / max(size))) for picture in pictures)
    return Panels(name, whole.values["chroma_error"] / whole.values["gray_chroma_error"], (gray, colored, true))


def measure_regions(
    pictures: Pictures, confidence: npt.NDArray[np.uint8], masks: Mapping[str, Mask]
) -> dict[str, Region]:
    """The measures of a photo and of its parts.

    Args:
        pictures: The gray, the colored and the true photo; each of shape (height, width, 3).
        confidence: 255 for certainty; shape (height, width).
        masks: Of each part; shape (height, width). Parts that the photo does not show are left out.
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
    """The measures of each pixel; each of shape (height, width)."""
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
