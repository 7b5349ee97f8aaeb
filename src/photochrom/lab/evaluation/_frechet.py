"""How far colored photos are from true ones as a set, seen through an encoder that knows ImageNet."""

import numpy as np
import torch

from photochrom.coloring.resampling import resized
from photochrom.lab.metrics import FloatArray
from photochrom.lab.models import EfficientNetLite0, imagenet_weights
from photochrom.tensors import AnyArray

__all__ = ["FeatureReader", "frechet_distance"]

_SIDE = 224
"""Of the square that the encoder sees; the weights were learnt at this size."""


class FeatureReader:
    """Reads the 320 features that EfficientNet-Lite0 has before its head, as their mean over a whole picture."""

    def __init__(self) -> None:
        """Load the weights.

        Raises:
            CheckpointError: They are not installed.
        """
        self._encoder = EfficientNetLite0()
        self._encoder.load_state_dict(imagenet_weights())
        self._encoder.eval()

    def read(self, pictures: list[AnyArray]) -> FloatArray:
        """The features of pictures, each squashed to a square.

        Args:
            pictures: Each of shape (any height, any width, 3), uint8 RGB.

        Returns:
            Shape (count, 320).
        """
        squares = np.stack([_square(picture) for picture in pictures])
        signed = torch.from_numpy(squares).permute(0, 3, 1, 2).float() / 127.5 - 1.0
        with torch.inference_mode():
            features: FloatArray = self._encoder.features_of_color(signed)[-1].mean(dim=(2, 3)).numpy()
        return features


def _square(picture: AnyArray) -> AnyArray:
    return resized(picture.transpose(2, 0, 1), _SIDE, _SIDE).transpose(1, 2, 0)


def frechet_distance(features: FloatArray, others: FloatArray) -> float:
    """The Fréchet distance between two sets of features, each taken for a normal distribution.

    It depends on how many pictures there are, so only distances over the same pictures can be compared; and on the
    encoder, so it is none of those that are published as FID.

    Args:
        features: Shape (count, channels).
        others: Shape (another count, channels).

    Returns:
        At least 0; NaN where a set has fewer than two pictures.

    Reference:
        Dowson and Landau, "The Fréchet distance between multivariate normal distributions", 1982; as a measure of
        pictures, Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash equilibrium",
        2017.
    """
    if min(len(features), len(others)) < 2:
        return float("nan")
    (mean, root), (other_mean, other_root) = _moments(features), _moments(others)
    # With C = R^T R and D = S^T S, the trace of (C D)^(1/2) is the sum of the singular values of R S^T.
    shared = np.linalg.svd(root @ other_root.T, compute_uv=False).sum()
    distance = ((mean - other_mean) ** 2).sum() + (root**2).sum() + (other_root**2).sum() - 2.0 * shared
    return max(0.0, float(distance))


def _moments(features: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The mean, and a matrix R of which R^T R is the covariance; R has no more rows than channels."""
    wide = features.astype(np.float64)
    mean = wide.mean(axis=0)
    root: FloatArray = np.asarray(np.linalg.qr((wide - mean) / (len(wide) - 1) ** 0.5, mode="r"))
    return mean, root
