import re

import pytest

from photochrom import shipped
from photochrom.coloring.network import Network
from photochrom.errors import CheckpointError
from photochrom.shipped import network_file, photo_models, read_card, shipped_model, shipped_models


def test_every_shipped_model_brings_its_weights_and_its_card() -> None:
    assert shipped_models() == sorted(shipped_models())
    for name in shipped_models():
        model = shipped_model(name)
        assert model.name == name
        assert model.weights.is_file()
        assert model.card.is_file()
        assert {path.name for path in (model.weights, model.network, model.card, model.figures)} == {
            f"{name}.safetensors",
            f"{name}.onnx",
            f"{name}.md",
            f"{name}.json",
        }


@pytest.mark.parametrize("name", [name for name in shipped_models() if shipped_model(name).network.is_file()])
def test_a_card_names_the_decodings_of_the_network_and_the_default_one(name: str) -> None:
    told = dict(re.findall(r"`(\w+)` \(([^)]*)\)", read_card(name).facts["decodings"]))
    metadata = Network(network_file(name), 1, "cpu").metadata
    assert set(told) == set(metadata.decodings)
    assert [decoding for decoding, text in told.items() if text.endswith("the default")] == [metadata.decoding]


@pytest.mark.parametrize("name", shipped_models())
def test_a_card_is_read_without_comments(name: str) -> None:
    assert "<!--" in shipped_model(name).card.read_text(encoding="utf-8")
    assert "<!--" not in read_card(name).as_markdown()


def test_the_face_detector_is_no_model_for_colors() -> None:
    assert "yunet" not in shipped_models()
    assert (shipped.WEIGHTS / "yunet.onnx").is_file()


@pytest.mark.parametrize("name", ["nobody", "", "../face", "face.safetensors", "yunet"])
def test_an_unknown_model_is_refused_with_the_names_of_the_known(name: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        shipped_model(name)
    assert str(caught.value) == f"{name}: no shipped model; there are: {', '.join(shipped_models())}"


def test_all_but_the_reference_of_the_study_color_photos() -> None:
    assert photo_models() == [name for name in shipped_models() if name != "study-best"]
    assert all(network_file(name).is_file() for name in photo_models())
    with pytest.raises(CheckpointError, match="80x80"):
        network_file("study-best")
