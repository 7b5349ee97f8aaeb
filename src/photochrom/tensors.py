"""The shapes that travel between the rooms, for numpy arrays and torch tensors alike."""

from typing import Any, TypeAlias

from jaxtyping import Float, Float32, UInt8

AnyArray: TypeAlias = Any
"""A numpy array or a torch tensor."""

GrayBatch = Float[Any, "batch 1 height width"]
"""Luma as networks see it: signed, in [-1, 1]."""

RgbBatch = Float[Any, "batch 3 height width"]
"""Color as networks give it: signed, in [-1, 1] where it can be shown."""

GrayPictures = UInt8[Any, "count height width"]
"""Gray pictures as data sets hold them."""

RgbPictures = UInt8[Any, "count height width 3"]
"""Color pictures as data sets hold them."""

AspectRatios = Float32[Any, " count"]
"""Width by height of each picture."""

ChromaBatch = Float[Any, "batch 2 height width"]
"""Cb and Cr, in [-1, 1]; gray is 0."""

ChromaProbabilities = Float[Any, "batch 2 bins rows columns"]
"""For Cb and for Cr at each place, how likely each bin of values is; see `photochrom.coloring.distribution`."""

ColorProbabilities = Float[Any, "batch colors rows columns"]
"""How likely each color of a palette is at each place; see `photochrom.coloring.palette`."""

Probabilities: TypeAlias = ChromaProbabilities | ColorProbabilities
"""What a network gives: of the bins of Cb and of Cr, or of the colors of a palette."""
