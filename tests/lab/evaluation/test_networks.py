import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from photochrom.errors import ConfigError, DataError
from photochrom.lab import models
from photochrom.lab.datasets import Pairs, pairs_from_color
from photochrom.lab.datasets.synthetic import Synthetic
from photochrom.lab.evaluation import FEWEST_PICTURES, Grouping, ModelEvaluation, Scores, evaluate_model, model_tables
from photochrom.lab.metrics import chroma_error
from photochrom.lab.models import ColorizationModel, DistributionModel
from photochrom.lab.training import evaluate, predict

SKINS = {"light": (224, 177, 140), "dark": (60, 36, 27), "gray": (128, 128, 128)}


class Recalled(ColorizationModel, DistributionModel):
    """Colors each gray level as told; states a probability of being right."""

    decodings = ("true", "gray")

    def __init__(self, colors: dict[int, tuple[int, int, int]], stated: float = 1.0) -> None:
        super().__init__()
        table = torch.arange(256.0)[:, None].repeat(1, 3)
        for level, color in colors.items():
            table[level] = torch.tensor(color, dtype=torch.float32)
        self.table = nn.Parameter(table / 127.5 - 1.0)
        self.decoding = "true"
        self.stated = stated

    def forward(self, gray: Tensor) -> Tensor:
        color = self.table[((gray[:, 0] + 1.0) * 127.5).round().long()].permute(0, 3, 1, 2)
        return color if self.decoding == "true" else gray.expand(-1, 3, -1, -1)

    def confidence(self, gray: Tensor) -> Tensor:
        return torch.full_like(gray, self.stated)


def plain_faces(*colors: tuple[int, int, int]) -> Pairs:
    color = np.array([np.full((12, 12, 3), color) for color in colors], dtype=np.uint8)
    return pairs_from_color([f"{index}.png" for index in range(len(color))], color)


def level_of(color: tuple[int, int, int]) -> int:
    return int(plain_faces(color).gray[0, 0, 0])


def scores(chroma: float, pictures: int = FEWEST_PICTURES) -> Scores:
    return Scores(pictures, 0.5, 0.1, 20.0, 0.9, chroma, 5.0, 20.0, 30.0, 2 / 3, 1.0, None)


def numbers(of: Scores) -> dict[str, float]:
    return {name: value for name, value in of.as_dict().items() if isinstance(value, int | float)}


@pytest.fixture
def network() -> ColorizationModel:
    torch.manual_seed(0)
    return models.create("convnet", {"hidden_channels": 4})


@pytest.fixture
def perfect() -> Recalled:
    return Recalled({level_of(color): color for color in SKINS.values()})


def test_overall_figures_are_those_of_a_run(network: ColorizationModel, faces: Synthetic) -> None:
    val = faces.split("val")
    expected, found = evaluate(network, val), evaluate_model(network, val).overall
    for name in ("accuracy", "mse", "colorfulness", "true_colorfulness"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-5), name
    assert found.pictures == 16
    assert found.chroma_error == pytest.approx(chroma_error(predict(network, val.gray), val.truth).mean())
    assert found.colorfulness_ratio == pytest.approx(found.colorfulness / found.true_colorfulness)
    assert found.largest_luma_change > 1.0
    assert found.calibration_error is None


def test_batches_change_nothing(network: ColorizationModel, faces: Synthetic, monkeypatch: pytest.MonkeyPatch) -> None:
    val = faces.split("val")
    at_once = evaluate_model(network, val)
    monkeypatch.setattr("photochrom.lab.evaluation._networks._BATCH_SIZE", 5)
    in_batches = evaluate_model(network, val)
    assert numbers(in_batches.overall) == pytest.approx(numbers(at_once.overall), rel=1e-4)
    assert list(in_batches.by_skin_tone.groups) == list(at_once.by_skin_tone.groups)


def test_groups_of_skin_tone_come_from_the_truth_and_hold_every_picture_once(perfect: Recalled) -> None:
    light, dark, gray = SKINS["light"], SKINS["dark"], SKINS["gray"]
    evaluation = evaluate_model(perfect, plain_faces(dark, light, gray, light), decoding="gray")
    groups = evaluation.by_skin_tone.groups
    assert {name: group.pictures for name, group in groups.items()} == {"light": 2, "dark": 1, "unknown": 1}
    assert list(groups) == ["light", "dark", "unknown"]
    assert groups["light"].chroma_error > groups["dark"].chroma_error > groups["unknown"].chroma_error
    total = sum(group.chroma_error * group.pictures for group in groups.values())
    assert evaluation.overall.chroma_error == pytest.approx(total / 4)


def test_groups_of_labels_are_those_of_the_pairs(network: ColorizationModel, faces: Synthetic) -> None:
    val = faces.split("val")
    labels = ("unknown",) * 2 + ("old", "young") * 7
    evaluation = evaluate_model(network, replace(val, labels=labels))
    assert evaluation.by_label is not None
    assert {name: group.pictures for name, group in evaluation.by_label.groups.items()} == {
        "old": 7,
        "young": 7,
        "unknown": 2,
    }
    assert list(evaluation.by_label.groups)[-1] == "unknown"
    alone = evaluate_model(network, val.take(range(2, 16, 2))).overall
    assert numbers(evaluation.by_label.groups["old"]) == pytest.approx(numbers(alone), rel=1e-4)
    assert evaluate_model(network, val).by_label is None


def test_true_color_is_without_error(perfect: Recalled) -> None:
    overall = evaluate_model(perfect, plain_faces(*SKINS.values())).overall
    assert overall.accuracy == 1.0
    assert overall.structural_similarity == pytest.approx(1.0)
    assert overall.chroma_error == pytest.approx(0.0, abs=1e-6)
    assert overall.colorfulness_ratio == pytest.approx(1.0)
    assert overall.largest_luma_change <= 0.5 + 1e-3


def test_a_stated_probability_is_held_against_what_came_true(perfect: Recalled) -> None:
    perfect.stated = 0.75
    faces = plain_faces(*SKINS.values())
    overall = evaluate_model(perfect, faces).overall
    assert overall.calibration_error == pytest.approx(0.25)
    (bin_of_all,) = overall.as_dict()["reliability"]
    assert bin_of_all["stated"] == pytest.approx(0.75)
    assert bin_of_all["observed"] == pytest.approx(1.0)
    copied = evaluate_model(perfect, faces, decoding="gray")
    assert copied.by_skin_tone.groups["light"].calibration_error == pytest.approx(0.75)
    assert copied.by_skin_tone.groups["unknown"].calibration_error == pytest.approx(0.25)


def test_stated_probabilities_are_about_red_and_blue() -> None:
    true, green_wrong, red_wrong = (200, 150, 130), (200, 190, 130), (160, 150, 130)
    faces = plain_faces(true)
    level = level_of(true)
    assert evaluate_model(Recalled({level: green_wrong}), faces).overall.calibration_error == pytest.approx(0.0)
    assert evaluate_model(Recalled({level: red_wrong}), faces).overall.calibration_error == pytest.approx(0.5)


def test_decoding_holds_for_the_evaluation_only(perfect: Recalled) -> None:
    faces = plain_faces(SKINS["light"])
    evaluation = evaluate_model(perfect, faces, decoding="gray")
    assert evaluation.decoding == "gray"
    assert evaluation.overall.colorfulness == 0.0
    assert perfect.decoding == "true"
    assert evaluate_model(perfect, faces).decoding == "true"


def test_unknown_decodings_are_refused(perfect: Recalled, network: ColorizationModel) -> None:
    faces = plain_faces(SKINS["light"])
    with pytest.raises(ConfigError, match="no decoding is called 'best'; there are: true, gray"):
        evaluate_model(perfect, faces, decoding="best")
    with pytest.raises(ConfigError, match="has no decodings"):
        evaluate_model(network, faces, decoding="true")


def test_pictures_without_truth_are_refused(network: ColorizationModel, faces: Synthetic) -> None:
    with pytest.raises(DataError, match="no true color"):
        evaluate_model(network, faces.split("test"))


def test_progress_ends_with_all_pictures(network: ColorizationModel, faces: Synthetic) -> None:
    told: list[tuple[int, int]] = []
    evaluate_model(network, faces.split("train"), progress=lambda done, total: told.append((done, total)))
    assert told == [(20, 48), (40, 48), (48, 48)]


@pytest.mark.parametrize(
    ("groups", "ratio"),
    [
        ({"light": scores(4.0), "tan": scores(5.0), "dark": scores(10.0)}, 2.5),
        ({"light": scores(4.0), "dark": scores(5.0), "brown": scores(40.0, pictures=29)}, 1.25),
        ({"light": scores(4.0), "dark": scores(5.0), "unknown": scores(40.0)}, 1.25),
        ({"light": scores(4.0), "dark": scores(5.0, pictures=1)}, None),
        ({"light": scores(0.0), "dark": scores(5.0)}, None),
        ({}, None),
    ],
)
def test_fairness_ratio_compares_groups_that_are_large_enough(groups: dict[str, Scores], ratio: float | None) -> None:
    assert Grouping(groups).fairness_ratio == ratio


def test_json_says_everything_and_has_none_for_what_is_not_finite(perfect: Recalled) -> None:
    evaluation = evaluate_model(perfect, plain_faces(SKINS["gray"]))
    document: dict[str, Any] = json.loads(json.dumps(evaluation.as_dict(), allow_nan=False))
    assert set(document) == {"decoding", "overall", "by_skin_tone", "by_label"}
    overall = document["overall"]
    assert overall["pictures"] == 1
    assert overall["accuracy"] == 1.0
    assert overall["peak_signal_to_noise"] is None
    assert overall["colorfulness_ratio"] is None
    assert overall["calibration_error"] == 0.0
    assert document["by_skin_tone"] == {"fairness_ratio": None, "groups": {"unknown": overall}}
    assert document["by_label"] is None


def test_tables_have_a_row_for_each_group_and_calibration_only_if_stated() -> None:
    grouping = Grouping({"light": scores(4.0), "dark": scores(5.0)})
    evaluation = ModelEvaluation(None, scores(4.5, pictures=60), grouping, grouping)
    tables = model_tables(evaluation, "study, val")
    overall, by_tone, by_label = tables
    assert overall.rows[0] == ("pictures", 60)
    assert [row[0] for row in by_tone.rows] == ["light", "dark"]
    assert "1.25" in by_tone.title
    assert by_label.columns[0] == "label"
    assert "ECE" not in by_tone.columns
    assert all(len(row) == len(table.columns) for table in tables for row in table.rows)


def test_tables_show_the_calibration_of_what_is_stated(perfect: Recalled) -> None:
    overall, by_tone = model_tables(evaluate_model(perfect, plain_faces(*SKINS.values())), "synthetic, val")
    assert overall.rows[-1] == ("calibration error of stated confidence (ECE)", pytest.approx(0.0))
    assert by_tone.columns[-1] == "ECE"
    assert all(len(row) == len(by_tone.columns) for row in by_tone.rows)
