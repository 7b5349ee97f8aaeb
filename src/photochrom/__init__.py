"""Colour for gray pictures of faces, and an honest bench for colorization experiments."""

__version__ = "0.1.0"
