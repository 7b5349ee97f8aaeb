"""Augmentation: random changes of the training pictures."""

import io
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample, interpolate, pad

from photochrom.color import luma, to_uint8
from photochrom.tensors import GrayBatch, RgbBatch


@dataclass(frozen=True)
class Augmentation:
    """How much pictures are changed. All random numbers are from torch's global generator, so runs are repeatable.

    Attributes:
        turn: Standard deviation of the angle, in radians.
        shift: Standard deviation of the shift, as a share of the side.
        zoom: Standard deviation of the logarithm of the scale.
        worn: Share of the pictures whose gray input is aged like an old photograph.
        framed: Whether to show a random square crop of each picture in its true aspect ratio, not the whole square.
    """

    turn: float
    shift: float
    zoom: float
    worn: float = 0.0
    framed: bool = False

    def __call__(self, rgb: RgbBatch, aspects: Tensor | None = None) -> tuple[GrayBatch, RgbBatch]:
        """Change pictures at random.

        Args:
            rgb: Shape (batch, 3, height, width), signed.
            aspects: See `Pairs.aspects`; shape (batch,).

        Returns:
            Gray input and color, signed. Gray is the luma of the color, except in worn pictures.
        """
        motions = self._random_motions(len(rgb))
        if self.framed:
            motions = _framed(motions, torch.ones(len(rgb)) if aspects is None else aspects.cpu())
        moved = _move(rgb, motions.to(rgb.device))
        gray = luma(moved)
        if self.worn:
            gray = _wear(gray, self.worn)
        return gray, moved

    def _random_motions(self, count: int) -> Tensor:
        """Affine maps from coordinates in the new picture to those in the old one; shape (count, 2, 3)."""
        angle = torch.randn(count) * self.turn
        scale = torch.exp(torch.randn(count) * self.zoom)
        mirror = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
        shift = torch.randn(count, 2) * (2.0 * self.shift)  # grid coordinates run from -1 to 1
        cosine, sine = scale * angle.cos(), scale * angle.sin()
        first = torch.stack([mirror * cosine, -sine, shift[:, 0]], dim=1)
        second = torch.stack([mirror * sine, cosine, shift[:, 1]], dim=1)
        return torch.stack([first, second], dim=1)


def get_augmentation(name: str, worn: float) -> Augmentation | None:
    """The augmentation of a setting; None for `none`.

    Args:
        name: A value of `TrainingConfig.augmentation`.
        worn: Share of the pictures that `scenes` ages.
    """
    kind = _KINDS[name]
    return replace(kind, worn=worn) if kind is not None and kind.framed else kind


_KINDS = {
    "none": None,
    "faces": Augmentation(turn=0.07, shift=0.015, zoom=0.05),
    "scenes": Augmentation(turn=0.07, shift=0.02, zoom=0.25, framed=True),
}

_UNKNOWN_ASPECTS = (1.3, 1.5)
"""Most cameras take photos of 4:3 or 3:2."""

_UPRIGHT_SHARE = 0.25
"""The share of upright photos among those of unknown aspect ratio."""


def _framed(motions: Tensor, aspects: Tensor) -> Tensor:
    """Motions that show the largest square of each picture, at a random place along its longer side.

    Args:
        aspects: Width divided by height, NaN if unknown; shape (batch,).
    """
    lowest, highest = _UNKNOWN_ASPECTS
    drawn = lowest + (highest - lowest) * torch.rand(len(aspects))
    drawn = torch.where(torch.rand(len(aspects)) < _UPRIGHT_SHARE, 1.0 / drawn, drawn)
    aspects = torch.where(aspects.isnan(), drawn, aspects)
    extents = torch.stack([(1.0 / aspects).clamp(max=1.0), aspects.clamp(max=1.0)], dim=1)
    reach = (1.0 - extents * motions[:, :, :2].square().sum(dim=2).sqrt()).clamp(min=0.0)
    framed = motions * extents[:, :, None]
    framed[:, :, 2] += reach * (2.0 * torch.rand(len(aspects), 2) - 1.0)
    return framed


def _move(rgb: RgbBatch, motions: Tensor) -> RgbBatch:
    """Move pictures; beyond the edges they are mirrored."""
    grid = affine_grid(motions, list(rgb.shape), align_corners=False)
    return grid_sample(rgb, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _wear(gray: GrayBatch, share: float) -> GrayBatch:
    """Age some pictures like old prints and their scans; each kind of wear is applied to half of the worn pictures."""
    count = len(gray)
    worn = torch.rand(count) < share
    chosen = [worn & (torch.rand(count) < 0.5) for _ in _WEAR]
    for kind, where in zip(_WEAR, chosen, strict=True):
        if bool(where.any()):
            gray = gray.index_put((where.to(gray.device),), kind(gray[where.to(gray.device)]))
    return gray


def _random(count: int, lowest: float, highest: float) -> Tensor:
    return (lowest + (highest - lowest) * torch.rand(count)).reshape(-1, 1, 1, 1)


def _fade(gray: GrayBatch) -> GrayBatch:
    """Lower the contrast, and change black and gamma."""
    unit = (gray + 1.0) / 2.0
    contrast = _random(len(gray), 0.45, 1.0).to(gray)
    black = _random(len(gray), 0.0, 1.0).to(gray) * (1.0 - contrast)
    gamma = torch.exp(_random(len(gray), -0.45, 0.45)).to(gray)
    return (unit.clamp(0.0, 1.0) ** gamma * contrast + black) * 2.0 - 1.0


def _blur(gray: GrayBatch) -> GrayBatch:
    """Shrink to half of the size and back, and mix with the sharp picture."""
    height, width = gray.shape[-2:]
    even = pad(gray, (0, width % 2, 0, height % 2), mode="replicate")
    coarse = interpolate(avg_pool2d(even, 2), scale_factor=2, mode="bilinear", align_corners=False)
    share = _random(len(gray), 0.3, 1.0).to(gray)
    return gray + share * (coarse[..., :height, :width] - gray)


def _grain(gray: GrayBatch) -> GrayBatch:
    """Add fine or coarser film grain."""
    fine = torch.randn(gray.shape)
    coarse = avg_pool2d(torch.randn(gray.shape), 3, stride=1, padding=1) * 3.0
    noise = torch.where(torch.rand(len(gray), 1, 1, 1) < 0.5, fine, coarse)
    return (gray + (noise * _random(len(gray), 0.02, 0.12)).to(gray)).clamp(-1.0, 1.0)


def _shade(gray: GrayBatch) -> GrayBatch:
    """Expose unevenly: from one side to the other, and darker towards the corners."""
    height, width = gray.shape[-2:]
    rows = torch.linspace(-1.0, 1.0, height)[:, None]
    columns = torch.linspace(-1.0, 1.0, width)
    across, down, corners = (_random(len(gray), -0.18, 0.18) for _ in range(3))
    light = across * columns + down * rows - corners.abs() * (columns**2 + rows**2)
    return (gray + light.to(gray)).clamp(-1.0, 1.0)


def _scratch(gray: GrayBatch) -> GrayBatch:
    """Draw bright and dark hairlines from edge to edge, like folds and scratches."""
    height, width = gray.shape[-2:]
    rows = torch.linspace(-1.0, 1.0, height)[:, None]
    columns = torch.linspace(-1.0, 1.0, width)
    scratched = gray
    for _ in range(_SCRATCHES):
        angle, place = _random(len(gray), 0.0, torch.pi), _random(len(gray), -1.0, 1.0)
        distance = (columns * angle.cos() + rows * angle.sin() - place).abs() * (width / 2.0)
        strength = _random(len(gray), -0.6, 0.6) * (1.0 - distance).clamp(min=0.0)
        scratched = scratched + strength.to(gray)
    return scratched.clamp(-1.0, 1.0)


def _compress(gray: GrayBatch) -> GrayBatch:
    """Compress as JPEG of low quality."""
    qualities = torch.randint(15, 60, (len(gray),)).tolist()
    pictures = to_uint8(gray[:, 0]).cpu().numpy()
    coarse = [_recompress(picture, quality) for picture, quality in zip(pictures, qualities, strict=True)]
    return torch.from_numpy(np.stack(coarse)).to(gray)[:, None] / 127.5 - 1.0


def _recompress(picture: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


_SCRATCHES = 2
_WEAR = (_fade, _shade, _scratch, _blur, _grain, _compress)
