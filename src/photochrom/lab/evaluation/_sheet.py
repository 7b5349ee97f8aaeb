"""Contact sheets: photos gray, colored and true, side by side."""

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from photochrom.errors import ConfigError
from photochrom.files import write_whole
from photochrom.lab.evaluation._photo_measures import Panels

_PANEL_WIDTH, _PANEL_HEIGHT = 224, 224
_GAP, _CAPTION = 4, 16
_ACROSS = 2
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def require_sheet_name(path: Path) -> None:
    """Check that a contact sheet can be written to a file of this name.

    Raises:
        ConfigError: The suffix is not one of a picture.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise ConfigError(f"{path}: a contact sheet is a picture; its name must end in one of: {', '.join(_SUFFIXES)}")


def contact_sheet(panels: Sequence[Panels]) -> Image.Image:
    """Photos in two columns, each gray, colored and true, with its name and its error divided by that of gray.

    Args:
        panels: At least one.
    """
    width, height = 3 * (_PANEL_WIDTH + _GAP) + 2 * _GAP, _PANEL_HEIGHT + _CAPTION + _GAP
    rows = -(-len(panels) // _ACROSS)
    sheet = Image.new("RGB", (width * min(_ACROSS, len(panels)), height * rows), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(11)
    for place, one in enumerate(panels):
        left, top = place % _ACROSS * width, place // _ACROSS * height
        caption = f"error / gray {one.error_ratio:.2f}   {one.name}"
        draw.text((left, top + 1), caption[:100], fill="black", font=font)
        for picture in one.pictures:
            shown = Image.fromarray(picture)
            shown.thumbnail((_PANEL_WIDTH, _PANEL_HEIGHT), Image.Resampling.LANCZOS)
            sheet.paste(shown, (left, top + _CAPTION))
            left += shown.width + _GAP
    return sheet


def write_sheet(panels: Sequence[Panels], path: Path) -> None:
    """Write a contact sheet; an existing file is replaced.

    Args:
        panels: At least one.
        path: A name that `require_sheet_name` accepts.

    Raises:
        OSError: The file cannot be written.
    """
    content = io.BytesIO()
    contact_sheet(panels).save(content, Image.registered_extensions()[path.suffix.lower()], quality=90)
    write_whole(path, content.getvalue())
