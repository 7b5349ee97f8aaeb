import json
from typing import Any

import pytest

from photochrom.coloring import Hint, Limits, Look, Model, Options, Outputs, parse_hint
from photochrom.errors import ConfigError


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        (Look, {"strength": 1.5}),
        (Look, {"strength": float("nan")}),
        (Look, {"vividness": -1}),
        (Outputs, {"variants": 0}),
        (Outputs, {"variants": 99}),
        (Outputs, {"format": "GIF"}),
        (Limits, {"max_megapixels": 0}),
        (Limits, {"max_megapixels": float("inf")}),
        (Limits, {"max_megapixels": float("nan")}),
        (Limits, {"timeout": 0}),
        (Limits, {"timeout": float("inf")}),
    ],
)
def test_options_out_of_range_are_refused(part: Any, wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        part(**wrong)


def test_photos_are_not_turned_upright_without_looking_for_faces() -> None:
    assert Options(outputs=Outputs(upright=True)).outputs.upright
    with pytest.raises(ConfigError, match="--upright or --no-faces"):
        Options(Model(faces=None), outputs=Outputs(upright=True))


def test_options_survive_the_way_through_a_file() -> None:
    options = Options(
        Model("scene-open", None),
        Look(0.5, 2.0, (Hint(1.5, 2, (3, 4, 5)),)),
        Outputs(3, compare=True, format="TIFF"),
        Limits(12.0, 5.0, force=True),
    )
    assert Options.from_json(json.loads(json.dumps(options.as_json()))) == options


@pytest.mark.parametrize("values", [{}, {"unknown": 1}, {"look": 5}, {"look": {"hints": [{}]}}])
def test_options_of_another_version_are_told(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="another version"):
        Options.from_json(values)
    with pytest.raises(ConfigError, match="another version"):
        Options.from_json({**Options().as_json(), "model": values or {"whole": "a", "third": "b"}})


def test_each_file_has_an_ending_of_its_own() -> None:
    assert Outputs().endings == ("",)
    assert Outputs(2, compare=True, confidence=True).endings == ("-1", "-2", "-compare", "-confidence")


@pytest.mark.parametrize("text", ["", "1,2", "1,2,red", "1,2,#fff", "1,2,#gggggg", "a,2,#ffffff"])
def test_what_is_no_hint_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="a hint is written"):
        parse_hint(text)
