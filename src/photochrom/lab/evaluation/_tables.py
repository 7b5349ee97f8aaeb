"""Tables that a terminal or a page can show."""

import math
from dataclasses import dataclass

__all__ = ["Table", "short"]


@dataclass(frozen=True)
class Table:
    """What can be printed: a title, the columns' names, and rows of values, None where there is none."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


def short(number: float | None) -> float | None:
    """Few digits, so that a table fits a terminal; nothing for what is no number."""
    if number is None or math.isnan(number):
        return None
    return round(number, 3 if abs(number) < 1.0 else 2)
