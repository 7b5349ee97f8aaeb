"""Synthetic faces: skin, hair, lips, light and background, drawn at random."""

from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float

from photochrom.errors import ConfigError
from photochrom.tensors import RgbPictures

MIN_SIZE = 16
_FACES_AT_ONCE = 8  # each group has its own random stream, so another number gives other faces

# Colors are gamma-encoded RGB, about in [0, 1]. Densities are minus their logarithms, so those of pigments add up.
Number: TypeAlias = Float[Any, "count 1 1"]
Tint: TypeAlias = Float[Any, "#count 3 1 1"]
Map: TypeAlias = Float[Any, "count size size"]
Canvas: TypeAlias = Float[Any, "count 3 size size"]


def _rgb(red: float, green: float, blue: float) -> Tint:
    return np.array([red, green, blue], dtype=np.float32).reshape(3, 1, 1)


_SKIN_BASE, _MELANIN, _BLOOD = _rgb(0.09, 0.275, 0.42), _rgb(1.03, 1.26, 1.42), _rgb(0.12, 0.45, 0.38)
_HAIR_BASE, _EUMELANIN, _PHEOMELANIN = _rgb(0.10, 0.13, 0.20), _rgb(1.00, 1.20, 1.38), _rgb(0.12, 0.72, 1.25)
_SHADOW, _GRAY_HAIR, _MOUTH_LINE = _rgb(0.92, 1.02, 1.06), _rgb(0.62, 0.61, 0.59), _rgb(0.22, 0.09, 0.08)


@dataclass(frozen=True)
class _Sampler:
    """Draws random attributes: one number for each face, or smooth maps within about two deviations."""

    rng: np.random.Generator
    size: int

    def between(self, low: float, high: float) -> Number:
        return self.rng.uniform(low, high, (_FACES_AT_ONCE, 1, 1)).astype(np.float32)

    def normal(self, mean: float, deviation: float) -> Number:
        return mean + deviation * np.clip(self.rng.standard_normal((_FACES_AT_ONCE, 1, 1), dtype=np.float32), -2, 2)

    def chance(self, probability: float) -> Number:
        return (self.rng.random((_FACES_AT_ONCE, 1, 1)) < probability).astype(np.float32)

    def clouds(self, *grid: int) -> Map | Canvas:
        values = self.rng.standard_normal((_FACES_AT_ONCE, *grid), dtype=np.float32)
        return _spread(grid[-2], self.size) @ values @ _spread(grid[-1], self.size).T


@cache
def _spread(cells: int, size: int) -> Float[Any, "size cells"]:
    """The matrix that stretches a few values smoothly over a side."""
    places = (np.arange(size) + 0.5) / size * (cells - 1)
    t = np.clip(1 - np.abs(places[:, None] - np.arange(cells)), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


@dataclass(frozen=True)
class _Plane:
    """Coordinates of every pixel: `x` and `y` from the middle of the nose, `across` and `down` 1 at the head's edge."""

    x: Map
    y: Map
    across: Map
    down: Map
    pixel: float

    @classmethod
    def drawn(cls, draw: _Sampler) -> "_Plane":
        ticks = (np.arange(draw.size, dtype=np.float32) + 0.5) * (2 / draw.size) - 1
        right, below = ticks[None, None, :] - draw.normal(0, 0.05), ticks[None, :, None] - draw.normal(0, 0.05)
        roll, scale = draw.normal(0, 0.07), draw.normal(1.06, 0.055)
        x = (right * np.cos(roll) + below * np.sin(roll)) / scale
        y = (below * np.cos(roll) - right * np.sin(roll)) / scale * draw.normal(1, 0.035)
        jaw = np.clip((y + 0.2) * 0.66, 0, 1)
        across = x / (draw.normal(0.97, 0.035) * (1 - draw.normal(0.13, 0.05) * jaw * jaw))
        return cls(x, y, across, y / (draw.normal(1.31, 0.05) * np.where(y < 0, 1.22, 1)), 2 / draw.size)

    def inside(self) -> Map:
        """How far a pixel lies inside the head; negative outside."""
        return 1 - np.sqrt(self.across**2 + self.down**2)

    def fill(self, distance: Map, softness: float = 0.0) -> Map:
        """Opacity of a shape from how far pixels lie inside it, with an edge at least two pixels wide."""
        t = np.clip(distance / max(softness, 2 * self.pixel) + 0.5, 0, 1)
        return t * t * (3 - 2 * t)

    def hill(self, x: float, y: float, width: float, height: float) -> Map:
        """A smooth hill on both sides of the face: 1 in its middle, 0 outside."""
        radius = ((np.abs(self.x) - x) / width) ** 2 + ((self.y - y) / height) ** 2
        return np.maximum(1 - radius, 0) ** 2


def _paint(canvas: Canvas, color: Tint | Canvas, opacity: Map) -> None:
    """Lay a color on the canvas, in place."""
    canvas += opacity[:, None] * (color - canvas)


def _backdrop(draw: _Sampler) -> Tint:
    """A color of any brightness, mostly muted, more often warm than cold."""
    value, warmth, greenness = draw.between(0.08, 0.95), draw.normal(0.05, 0.17), draw.normal(0, 0.06)
    return np.stack([value * (1 + warmth), value * (1 + greenness), value * (1 - warmth)], axis=1)


def _background(draw: _Sampler, plane: _Plane) -> Canvas:
    """Two colors that run into each other, with soft blobs, and clothes below."""
    near, far, angle = _backdrop(draw), _backdrop(draw), draw.between(0, 2 * np.pi)
    along = np.clip(0.4 * (plane.x * np.cos(angle) + plane.y * np.sin(angle)) + 0.5, 0, 1)
    canvas = near + along[:, None] * (far - near) + 0.08 * draw.clouds(3, 4, 4)
    _paint(canvas, _backdrop(draw), plane.fill(plane.y + 0.3 * np.abs(plane.x) - draw.normal(1.12, 0.08), 0.06))
    return canvas


def _shade(draw: _Sampler, plane: _Plane) -> Map:
    """Density of the shade on the round of the head, around the eyes and beside and below the nose."""
    facing = np.sqrt(np.maximum(1.05 - 0.8 * (plane.across**2 + plane.down**2), 0.02))
    lit = facing + draw.normal(0, 0.42) * plane.across + draw.normal(-0.3, 0.16) * plane.down
    shade = 0.8 * draw.between(0.4, 1.1) * (1 - lit)
    shade += draw.between(0.06, 0.34) * plane.hill(0.4, -0.58, 0.34, 0.26)
    shade += 0.15 * plane.hill(0.2, -0.1, 0.14, 0.4) + 0.4 * plane.hill(0.0, 0.17, 0.24, 0.1)
    shade += 1.6 * plane.hill(0.46, -0.52, 0.2, 0.1)
    return shade + draw.between(0.3, 1.2) * plane.hill(0.45, -0.8, 0.32, 0.09)


def _lips(draw: _Sampler, plane: _Plane) -> tuple[Map, Map]:
    """Opacities of the lips and of the line between them; a smile raises the corners."""
    smile = draw.between(-0.03, 0.15)
    bent = np.minimum((plane.x / (draw.normal(0.38, 0.03) + 0.6 * smile)) ** 2, 1)
    below = plane.y - draw.normal(0.59, 0.025) - smile * (0.3 - bent)
    thickness = np.where(below < 0, draw.between(0.05, 0.1), draw.between(0.08, 0.14)) * (1 - bent)
    opened = np.maximum(1 - (below / (0.02 + draw.chance(0.4) * draw.between(0.02, 0.08))) ** 2, 0)
    return plane.fill(thickness - np.abs(below), 0.05) * plane.fill(0.9 - bent, 0.2), 0.7 * opened * (1 - bent)


def _skin(draw: _Sampler, plane: _Plane, melanin: Number, shade: Map, lips: Map) -> Canvas:
    """Shaded skin with flushed cheeks, nose and lips.

    The densities of melanin and blood add up, so a flush shows less on dark skin, and shade deepens the color. Melanin
    takes the tone from L* 81, a* 10, b* 18 to L* 26, a* 11, b* 14; blood adds mostly a*.

    Reference:
        N. Tsumura, H. Haneishi, Y. Miyake, "Independent-component analysis of skin color image", Journal of the
        Optical Society of America A 16(9), 1999.
    """
    blotches = draw.clouds(9, 9)
    blood = draw.normal(0.08, 0.17) + draw.between(0.3, 1.1) * lips + 0.1 * blotches
    blood = blood + draw.between(0, 0.5) * plane.hill(0.52, 0.02, 0.5, 0.42)
    blood = blood + draw.between(0, 0.35) * plane.hill(0, 0.02, 0.3, 0.25)
    pigment = melanin + 0.015 * blotches[:, ::-1]
    yellow, warmth = draw.normal(0.03, 0.06)[:, None], draw.normal(0, 0.18)[:, None]
    density = _SKIN_BASE + yellow * _rgb(0, 0, 1) + pigment[:, None] * _MELANIN + blood[:, None] * _BLOOD
    return np.exp(-density - shade[:, None] * (_SHADOW + warmth * _rgb(1.0, 0.1, -1.2)))


def _hair_color(draw: _Sampler, melanin: Number) -> Tint:
    """Two pigments mix to black, brown, blond and red; some hair is gray; fair hair goes with fair skin."""
    fairness = np.clip(1.15 - 1.7 * melanin, 0, 1) * draw.between(0, 1)
    is_red = draw.chance(0.14) * (fairness > 0.25)
    eumelanin = (1.8 - 1.58 * fairness + draw.normal(0, 0.07))[:, None]
    pheomelanin = (draw.between(0.05, 0.3) + is_red * draw.between(0.35, 0.6))[:, None]
    color = np.exp(-(_HAIR_BASE + eumelanin * _EUMELANIN + pheomelanin * _PHEOMELANIN))
    return color + (draw.chance(0.22) * draw.between(0.4, 1))[:, None] * (_GRAY_HAIR - color)


def _hair(draw: _Sampler, plane: _Plane) -> tuple[Map, Map]:
    """Opacities of the hair behind the head and of the hair in front of it; some is long, some heads are bald."""
    waves = 0.035 * draw.clouds(4, 7)
    is_long = draw.chance(0.38)
    is_bald = (1 - is_long) * draw.chance(0.12)
    outer = (1 - is_bald) * plane.fill(plane.inside() + draw.between(0.08, 0.35) + waves, 0.05)
    end = np.where(is_long > 0, 3.0, draw.between(-0.6, -0.1))
    side = np.where(is_long > 0, draw.between(0.02, 0.2), draw.between(-0.04, 0.07))
    hairline = draw.between(-1.38, -0.88) + draw.normal(0, 0.09) * plane.x + draw.between(0, 0.28) * plane.x**2
    front = np.maximum(hairline + waves - plane.y, np.minimum(np.abs(plane.across) - 1 + side + waves, end - plane.y))
    return outer * plane.fill(end - plane.y, 0.1), outer * plane.fill(front, 0.07)


def _portraits(draw: _Sampler) -> tuple[Canvas, Number]:
    """Faces before the camera sees them, and the melanin of their skin, from 0 (lightest) to about 1."""
    plane = _Plane.drawn(draw)
    melanin = np.log(81.0 / draw.between(27.0, 81.0)) / 1.14
    canvas = _background(draw, plane)
    shade, (lips, line) = _shade(draw, plane), _lips(draw, plane)
    behind, front = _hair(draw, plane)
    strands = (1 + 0.16 * draw.clouds(5, 26)) * (0.35 + 0.65 * np.exp(-0.8 * shade))
    hair = _hair_color(draw, melanin) * strands[:, None]
    head = plane.fill(plane.inside())
    neck = plane.fill(draw.normal(0.66, 0.06) - np.abs(plane.x)) * plane.fill(plane.y - 0.6, 0.1)
    _paint(canvas, hair, behind)
    skin = _skin(draw, plane, melanin, shade + 0.35 * (1 - head), lips)
    _paint(canvas, skin, np.maximum(head, neck * plane.fill(1.25 - plane.y)))
    _paint(canvas, _MOUTH_LINE, line)
    _paint(canvas, hair, front)
    return canvas, melanin


def _photographed(draw: _Sampler) -> RgbPictures:
    """The faces through a random camera: exposure, white balance, saturation, contrast, blur and noise.

    Dark skin is exposed longer, as by a camera that measures the face, so that luma tells less of the tone.
    """
    (canvas, melanin), size, warmth = _portraits(draw), draw.size, draw.normal(0.015, 0.05)
    exposure = draw.normal(1.13, 0.1) * np.exp(0.48 * (melanin - 0.35))
    gains = exposure * np.concatenate([1 + warmth, 1 + draw.normal(0, 0.016), 1 - 1.3 * warmth], axis=2)
    saturation, contrast = draw.normal(0.92, 0.14), draw.normal(1.12, 0.14)
    offset = (1 - contrast) * 0.5 + draw.normal(0, 0.025)
    mixing = contrast * (saturation * np.eye(3) + (1 - saturation) * [0.299, 0.587, 0.114]) * gains
    distance = (np.arange(size)[:, None] - np.arange(size)) * (80 / size) / draw.between(0.3, 1.15)
    blur = np.exp(-0.5 * distance**2)[:, None].astype(np.float32)
    blur /= blur.sum(axis=3, keepdims=True)
    blurred = (blur @ canvas @ blur.swapaxes(2, 3)).reshape(*canvas.shape[:2], -1)
    levels = (mixing.astype(np.float32) @ blurred + offset).reshape(canvas.shape) + 0.006 * draw.clouds(3, 12, 12)
    noise = draw.between(0.001, 0.009) * draw.rng.standard_normal((_FACES_AT_ONCE, size, size), dtype=np.float32)
    levels = np.clip(np.rint((levels + noise[:, None]) * 255), 0, 255)
    return np.ascontiguousarray(levels.astype(np.uint8).transpose(0, 2, 3, 1))


def require_drawable(count: int, seed: int, size: int) -> None:
    """Raise a `ConfigError` for an argument of `draw_faces` that is out of range."""
    for name, value, lowest in (("count", count, 1), ("size", size, MIN_SIZE), ("seed", seed, 0)):
        if value < lowest:
            raise ConfigError(f"the {name} of synthetic faces must be at least {lowest}, not {value}")


def draw_faces(count: int, *, seed: int, stream: tuple[int, ...] = (), size: int = 80) -> RgbPictures:
    """Synthetic faces, the same for the same arguments, but for the rounding of different processors.

    Args:
        count: At least 1; the first faces are the same however many are wanted.
        seed: Not negative.
        stream: Numbers, not negative, that choose other faces of the same seed.
        size: Side of the square pictures, at least 16.

    Returns:
        Shape (count, size, size, 3), uint8 RGB.
    """
    require_drawable(count, seed, size)
    groups = []
    for index in range(-(-count // _FACES_AT_ONCE)):  # always whole, so that no face depends on how many are wanted
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(*stream, index)))
        groups.append(_photographed(_Sampler(rng, size)))
    return np.concatenate(groups)[:count]
