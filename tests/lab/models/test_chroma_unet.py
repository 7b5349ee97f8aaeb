import numpy as np
import pytest
import torch
from torch import Tensor

from photochrom.color import luma, to_uint8
from photochrom.coloring.decoding import DECODINGS
from photochrom.coloring.distribution import BIN_COUNT, MAX_VARIANTS
from photochrom.errors import ConfigError
from photochrom.lab import models
from photochrom.lab.models.chroma_unet import ChromaUNet


def network(**hyperparameters: object) -> ChromaUNet:
    """A small network whose probabilities differ from place to place."""
    torch.manual_seed(0)
    model = models.create("chroma_unet", {"width": 8, "depth": 2, "blocks": 1, **hyperparameters})
    assert isinstance(model, ChromaUNet)
    torch.nn.init.normal_(model.to_logits.weight, std=0.5)
    return model.eval()


def gray_pictures(height: int = 32, width: int = 48) -> Tensor:
    return torch.rand(3, 1, height, width, generator=torch.Generator().manual_seed(1)) * 2.0 - 1.0


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (80, 80), (81, 79), (130, 64)])
def test_any_size_gives_color_confidence_and_probabilities_at_a_quarter(size: tuple[int, int]) -> None:
    gray, model = gray_pictures(*size), network()
    assert model(gray).shape == (3, 3, *size)
    assert model.confidence(gray).shape == (3, 1, *size)
    assert model.probabilities(gray).shape == (3, 2, BIN_COUNT, -(-size[0] // 4), -(-size[1] // 4))


@pytest.mark.parametrize("decoding", DECODINGS)
def test_every_picture_keeps_its_luma_within_half_a_level(decoding: str) -> None:
    gray = gray_pictures()
    color = to_uint8(network(decoding=decoding)(gray)).double()
    assert (luma(color) - (gray.double() + 1.0) * 127.5).abs().max() <= 0.5 + 1e-3


def test_a_larger_canvas_does_not_change_what_lies_far_from_its_edge() -> None:
    """But for the global context, which is silenced here, a place sees its surroundings alone."""
    model, gray = network(), gray_pictures(96, 96)
    torch.nn.init.zeros_(model.bottom[-1].mix[-1].weight)
    torch.nn.init.zeros_(model.bottom[-1].mix[-1].bias)
    framed = torch.nn.functional.pad(gray, (64, 64, 64, 64), mode="reflect")
    inside = model(framed)[..., 64:-64, 64:-64]
    torch.testing.assert_close(inside[..., 40:56, 40:56], model(gray)[..., 40:56, 40:56], atol=1e-4, rtol=1e-3)


def test_what_a_distant_corner_shows_reaches_every_place() -> None:
    model, gray = network(), gray_pictures(160, 160)
    changed = gray.clone()
    changed[..., :8, :8] = 1.0
    assert (model.logits(changed) - model.logits(gray))[..., -4:, -4:].abs().max() > 1e-6


@pytest.mark.parametrize("width", [45, 46, 47, 48])
def test_mirrored_probabilities_average_the_same_places(width: int) -> None:
    model, gray = network(mirrored=True), gray_pictures(32, width)
    whole = torch.nn.functional.pad(gray, (0, 48 - width, 0, 0), mode="replicate")
    plain = network()
    expected = (plain.probabilities(whole) + plain.probabilities(whole.flip(3)).flip(4)) / 2.0
    torch.testing.assert_close(model.probabilities(gray), expected, atol=1e-5, rtol=1e-4)


def test_mirrored_probabilities_are_those_of_the_mirrored_picture() -> None:
    model, gray = network(mirrored=True), gray_pictures()
    torch.testing.assert_close(
        model.probabilities(gray.flip(3)), model.probabilities(gray).flip(4), atol=1e-5, rtol=1e-4
    )
    plain = network()
    assert not torch.allclose(plain.probabilities(gray.flip(3)), plain.probabilities(gray).flip(4), atol=1e-3)


def test_variants_differ_and_keep_the_luma() -> None:
    model, gray = network(), gray_pictures()
    variants = model.variants(gray, MAX_VARIANTS)
    assert len(variants) == MAX_VARIANTS
    for variant in variants:
        torch.testing.assert_close(luma(variant), gray, atol=1e-4, rtol=0.0)
    distinct = {to_uint8(variant).numpy().tobytes() for variant in variants}
    assert len(distinct) == MAX_VARIANTS


@torch.no_grad()
def test_confidence_is_a_probability_and_follows_the_probabilities() -> None:
    model, gray = network(), gray_pictures()
    unsure = model.confidence(gray)
    assert 0.0 <= float(unsure.min()) <= float(unsure.max()) <= 1.0
    model.to_logits.weight *= 20.0
    # Far surer of what it reads: the logits are twenty times as far apart.
    assert model.confidence(gray).mean() > unsure.mean() + 0.05


@pytest.mark.parametrize(
    ("hyperparameters", "message"),
    [
        ({"width": 0}, "width must be at least 1"),
        ({"depth": 0}, "depth must be at least 1"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1"),
        ({"decoding": "vivid"}, "no decoding is called 'vivid'"),
    ],
)
def test_option_out_of_range_fails_by_name(hyperparameters: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        models.create("chroma_unet", hyperparameters)


def test_one_level_is_enough() -> None:
    assert np.isfinite(network(depth=1)(gray_pictures()).detach().numpy()).all()
