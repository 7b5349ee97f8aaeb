"""Facts about photos in answers; workers send them as plain data and do not import this module."""

from pydantic import BaseModel, Field


class FaceBox(BaseModel):
    """Where a face is, in pixels of the upright photo, and how sure that is, from 0 to 1."""

    x: float
    y: float
    width: float
    height: float
    score: float


class Confidence(BaseModel):
    """How likely red and blue lie within 12 of 255 levels of the truth."""

    mean: float
    lowest_tenth: float = Field(description="A tenth of the places have at most this.")


class PhotoFacts(BaseModel):
    """What `photochrom.album.facts_of` gives."""

    width: int = Field(description="In pixels, upright.")
    height: int = Field(description="In pixels, upright.")
    coloring: str = Field(description="Whether the photo was gray, tinted or in color.")
    faces: list[FaceBox]
    confidence: Confidence


class KeptFacts(PhotoFacts):
    """What `photochrom.server._sketch.sketch` gives."""

    bits: int = Field(description="Of each channel: 8 or 16.")
    format: str = Field(description="Of the photo's file, such as JPEG.")
    guesses: int = Field(description="How many there are, the likeliest first, then warmer, cooler and rosier ones.")
