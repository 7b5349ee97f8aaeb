from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from photochrom.color import rgb_to_chroma
from photochrom.coloring.distribution import mean_chroma
from photochrom.coloring.palette import PALETTE, marginals
from photochrom.errors import ConfigError
from photochrom.lab.losses import LOSSES, chroma_cross_entropy, chroma_target, get_loss, soft_bins, soft_palette


def color(level: float) -> Tensor:
    return torch.full((2, 3, 4, 5), level)


@pytest.mark.parametrize("name", LOSSES)
def test_equal_pictures_have_no_loss(name: str) -> None:
    picture = torch.rand(2, 3, 4, 5)
    assert get_loss(name)(picture, picture.clone()).item() == 0.0


@pytest.mark.parametrize(
    ("name", "distance", "loss"),
    [
        ("l1", 0.5, 0.5),
        ("mse", 0.5, 0.25),
        # The margin of 12 levels is 12 / 127.5 of the signed range: 0.5 d^2 / margin below it, d - margin / 2 above.
        ("smooth_l1", 0.05, 0.5 * 0.05**2 * 127.5 / 12),
        ("smooth_l1", 12 / 127.5, 6 / 127.5),
        ("smooth_l1", 0.5, 0.5 - 6 / 127.5),
    ],
)
def test_a_loss_is_the_one_worked_out_by_hand(name: str, distance: float, loss: float) -> None:
    assert get_loss(name)(color(-0.2), color(-0.2 + distance)).item() == pytest.approx(loss, rel=1e-5)
    assert get_loss(name)(color(-0.2 + distance), color(-0.2)).item() == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_the_mean_over_all_values(name: str) -> None:
    near, far, truth = color(0.3), color(0.9), color(0.1)
    loss = get_loss(name)
    together = loss(torch.cat([near, far]), torch.cat([truth, truth]))
    assert together.shape == ()
    assert together.item() == pytest.approx((loss(near, truth).item() + loss(far, truth).item()) / 2, rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_a_step_against_the_gradient_nears_the_truth(name: str) -> None:
    prediction = color(0.5).requires_grad_()
    get_loss(name)(prediction, color(-0.5)).backward()
    assert prediction.grad is not None
    assert (prediction.grad > 0).all()


def test_an_unknown_loss_is_refused_with_the_names_of_the_known() -> None:
    with pytest.raises(ConfigError, match=rf"^no loss is called 'l2'; there are: {', '.join(LOSSES)}$"):
        get_loss("l2")


@pytest.mark.parametrize("level", [-50.0, -3.0, 0.0, 17.0])
def test_training_aims_at_a_bell_around_the_truth(level: float) -> None:
    probabilities = soft_bins(torch.full((1, 2, 2, 2), level * 2.0 / 255.0))
    torch.testing.assert_close(probabilities.sum(dim=2), torch.ones(1, 2, 2, 2))
    torch.testing.assert_close(
        mean_chroma(probabilities), torch.full((1, 2, 2, 2), level * 2.0 / 255.0), rtol=0.0, atol=0.05 * 2.0 / 255.0
    )


@pytest.mark.parametrize(("blue", "red"), [(0.0, 0.0), (-40.0, 20.0), (33.0, -12.0)])
def test_training_on_a_palette_aims_at_the_true_color(blue: float, red: float) -> None:
    chroma = torch.tensor([blue, red]).reshape(1, 2, 1, 1) * (2.0 / 255.0)
    probabilities = soft_palette(chroma)
    assert probabilities.shape == (1, len(PALETTE), 1, 1)
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(1, 1, 1))
    torch.testing.assert_close(mean_chroma(marginals(probabilities)), chroma, rtol=0.0, atol=0.3 * 2.0 / 255.0)


@pytest.mark.parametrize("soft", [soft_bins, soft_palette])
def test_logits_that_say_the_truth_lose_least(soft: Callable[[torch.Tensor], torch.Tensor]) -> None:
    chroma = rgb_to_chroma(torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 1.6 - 0.8)
    said = soft(chroma).clamp(min=1e-12).log()
    entropy = -(said.exp() * said).sum(dim=-3).mean()
    assert chroma_cross_entropy(said, chroma).item() == pytest.approx(entropy.item(), rel=1e-4)
    for other in (said * 0.5, said.roll(1, dims=-3), torch.zeros_like(said)):
        assert chroma_cross_entropy(other, chroma) > entropy + 0.01


def test_the_target_of_smaller_logits_is_the_mean_chroma() -> None:
    truth = torch.zeros(1, 3, 8, 8)
    truth[:, 0, :, ::2] = 0.4
    expected = rgb_to_chroma(truth).mean(dim=(2, 3), keepdim=True).expand(1, 2, 2, 2)
    torch.testing.assert_close(chroma_target(truth, 2, 2), expected)


def test_a_place_of_the_doubling_chroma_counts_twice_as_much_as_a_gray_one() -> None:
    chroma = torch.zeros(1, 2, 1, 2)
    chroma[0, 0, 0, 1] = 40 / 127.5
    logits = torch.randn(1, 2, 49, 1, 2, generator=torch.Generator().manual_seed(2))
    gray, colored = (chroma_cross_entropy(logits[..., [place]], chroma[..., [place]]).item() for place in (0, 1))
    weighted = chroma_cross_entropy(logits, chroma, doubling_chroma=40.0).item()
    assert weighted == pytest.approx((gray + 2.0 * colored) / 3.0, rel=1e-5)
    assert chroma_cross_entropy(logits, chroma).item() == pytest.approx((gray + colored) / 2.0, rel=1e-5)
