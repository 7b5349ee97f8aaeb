"""Catalogue: one network per file."""

from photochrom.lab.models._catalogue import available, create, describe, option_names
from photochrom.lab.models._colorizer import ColorizationModel, DistributionModel, EncodingModel, SolvableModel
from photochrom.lab.models._efficientnet_lite import EfficientNetLite0, imagenet_weights

__all__ = [
    "ColorizationModel",
    "DistributionModel",
    "EfficientNetLite0",
    "EncodingModel",
    "SolvableModel",
    "available",
    "create",
    "describe",
    "imagenet_weights",
    "option_names",
]
