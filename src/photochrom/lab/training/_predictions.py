"""Predictions of a network, and their figures."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from photochrom.color import cast_with_wraparound, share_out_of_range, to_signed, to_uint8
from photochrom.errors import ConfigError
from photochrom.lab.datasets import Pairs
from photochrom.lab.metrics import accuracy_within, colorfulness, mean_squared_error
from photochrom.lab.models import ColorizationModel, DistributionModel
from photochrom.lab.training._objective import Objective
from photochrom.tensors import GrayBatch, GrayPictures, RgbBatch, RgbPictures

BATCH_SIZE = 20


def gray_batch(pictures: GrayPictures) -> GrayBatch:
    """Gray pictures as input of a network: signed, with a channel axis."""
    return to_signed(pictures)[:, None]


def rgb_batch(pictures: RgbPictures) -> RgbBatch:
    """Color pictures as output of a network: signed and channels first, but channels-last in memory."""
    return to_signed(pictures).permute(0, 3, 1, 2)


def require_large_enough(model: nn.Module, gray: GrayPictures) -> None:
    """Check that a network can color pictures of this size.

    Args:
        gray: Shape (count, height, width).

    Raises:
        ConfigError: They are too small for it.
    """
    height, width = gray.shape[1:]
    if isinstance(model, ColorizationModel) and min(height, width) < model.least_side:
        raise ConfigError(
            f"{model.catalogue_name} with {model.hyperparameters} needs pictures of at least "
            f"{model.least_side}x{model.least_side}, not {width}x{height}"
        )


def _batches(gray: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """The place of each batch, and the batch as input of a network."""
    for start in range(0, len(gray), BATCH_SIZE):
        place = slice(start, start + BATCH_SIZE)
        yield place, gray_batch(gray[place])


def _signed_predictions(model: nn.Module, gray: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """The place of each batch, and its predictions, signed, shape (batch, 3, height, width)."""
    require_large_enough(model, gray)
    model.eval()
    with torch.no_grad():
        for place, batch in _batches(gray):
            yield place, model(batch).float()


def predict_signed(model: nn.Module, gray: GrayPictures) -> RgbBatch:
    """The raw output of a network for gray pictures.

    Args:
        gray: Shape (count, height, width), uint8.

    Returns:
        Shape (count, 3, height, width), signed, on the CPU; a network without a final tanh may leave [-1, 1].
    """
    device = next(model.parameters()).device
    return torch.cat([prediction.cpu() for _, prediction in _signed_predictions(model, gray.to(device))])


def predict(model: nn.Module, gray: GrayPictures) -> RgbPictures:
    """The color of gray pictures.

    Args:
        gray: Shape (count, height, width), uint8, a numpy array.

    Returns:
        Shape (count, height, width, 3), uint8, a numpy array.
    """
    return to_uint8(predict_signed(model, torch.from_numpy(gray))).permute(0, 2, 3, 1).numpy()


def predict_variants(model: nn.Module, gray: GrayPictures, count: int) -> list[RgbPictures]:
    """The color that `predict` gives, then other colorings of gray pictures.

    Args:
        gray: Shape (pictures, height, width), uint8, a numpy array.

    Returns:
        `count` arrays of shape (pictures, height, width, 3), uint8.
    """
    network = _require_probabilities(model)
    batches = [network.variants(batch, count) for batch in _gray_batches(model, gray)]
    return [
        to_uint8(torch.cat([batch[place] for batch in batches])).permute(0, 2, 3, 1).cpu().numpy()
        for place in range(count)
    ]


def predict_confidence(model: nn.Module, gray: GrayPictures) -> GrayPictures:
    """The confidence of a network in its color, for each pixel.

    Args:
        gray: Shape (count, height, width), uint8, a numpy array.

    Returns:
        Same shape, uint8: the stated probability that red and blue are within 12 levels of the truth, their mean; 255
        for certainty.
    """
    network = _require_probabilities(model)
    probabilities = torch.cat([network.confidence(batch) for batch in _gray_batches(model, gray)])
    return (probabilities[:, 0] * 255.0).round().to(torch.uint8).cpu().numpy()


def _require_probabilities(model: nn.Module) -> DistributionModel:
    if not isinstance(model, DistributionModel):
        raise ConfigError("this network gives one color and no probabilities: it has neither variants nor a confidence")
    return model


def _gray_batches(model: nn.Module, gray: GrayPictures) -> Iterator[GrayBatch]:
    """Batches on the network's device; sets evaluation mode and turns gradients off."""
    model.eval()
    with torch.no_grad():
        for _, batch in _batches(torch.from_numpy(gray).to(next(model.parameters()).device)):
            yield batch


def score(model: nn.Module, objective: Objective, gray: GrayPictures, color: RgbPictures) -> dict[str, float]:
    """The figures of a network after an epoch.

    Args:
        gray: Shape (count, height, width), uint8, on the network's device.
        color: Shape (count, height, width, 3), uint8, on the network's device.

    Returns:
        `loss`, `mse` (on signed values) and `accuracy` (within 12 of 255 levels), each a mean over pictures; 0 if there
        are none.
    """
    sums = {"loss": 0.0, "mse": 0.0, "accuracy": 0.0}
    model.eval()
    with torch.no_grad():
        for place, batch in _batches(gray):
            truth = color[place]
            target = rgb_batch(truth)
            answer = objective.answer(model, batch).float()
            prediction = objective.color(batch, answer)
            sums["loss"] += float(objective.loss(answer, target)) * len(truth)
            sums["mse"] += mean_squared_error(prediction, target) * len(truth)
            sums["accuracy"] += accuracy_within(to_uint8(prediction).permute(0, 2, 3, 1), truth) * len(truth)
    return {name: total / max(len(gray), 1) for name, total in sums.items()}


@dataclass(frozen=True)
class Evaluation:
    """The figures of a network's color, each a mean over pictures.

    Attributes:
        accuracy: Share of channel values within 12 of 255 levels.
        mse: Mean squared error of signed values.
        colorfulness: Mean colorfulness of the predictions.
        true_colorfulness: Mean colorfulness of the truth.
        share_out_of_range: Share of raw output values outside [-1, 1].
        accuracy_with_wraparound: The accuracy if pictures are made with the study's cast, which wraps around.
    """

    accuracy: float
    mse: float
    colorfulness: float
    true_colorfulness: float
    share_out_of_range: float
    accuracy_with_wraparound: float


def evaluate(model: nn.Module, pairs: Pairs) -> Evaluation:
    """The figures of a network on pictures with known color."""
    device = next(model.parameters()).device
    truth = torch.from_numpy(pairs.truth)
    sums = dict.fromkeys(Evaluation.__dataclass_fields__, 0.0)
    for place, on_device in _signed_predictions(model, torch.from_numpy(pairs.gray).to(device)):
        prediction, target = on_device.cpu(), truth[place]
        pictures = to_uint8(prediction).permute(0, 2, 3, 1)
        wrapped = cast_with_wraparound(prediction).permute(0, 2, 3, 1)
        figures = {
            "accuracy": accuracy_within(pictures, target),
            "mse": mean_squared_error(prediction, rgb_batch(target)),
            "colorfulness": colorfulness(pictures),
            "true_colorfulness": colorfulness(target),
            "share_out_of_range": share_out_of_range(prediction),
            "accuracy_with_wraparound": accuracy_within(wrapped, target),
        }
        for name, value in figures.items():
            sums[name] += value * len(target)
    return Evaluation(**{name: total / len(pairs) for name, total in sums.items()})
