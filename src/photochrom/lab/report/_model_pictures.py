"""What the models that come with the package make of pictures that may be published, as image files' bytes."""

from collections.abc import Iterator

import numpy as np

from photochrom.lab.datasets import Pairs
from photochrom.lab.models import ColorizationModel, DistributionModel
from photochrom.lab.report._examples import example_pairs, public_portrait
from photochrom.lab.report._figures import reliability, side_by_side, to_jpeg
from photochrom.lab.report._models import Showcase
from photochrom.lab.training import predict, predict_confidence, predict_variants
from photochrom.tensors import GrayPictures, RgbPictures

__all__ = ["model_figures"]

_VARIANTS = 4
_FACES_WITH_VARIANTS = 3
"""The last of the public faces: the portrait's, and two that were drawn."""


def model_figures(shipped: Showcase) -> Iterator[tuple[str, bytes]]:
    """The figures of the section on shipped models, by file name; none if there is no model.

    Yields:
        `shipped-faces.jpg` and `shipped-portrait.jpg`, all models beside the truth; for each model that gives
        probabilities `shipped-NAME-variants.jpg`, and `shipped-NAME-reliability.svg` if its confidence was measured.
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
    return to_jpeg(side_by_side({"gray": _as_rgb(pairs.gray), **guesses, "truth": pairs.truth}))


def _variants(model: ColorizationModel, gray: GrayPictures) -> bytes:
    """Gray input, several guesses, and how sure the model is of its default one: black is 0, white is 1."""
    guesses = predict_variants(model, gray, _VARIANTS)
    variants = {f"variant {number}": guess for number, guess in enumerate(guesses, start=1)}
    stated = predict_confidence(model, gray)
    return to_jpeg(side_by_side({"gray": _as_rgb(gray), **variants, "confidence": _as_rgb(stated)}))


def _as_rgb(gray: GrayPictures) -> RgbPictures:
    return np.repeat(gray[..., None], 3, axis=3)
