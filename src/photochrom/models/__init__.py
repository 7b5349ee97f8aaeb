"""Catalogue: one network per file."""

from photochrom.models._catalogue import available, create, describe, option_names
from photochrom.models._colorizer import ColorizationModel, SolvableModel

__all__ = [
    "ColorizationModel",
    "SolvableModel",
    "available",
    "create",
    "describe",
    "option_names",
]
