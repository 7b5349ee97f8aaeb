"""Pictures that may be published, colored by the shipped models, as the content of image files."""

from collections.abc import Iterator

import numpy as np

from photochrom.lab.datasets import Pairs
from photochrom.lab.models import ColorizationModel, DistributionModel
from photochrom.lab.report._examples import example_pairs, public_portrait
from photochrom.lab.report._figures import picture_columns, reliability, to_jpeg
from photochrom.lab.report._models import Showcase
from photochrom.lab.training import predict, predict_confidence, predict_variants
from photochrom.tensors import GrayPictures, RgbPictures

_VARIANTS = 4
_FACES_WITH_VARIANTS = 3
"""The last public faces: two synthetic ones and that of the portrait."""


def model_figures(shipped: Showcase) -> Iterator[tuple[str, bytes]]:
    """The figures of the section on shipped models; none if there is no model.

    Yields:
        File name and content: `shipped-faces.jpg` and `shipped-portrait.jpg` with all models and the truth; for each
        model that gives probabilities `shipped-NAME-variants.jpg`, and `shipped-NAME-reliability.svg` if its confidence
        was measured.
    """
    if not shipped.models:
        return
    faces = example_pairs("public", "synthetic")
    yield "shipped-faces.jpg", _all_models(shipped, faces)
    yield "shipped-portrait.jpg", _all_models(shipped, public_portrait())
    few = faces.take(range(len(faces) - _FACES_WITH_VARIANTS, len(faces)))
    for results in shipped.models:
        if isinstance(results.model, DistributionModel):
            yield f"shipped-{results.name}-variants.jpg", _variants(results.model, few.gray)
        if results.states_confidence:
            yield f"shipped-{results.name}-reliability.svg", reliability(results)


def _all_models(shipped: Showcase, pairs: Pairs) -> bytes:
    """Gray input, the color of each model, and the truth."""
    guesses = {results.name: predict(results.model, pairs.gray) for results in shipped.models}
    return to_jpeg(picture_columns({"gray": _as_rgb(pairs.gray), **guesses, "truth": pairs.truth}))


def _variants(model: ColorizationModel, gray: GrayPictures) -> bytes:
    """Gray input, several variants, and the confidence in the default one: black is 0, white is 1."""
    guesses = predict_variants(model, gray, _VARIANTS)
    variants = {f"variant {number}": guess for number, guess in enumerate(guesses, start=1)}
    stated = predict_confidence(model, gray)
    return to_jpeg(picture_columns({"gray": _as_rgb(gray), **variants, "confidence": _as_rgb(stated)}))


def _as_rgb(gray: GrayPictures) -> RgbPictures:
    return np.repeat(gray[..., None], 3, axis=3)
