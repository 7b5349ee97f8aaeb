"""`photochrom models`: the shipped models."""

import json
from pathlib import Path
from typing import Annotated

import typer

from photochrom.commands._terminal import print_table, say

_RIGHTS = ("licence", "license", "rights", "not to be used", "trained on")
"""Facts of a card about permitted use; the first that exists is shown."""


def models(
    name: Annotated[str | None, typer.Argument(help="Print the card of this one.")] = None,
) -> None:
    """List the shipped models: what they are for, how good they are, and what may be done with them."""
    from photochrom.shipped import read_card

    if name is None:
        _print_models()
    else:
        say(read_card(name).as_markdown())


def _print_models() -> None:
    """Print the purpose, use, size, figures, rights and card of each shipped model."""
    from photochrom.shipped import photo_models, read_card, shipped_model, shipped_models

    rows, remarks, for_photos = [], [], photo_models()
    for name in shipped_models():
        model = shipped_model(name)
        facts = read_card(name).facts
        size = round(model.weights.stat().st_size / 1e6, 2)
        rows.append((name, facts["summary"], size, *_figures_of(model.figures)))
        rights = next((f"{key}: {facts[key]}; " for key in _RIGHTS if key in facts), "")
        use = "colors photos" if name in for_photos else "colors no photos, but test pictures by 'photochrom predict'"
        remarks.append(f"{name}: {use}; {rights}card: {model.card}")
    print_table(["model", "what it is", "MB", "accuracy", "chroma error", "measured on"], rows)
    for remark in remarks:
        say(remark)


def _figures_of(evaluations: Path) -> tuple[float | None, float | None, str]:
    """Accuracy and chroma error, and the pictures that they were measured on."""
    recorded = json.loads(evaluations.read_text(encoding="utf-8")) if evaluations.is_file() else []
    if not recorded:
        return None, None, ""
    first = recorded[0]
    overall, pictures = first["overall"], f"{first['data']} {first['split']}, {first['pictures']}"
    return round(overall["accuracy"], 4), round(overall["chroma_error"], 2), pictures
