from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photochrom.errors import ConfigError
from photochrom.lab.evaluation import contact_sheet, require_sheet_name, write_sheet
from photochrom.lab.evaluation._photo_measures import Panels

COLORS = ((90, 90, 91), (200, 40, 40), (40, 40, 200))


def panels(count: int) -> list[Panels]:
    gray, colored, true = (np.full((60, 80, 3), color, np.uint8) for color in COLORS)
    return [Panels(f"photo {place}", 0.8, (gray, colored, true)) for place in range(count)]


def test_each_photo_is_there_gray_colored_and_true() -> None:
    sheet = np.asarray(contact_sheet(panels(3)))
    for color in COLORS:
        shown = (sheet == color).all(axis=2).sum()
        assert shown == 3 * 60 * 80, color
    first_row = sheet[50]
    places = [int(np.flatnonzero((first_row == color).all(axis=1))[0]) for color in COLORS]
    assert places == sorted(places)


def test_sheets_are_written_as_their_name_says(tmp_path: Path) -> None:
    for name, kind in (("a.jpg", "JPEG"), ("b.png", "PNG"), ("c.webp", "WEBP")):
        write_sheet(panels(1), tmp_path / "sheets" / name)
        with Image.open(tmp_path / "sheets" / name) as sheet:
            assert sheet.format == kind


def test_other_names_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"sheet\.txt: a contact sheet is a picture"):
        require_sheet_name(Path("sheet.txt"))
