"""The distance between the distributions of colored and true photos in the features of an ImageNet encoder."""

import numpy as np
import torch

from photochrom.coloring.resampling import resized
from photochrom.lab.metrics import FloatArray
from photochrom.lab.models import EfficientNetLite0, imagenet_weights
from photochrom.tensors import AnyArray

_SIDE = 224
"""Side of the encoder's input, in pixels; its weights were trained at this size."""


class FeatureReader:
    """Computes the 320 features before the head of EfficientNet-Lite0, as means over a picture."""

    def __init__(self) -> None:
        """Load the weights.

        Raises:
            CheckpointError: The weights are not installed.
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
        squares = [resized(picture.transpose(2, 0, 1), _SIDE, _SIDE).transpose(1, 2, 0) for picture in pictures]
        signed = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).float() / 127.5 - 1.0
        with torch.inference_mode():
            features: FloatArray = self._encoder.features_of_color(signed)[-1].mean(dim=(2, 3)).numpy()
        return features


def frechet_distance(features: FloatArray, others: FloatArray) -> float:
    """The Fréchet distance between two sets of features, each treated as a normal distribution.

    It depends on the number of pictures, so compare only distances over the same pictures. It also depends on the
    encoder, so it cannot be compared with a published FID.

    Args:
        features: Shape (count, channels).
        others: Shape (another count, channels).

    Returns:
        At least 0; NaN if a set has fewer than two pictures.

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
    """The mean, and a matrix R whose R^T R is the covariance; R has no more rows than channels."""
    wide = features.astype(np.float64)
    mean = wide.mean(axis=0)
    root: FloatArray = np.asarray(np.linalg.qr((wide - mean) / (len(wide) - 1) ** 0.5, mode="r"))
    return mean, root
