"""What is left of a torn photo: its pixels as far as they go, and blank rows in place of the others."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from photochrom.errors import UnreadableError
from photochrom.photo._pixels import Picture, Pixels

READABLE_SHARE = 0.5
"""The share of its rows that must be there for a torn photo to be read at all."""


class Mended(NamedTuple):
    """A whole file made of what a torn one still holds.

    Attributes:
        content: The file; all its pixels are the torn one's, or blank.
        height: Rows that the torn file promises; those that `content` lacks at the bottom are blank.
        rows: How many of them are there; None if they are those before the blank ones at the bottom.
        blank: The value of all channels in blank rows of `content`.
        is_blurred: Whether fine detail may be missing.
        lacks_top: Whether the blank rows are those at the top.
    """

    content: bytes
    height: int
    rows: int | None = None
    blank: int = 128
    is_blurred: bool = False
    lacks_top: bool = False


@dataclass(eq=False)
class Remains:
    """A picture of which some rows are blank, and, once it is decoded, how many these are.

    Attributes:
        picture: To be decoded once.
        mended: What it comes from.
        rows: How many rows are there.
    """

    picture: Picture
    mended: Mended
    rows: int = 0

    @property
    def there(self) -> slice | None:
        """The rows of the picture that are there, as they lie in the file; None if all are."""
        rows, height = self.rows, self.mended.height
        if rows >= height:
            return None
        return slice(height - rows, height) if self.mended.lacks_top else slice(0, rows)

    def told(self) -> str:
        """One line on what is missing.

        Raises:
            UnreadableError: Less than `READABLE_SHARE` of the rows are there.
        """
        rows, height = self.rows, self.mended.height
        if rows < READABLE_SHARE * height:
            raise UnreadableError(
                f"broken photo (only {rows} of {height} rows can be read); get a fresh copy of the file"
            )
        if rows < height:
            return f"the file is torn: {height - rows} of {height} rows are missing and stay blank"
        detail = ", if less sharply" if self.mended.is_blurred else ""
        return f"the file is torn, but all rows can be read{detail}"


def remains_of(mended: Mended, picture: Picture) -> Remains:
    """The picture in a mended file, as high as the torn one promises."""
    remains = Remains(picture, mended, mended.rows or 0)
    remains.picture = replace(picture, height=mended.height, rows=_rows(picture, mended, remains))
    return remains


def _rows(picture: Picture, mended: Mended, remains: Remains) -> Callable[[int], Iterator[Pixels]]:
    def rows(count: int) -> Iterator[Pixels]:
        top = 0
        short: Pixels | None = None
        for strip in picture.rows(count):
            if mended.rows is None:
                # Decoders turn CMYK over, which makes 127 of 128.
                filled = np.flatnonzero((np.abs(strip.astype(np.int32) - mended.blank) > 1).any(axis=(1, 2)))
                remains.rows = top + int(filled[-1]) + 1 if len(filled) else remains.rows
            top += len(strip)
            short = strip if top < mended.height else None
            if short is None or len(strip) == count:  # else the rows that follow belong to the same strip
                yield strip
                short = None if short is None else short[:0]
        if short is not None:
            yield from _blank_rows(short, picture.has_alpha, count, mended.height - top)

    return rows


def _blank_rows(short: Pixels, has_alpha: bool, count: int, missing: int) -> Iterator[Pixels]:
    """The rest of a strip, and strips after it, in opaque mid gray."""
    highest = np.iinfo(short.dtype).max
    blank = np.full((missing, *short.shape[1:]), highest // 2 + 1, short.dtype)
    if has_alpha:
        blank[..., -1] = highest
    whole = np.concatenate([short, blank])
    for top in range(0, len(whole), count):
        yield whole[top : top + count]
