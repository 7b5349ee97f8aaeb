import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import photochrom
from photochrom.coloring.decoding import DECODINGS
from photochrom.lab.report._figures import picture_columns
from photochrom.lab.report._model_pictures import model_figures
from photochrom.lab.report._models import gather_shipped


def test_the_studys_model_comes_first_and_the_others_by_name(ship: Callable[..., None]) -> None:
    for name in ("scene", "zebra", "study-best", "face"):
        ship(name)
    assert [results.name for results in gather_shipped().models] == ["study-best", "face", "scene", "zebra"]


def test_a_model_says_what_it_is(ship: Callable[..., None]) -> None:
    ship("face", has_probabilities=True)
    ship("study-best")
    plain, with_probabilities = gather_shipped().models
    assert (plain.decoding, plain.decodings, plain.trained_on) == (None, (), "faces of a test")
    assert with_probabilities.decoding == "within"
    assert set(with_probabilities.decodings) == set(DECODINGS)


def test_a_model_without_figures_is_there_without(ship: Callable[..., None], record: Callable[..., None]) -> None:
    ship("study-best")
    ship("face")
    record("face")
    showcase = gather_shipped()
    assert [len(results.evaluations) for results in showcase.models] == [0, 1]
    assert showcase.broken == ()
    (comparison,) = showcase.comparisons("study")
    assert [row.name for row in comparison.rows] == ["face"]


def test_each_split_of_each_data_set_is_a_comparison_and_that_of_the_runs_is_first(
    ship: Callable[..., None], record: Callable[..., None]
) -> None:
    ship("study-best")
    ship("face")
    for name, data, split in [
        ("face", "utkface", "test"),
        ("face", "congress", "val"),
        ("face", "study", "val"),
        ("study-best", "utkface", "val"),
        ("study-best", "study", "val"),
    ]:
        record(name, data, split)
    comparisons = gather_shipped().comparisons("study")
    assert [comparison.pictures for comparison in comparisons] == [
        "study, validation pictures",
        "congress, validation pictures",
        "utkface, test pictures",
        "utkface, validation pictures",
    ]
    assert [row.name for row in comparisons[0].rows] == ["study-best", "face"]


def test_the_default_decoding_comes_first_and_alone_has_groups(
    ship: Callable[..., None], record: Callable[..., None]
) -> None:
    ship("face", has_probabilities=True)
    for decoding, accuracy in (("natural", 0.7), ("mean", 0.6), ("within", 0.8)):
        record("face", decoding=decoding, accuracy=accuracy, labels={"old": 6.0, "young": 9.0})
    (comparison,) = gather_shipped().comparisons("study")
    rows = [(row.evaluation.decoding, row.evaluation.overall.accuracy, row.is_default) for row in comparison.rows]
    assert rows == [("within", 0.8, True), ("mean", 0.6, False), ("natural", 0.7, False)]
    tables = comparison.group_tables()
    assert [(table.name, table.kind) for table in tables] == [("face", "skin tone"), ("face", "label")]
    assert [table.grouping.fairness_ratio for table in tables] == [1.25, 1.5]
    assert [group.is_few for group in tables[0].grouping.groups.values()] == [False, False, True]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("{", "not JSON"),
        ("{}", "not a list of evaluations"),
        (
            '[{"model": "face", "data": "study", "split": "val", "pictures": 3, "decoding": null}]',
            "0.overall: Field required",
        ),
    ],
)
def test_broken_figures_are_told_in_one_line_and_the_model_stays(
    content: str, fault: str, ship: Callable[..., None], weights: Path
) -> None:
    ship("face")
    (weights / "face.json").write_text(content)
    showcase = gather_shipped()
    (line,) = showcase.broken
    assert "face.json" in line
    assert fault in line
    assert "\n" not in line
    assert [results.evaluations for results in showcase.models] == [()]


def test_a_measure_of_another_kind_is_told_with_its_place(
    ship: Callable[..., None], record: Callable[..., None], weights: Path
) -> None:
    ship("face")
    record("face")
    entries = json.loads((weights / "face.json").read_text())
    entries[0]["by_skin_tone"]["groups"]["dark"]["chroma_error"] = "much"
    (weights / "face.json").write_text(json.dumps(entries))
    (line,) = gather_shipped().broken
    assert "0.by_skin_tone.groups.dark.chroma_error: Input should be a valid number" in line


def test_broken_weights_are_told_and_the_rest_is_there(ship: Callable[..., None], weights: Path) -> None:
    ship("face")
    (weights / "study-best.safetensors").write_bytes(b"no weights")
    showcase = gather_shipped()
    assert [results.name for results in showcase.models] == ["face"]
    assert "study-best.safetensors" in showcase.broken[0]


def test_every_model_of_the_package_and_its_figures_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("photochrom.shipped.WEIGHTS", Path(photochrom.__file__).parent / "weights")
    showcase = gather_shipped()
    assert showcase.broken == ()
    assert showcase.models[0].name == "study-best"


def test_without_a_model_there_is_no_figure() -> None:
    assert dict(model_figures(gather_shipped())) == {}


def test_figures_show_what_each_model_can(ship: Callable[..., None], record: Callable[..., None]) -> None:
    ship("study-best")
    ship("face", has_probabilities=True)
    ship("scene", has_probabilities=True)
    record("face", decoding="within", stated=0.7)
    record("scene", decoding="natural", stated=0.7)
    figures = dict(model_figures(gather_shipped()))
    assert set(figures) == {
        "shipped-faces.jpg",
        "shipped-portrait.jpg",
        "shipped-face-variants.jpg",
        "shipped-face-reliability.svg",
        "shipped-scene-variants.jpg",
    }
    assert b"study, validation pictures" in figures["shipped-face-reliability.svg"]


def test_pictures_stand_in_columns_below_their_headings() -> None:
    red, blue = (np.full((2, 40, 30, 3), color, dtype=np.uint8) for color in ((255, 0, 0), (0, 0, 255)))
    shown = np.asarray(picture_columns({"red": red, "a heading that is far too long": blue}))
    assert (shown[-40:, :30] == (255, 0, 0)).all()
    assert (shown[-40:, 34:] == (0, 0, 255)).all()
    heading, between = shown[:-84], shown[:-84, 30:34]
    assert heading.min() < 128
    assert (between == 255).all()
