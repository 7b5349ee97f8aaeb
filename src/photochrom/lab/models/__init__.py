"""Catalogue: one network per file."""

from photochrom.lab.models._catalogue import available, create, describe, option_names
from photochrom.lab.models._colorizer import ColorizationModel, DistributionModel, EncodingModel, SolvableModel

__all__ = [
    "ColorizationModel",
    "DistributionModel",
    "EncodingModel",
    "SolvableModel",
    "available",
    "create",
    "describe",
    "option_names",
]
