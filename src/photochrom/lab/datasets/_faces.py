"""Drawing faces at random: their parts, their light, and the camera that takes them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count as count_from
from itertools import islice
from typing import Annotated, Any, Protocol, Self, TypeAlias, get_type_hints

import numpy as np
from jaxtyping import Float

from photochrom.errors import ConfigError
from photochrom.tensors import RgbPictures

__all__ = ["MIN_SIZE", "draw_faces", "require_drawable"]

MIN_SIZE = 16
"""A shorter side has too few pixels for eyes and lips."""

_CHUNK = 8
"""Faces drawn together, as many as a processor's cache holds. Each chunk has its own random stream, so
another number here gives other faces."""

Number: TypeAlias = Float[Any, "count 1 1"]
"""One number a face."""

Color: TypeAlias = Float[Any, "#count 3 1 1"]
"""One color or density a face, or one for all."""

Grid: TypeAlias = Float[Any, "count *channels rows columns"]
"""A few random numbers a face."""

Map: TypeAlias = Float[Any, "count size size"]
"""One number a pixel."""

Picture: TypeAlias = Float[Any, "count 3 size size"]
"""One color a pixel, about in [0, 1]."""


# --------------------------------------------------------------------------------------------------
# Colors, unit RGB as a photo holds it (gamma-encoded), and densities: minus the logarithm of such a color.


def _rgb(red: float, green: float, blue: float) -> Color:
    return np.array([red, green, blue], dtype=np.float32).reshape(3, 1, 1)


_SKIN_BASE = _rgb(0.09, 0.275, 0.42)
_MELANIN = _rgb(1.03, 1.26, 1.42)
_BLOOD = _rgb(0.12, 0.45, 0.38)
_SHADOW = _rgb(0.92, 1.02, 1.06)
_WARMTH = _rgb(1.0, 0.1, -1.2)
_LIGHTEST, _DARKEST, _LIGHTNESS_DECAY = 81.0, 27.0, 1.14

_HAIR_BASE = _rgb(0.10, 0.13, 0.20)
_EUMELANIN = _rgb(1.00, 1.20, 1.38)
_PHEOMELANIN = _rgb(0.12, 0.72, 1.25)

_BROWN_IRIS = _rgb(0.27, 0.16, 0.10)
_LIGHT_IRISES = np.stack(
    [_rgb(0.40, 0.53, 0.66), _rgb(0.42, 0.49, 0.34), _rgb(0.52, 0.55, 0.56), _rgb(0.40, 0.31, 0.18)]
)
_FRAMES = np.stack([_rgb(0.08, 0.08, 0.09), _rgb(0.22, 0.13, 0.08), _rgb(0.62, 0.52, 0.30), _rgb(0.55, 0.56, 0.58)])
_CLOTHES = np.stack(
    [
        _rgb(0.10, 0.11, 0.14),
        _rgb(0.14, 0.18, 0.32),
        _rgb(0.85, 0.85, 0.86),
        _rgb(0.45, 0.46, 0.48),
        _rgb(0.55, 0.12, 0.13),
        _rgb(0.20, 0.33, 0.24),
        _rgb(0.35, 0.45, 0.62),
        _rgb(0.62, 0.52, 0.38),
    ]
)
_LIPSTICKS = np.stack([_rgb(0.05, 0.75, 0.60), _rgb(0.10, 0.45, 0.25), _rgb(0.25, 0.85, 0.55), _rgb(0.12, 0.50, 0.50)])


# --------------------------------------------------------------------------------------------------
# Attributes: what tells one face from another. A class names each beside the range that it is sampled from.


class _Distribution(Protocol):
    def draw(self, rng: np.random.Generator, count: int) -> Number | Color | Grid: ...


@dataclass(frozen=True)
class _Between:
    """Every number from `low` to `high` alike."""

    low: float
    high: float

    def draw(self, rng: np.random.Generator, count: int) -> Number:
        return rng.uniform(self.low, self.high, (count, 1, 1)).astype(np.float32)


@dataclass(frozen=True)
class _Normal:
    """Normal, but never further than two deviations from the mean, so that no face is a monster."""

    mean: float
    deviation: float

    def draw(self, rng: np.random.Generator, count: int) -> Number:
        values = rng.standard_normal((count, 1, 1), dtype=np.float32)
        return self.mean + self.deviation * np.clip(values, -2, 2)


@dataclass(frozen=True)
class _Bernoulli:
    """1 with this probability, else 0."""

    probability: float | Number

    def draw(self, rng: np.random.Generator, count: int) -> Number:
        return (rng.random((count, 1, 1)) < self.probability).astype(np.float32)


@dataclass(frozen=True)
class _OneOf:
    """One color of a palette; shape of the palette (colors, 3, 1, 1)."""

    palette: Color

    def draw(self, rng: np.random.Generator, count: int) -> Color:
        return self.palette[rng.integers(len(self.palette), size=count)]


@dataclass(frozen=True)
class _Noise:
    """Standard normal values of this shape, to be stretched over a picture."""

    shape: tuple[int, ...]

    def draw(self, rng: np.random.Generator, count: int) -> Grid:
        return rng.standard_normal((count, *self.shape), dtype=np.float32)


@dataclass(frozen=True)
class _Sampler:
    """Draws what a chunk of faces needs from distributions."""

    rng: np.random.Generator
    count: int

    def __call__(self, distribution: _Distribution) -> Any:
        return distribution.draw(self.rng, self.count)


class _Attributes:
    """Attributes of a chunk of faces; a distribution in an annotation is what it is drawn from."""

    @classmethod
    def sample(cls, draw: _Sampler, **given: Any) -> Self:
        """All attributes: those that are given, and the others drawn."""
        hints = get_type_hints(cls, include_extras=True)
        drawn = {name: draw(hint.__metadata__[-1]) for name, hint in hints.items() if name not in given}
        return cls(**drawn, **given)


@dataclass(frozen=True)
class _Pose(_Attributes):
    """Where the face lies in the crop and where it looks."""

    shift_x: Annotated[Number, _Normal(0, 0.05)]
    shift_y: Annotated[Number, _Normal(0, 0.05)]
    scale: Annotated[Number, _Normal(1.06, 0.055)]
    roll: Annotated[Number, _Normal(0, 0.07)]
    yaw: Annotated[Number, _Normal(0, 0.14)]
    stretch: Annotated[Number, _Normal(1, 0.035)]


@dataclass(frozen=True)
class _Head(_Attributes):
    """The outline of the head, and the relief that shading shows."""

    width: Annotated[Number, _Normal(0.97, 0.035)]
    height: Annotated[Number, _Normal(1.31, 0.05)]
    taper: Annotated[Number, _Normal(0.13, 0.05)]
    squareness: Annotated[Number, _Between(0, 0.55)]
    ear_size: Annotated[Number, _Between(0.7, 1.2)]
    neck_width: Annotated[Number, _Normal(0.66, 0.06)]
    nose_width: Annotated[Number, _Normal(0.19, 0.025)]
    nose_base: Annotated[Number, _Normal(0.12, 0.03)]
    fold_depth: Annotated[Number, _Between(0.02, 0.08)]
    socket_depth: Annotated[Number, _Between(0.06, 0.34)]
    age: Annotated[Number, _Between(0, 1)]


@dataclass(frozen=True)
class _Skin(_Attributes):
    """The skin's pigments, as multiples of the densities above; `lightness` is L* without flush and shade."""

    lightness: Annotated[Number, _Between(_DARKEST, _LIGHTEST)]
    blood: Annotated[Number, _Normal(0.08, 0.17)]
    yellowness: Annotated[Number, _Normal(0.03, 0.06)]
    rosiness: Annotated[Number, _Between(0, 1)]
    cheek_blood: Annotated[Number, _Between(0, 0.75)]
    nose_blood: Annotated[Number, _Between(0, 0.35)]
    lid_blood: Annotated[Number, _Between(0, 0.5)]
    gloss: Annotated[Number, _Between(0, 0.22)]
    blotches: Annotated[Grid, _Noise((9, 9))]

    @property
    def melanin(self) -> Number:
        """From 0, the lightest skin, to about 1, the darkest."""
        return np.log(_LIGHTEST / self.lightness) / _LIGHTNESS_DECAY


@dataclass(frozen=True)
class _Hair(_Attributes):
    """Color and outline of the hair on the head."""

    color: Color
    present: Number
    hairline: Number
    side: Number
    side_end: Number
    strands: Annotated[Grid, _Noise((5, 26))]
    volume: Annotated[Number, _Between(0.08, 0.35)]
    slant: Annotated[Number, _Normal(0, 0.09)]
    temple: Annotated[Number, _Between(0, 0.28)]
    wave: Annotated[Grid, _Noise((4, 7))]

    @classmethod
    def of(cls, draw: _Sampler, color: Color, is_long: Number) -> "_Hair":
        """Long hair falls beside the face; a fringe covers the forehead; short hair may be missing."""
        has_fringe = draw(_Bernoulli(0.22)) > 0
        return cls.sample(
            draw,
            color=color,
            present=1 - (1 - is_long) * draw(_Bernoulli(0.12)),
            hairline=np.where(has_fringe, draw(_Between(-1.0, -0.84)), draw(_Between(-1.38, -0.98))),
            side=np.where(is_long > 0, draw(_Between(0.02, 0.2)), draw(_Between(-0.04, 0.07))),
            side_end=np.where(is_long > 0, 3.0, draw(_Between(-0.6, -0.1))),
        )


@dataclass(frozen=True)
class _Brows(_Attributes):
    """Color and shape of the brows."""

    color: Color
    height: Annotated[Number, _Normal(-0.79, 0.03)]
    thickness: Annotated[Number, _Between(0.045, 0.1)]
    arch: Annotated[Number, _Between(0.02, 0.13)]
    tilt: Annotated[Number, _Normal(0.01, 0.04)]
    opacity: Annotated[Number, _Between(0.45, 0.95)]


@dataclass(frozen=True)
class _Beard(_Attributes):
    """How dense the beard is, how far it reaches beyond the mouth's corners, and where it ends below."""

    opacity: Number
    reach: Number
    end: Number

    @classmethod
    def of(cls, draw: _Sampler, may_grow: Number) -> "_Beard":
        """None, stubble, a moustache, a goatee or a full beard."""
        stubble = draw(_Bernoulli(0.5)) * draw(_Between(0.05, 0.3))
        is_grown = draw(_Bernoulli(0.22))
        is_narrow = is_grown * draw(_Bernoulli(0.5))
        is_moustache = is_narrow * draw(_Bernoulli(0.5))
        return cls.sample(
            draw,
            opacity=np.where(is_grown > 0, draw(_Between(0.6, 0.95)), stubble) * may_grow,
            reach=np.where(is_narrow > 0, draw(_Between(0.06, 0.16)), 2.0),
            end=3.0 - 2.48 * is_moustache,
        )


@dataclass(frozen=True)
class _Eyes(_Attributes):
    """Color and shape of the eyes, and where they look."""

    iris: Color
    distance: Annotated[Number, _Normal(0.47, 0.015)]
    height: Annotated[Number, _Normal(-0.52, 0.02)]
    half_width: Annotated[Number, _Normal(0.205, 0.015)]
    opening: Annotated[Number, _Normal(0.085, 0.022)]
    tilt: Annotated[Number, _Normal(-0.02, 0.05)]
    gaze_x: Annotated[Number, _Normal(0, 0.035)]
    gaze_y: Annotated[Number, _Normal(-0.005, 0.008)]
    iris_radius: Annotated[Number, _Normal(0.095, 0.006)]
    lashes: Annotated[Number, _Between(0.35, 1)]


@dataclass(frozen=True)
class _Mouth(_Attributes):
    """Shape and color of the mouth; the lips are painted or not."""

    is_painted: Number
    smile: Annotated[Number, _Between(-0.03, 0.15)]
    rest_height: Annotated[Number, _Normal(0.59, 0.025)]
    rest_half_width: Annotated[Number, _Normal(0.36, 0.03)]
    upper: Annotated[Number, _Between(0.05, 0.1)]
    lower: Annotated[Number, _Between(0.08, 0.14)]
    is_open: Annotated[Number, _Bernoulli(0.42)]
    gap_if_open: Annotated[Number, _Between(0.03, 0.11)]
    teeth: Annotated[Number, _Between(0.1, 1)]
    blood: Annotated[Number, _Between(0.3, 1.1)]
    lipstick: Annotated[Color, _OneOf(_LIPSTICKS)]

    @property
    def height(self) -> Number:
        """Where the middle of a smile sinks to."""
        return self.rest_height + 0.3 * self.smile

    @property
    def half_width(self) -> Number:
        """A smile is wider."""
        return self.rest_half_width + 0.6 * self.smile

    @property
    def gap(self) -> Number:
        """Half the distance of the lips in the middle."""
        return self.is_open * self.gap_if_open

    @property
    def bottom(self) -> Number:
        """Where the lower lip ends."""
        return self.height + self.gap + self.lower


@dataclass(frozen=True)
class _Glasses(_Attributes):
    """Glasses, where a face wears them."""

    present: Annotated[Number, _Bernoulli(0.2)]
    radius_x: Annotated[Number, _Between(0.29, 0.37)]
    radius_y: Annotated[Number, _Between(0.18, 0.28)]
    squareness: Annotated[Number, _Between(0, 0.9)]
    thickness: Annotated[Number, _Between(0.012, 0.045)]
    frame: Annotated[Color, _OneOf(_FRAMES)]
    is_dark: Annotated[Number, _Bernoulli(0.1)]
    tint: Annotated[Number, _Between(0, 0.12)]
    tint_if_dark: Annotated[Number, _Between(0.6, 0.92)]


@dataclass(frozen=True)
class _Scene(_Attributes):
    """What lies around the face, where the light comes from, and how deep and warm its shade is."""

    near: Color
    far: Color
    angle: Annotated[Number, _Between(0, 2 * np.pi)]
    blobs: Annotated[Grid, _Noise((3, 4, 4))]
    clothes: Annotated[Color, _OneOf(_CLOTHES)]
    collar: Annotated[Number, _Normal(1.12, 0.08)]
    light_x: Annotated[Number, _Normal(0, 0.42)]
    light_y: Annotated[Number, _Normal(-0.3, 0.16)]
    relief: Annotated[Number, _Between(0.3, 1.1)]
    shade_warmth: Annotated[Number, _Normal(0, 0.18)]


@dataclass(frozen=True)
class _Camera(_Attributes):
    """What the camera does to color and sharpness."""

    exposure: Annotated[Number, _Normal(1.13, 0.1)]
    warmth: Annotated[Number, _Normal(0.015, 0.05)]
    greenness: Annotated[Number, _Normal(0, 0.016)]
    saturation: Annotated[Number, _Normal(0.92, 0.14)]
    contrast: Annotated[Number, _Normal(1.12, 0.14)]
    brightness: Annotated[Number, _Normal(0, 0.025)]
    blur: Annotated[Number, _Between(0.3, 1.15)]
    noise: Annotated[Number, _Between(0.001, 0.009)]


@dataclass(frozen=True)
class _Faces:
    """All attributes of a chunk of faces."""

    pose: _Pose
    head: _Head
    skin: _Skin
    hair: _Hair
    brows: _Brows
    beard: _Beard
    eyes: _Eyes
    mouth: _Mouth
    glasses: _Glasses
    scene: _Scene
    camera: _Camera

    @classmethod
    def sample(cls, rng: np.random.Generator, count: int) -> "_Faces":
        draw = _Sampler(rng, count)
        head, skin = _Head.sample(draw), _Skin.sample(draw)
        hair_color, brow_color = _hair_colors(draw, skin, head)
        has_long_hair = draw(_Bernoulli(0.38))
        beard = _Beard.of(draw, may_grow=1 - has_long_hair)
        return cls(
            pose=_Pose.sample(draw),
            head=head,
            skin=skin,
            hair=_Hair.of(draw, hair_color, has_long_hair),
            brows=_Brows.sample(draw, color=brow_color),
            beard=beard,
            eyes=_Eyes.sample(draw, iris=_iris_color(draw, skin)),
            mouth=_Mouth.sample(draw, is_painted=draw(_Bernoulli(0.25)) * (beard.opacity < 0.2)),
            glasses=_Glasses.sample(draw),
            scene=_Scene.sample(draw, near=_backdrop(draw), far=_backdrop(draw)),
            camera=_Camera.sample(draw),
        )


def _per_channel(number: Number) -> Color:
    """One number a face, to be multiplied with a color."""
    return number[:, None]


def _hair_colors(draw: _Sampler, skin: _Skin, head: _Head) -> tuple[Color, Color]:
    """Colors of hair and brows; shapes (count, 3, 1, 1).

    Two pigments mix to black, brown, blond and red; age takes them away. Fair hair goes with fair skin.
    """
    fairness = np.clip(1.15 - 1.7 * skin.melanin, 0, 1) * draw(_Between(0, 1))
    is_red = draw(_Bernoulli(0.14)) * (fairness > 0.25)
    grayness = _per_channel(draw(_Bernoulli(head.age * 0.45)) * draw(_Between(0.4, 1)))
    eumelanin = _per_channel(1.8 - 1.58 * fairness + draw(_Normal(0, 0.07)))
    pheomelanin = _per_channel(draw(_Between(0.05, 0.3)) + is_red * draw(_Between(0.35, 0.6)))
    color = np.exp(-(_HAIR_BASE + eumelanin * _EUMELANIN + pheomelanin * _PHEOMELANIN))
    gray = _rgb(0.70, 0.69, 0.67) * _per_channel(draw(_Between(0.6, 1.1))) - color
    return color + grayness * gray, 0.8 * (color + 0.4 * grayness * gray)


def _iris_color(draw: _Sampler, skin: _Skin) -> Color:
    """Brown, and with fair skin as often blue, green, gray or hazel; shape (count, 3, 1, 1)."""
    fairness = np.clip(1.1 - 2.2 * skin.melanin, 0, 1)
    lightness = _per_channel(draw(_Bernoulli(0.75 * fairness)) * draw(_Between(0.55, 1)))
    brown = _BROWN_IRIS * _per_channel(draw(_Between(0.6, 1.5)))
    return brown + lightness * (draw(_OneOf(_LIGHT_IRISES)) - brown)


def _backdrop(draw: _Sampler) -> Color:
    """A background color: any brightness, mostly muted, warm a little more often than cold."""
    value = draw(_Between(0.08, 0.95))
    warmth = draw(_Normal(0.05, 0.17))
    greenness = draw(_Normal(0, 0.06))
    return np.stack([value * (1 + warmth), value * (1 + greenness), value * (1 - warmth)], axis=1)


# --------------------------------------------------------------------------------------------------
# Geometry


@dataclass(frozen=True)
class _Plane:
    """Coordinates of every pixel; a map each.

    Attributes:
        x: To the right along the face, 0 at its middle, about 1 at the head's side.
        y: Down the face, 0 at mid-nose.
        feature_x: Like `x`, but turned with the head, so that 0 is the middle of the features.
        side: Distance from the middle of the features, so that one formula draws both eyes.
        frame_x: To the right along the picture, from -1 to 1; shape (1, 1, size).
        frame_y: Down the picture, from -1 to 1; shape (1, size, 1).
        pixel: Side of a pixel.
    """

    x: Map
    y: Map
    feature_x: Map
    side: Map
    frame_x: Map
    frame_y: Map
    pixel: float

    @classmethod
    def of(cls, pose: _Pose, size: int) -> "_Plane":
        ticks = (np.arange(size, dtype=np.float32) + 0.5) * (2 / size) - 1
        frame_x, frame_y = ticks[None, None, :], ticks[None, :, None]
        right, down = frame_x - pose.shift_x, frame_y - pose.shift_y
        cos, sin = np.cos(pose.roll) / pose.scale, np.sin(pose.roll) / pose.scale
        x = right * cos + down * sin
        y = (down * cos - right * sin) * pose.stretch
        feature_x = x - pose.yaw * np.maximum(1 - x * x, 0)
        return cls(x, y, feature_x, np.abs(feature_x), frame_x, frame_y, 2 / size)

    def fill(self, distance: Map, softness: float = 0.0) -> Map:
        """Opacity of a shape: 0 outside, 1 inside, with a smooth edge.

        Args:
            distance: How far a pixel lies inside of the shape; negative outside.
            softness: Width of the edge, at least two pixels.
        """
        t = np.clip(distance * (1 / max(softness, 2 * self.pixel)) + 0.5, 0, 1)
        return t * t * (3 - 2 * t)

    def stroke(self, distance: Map, width: Number | Map | float) -> Map:
        """Opacity of a soft line.

        Args:
            distance: Distance from the middle of the line.
            width: Where the line ends, at least one pixel from its middle.
        """
        width = np.maximum(np.asarray(width, dtype=np.float32), 1.2 * self.pixel)
        return _bell((distance / width) ** 2)


def _bell(squared_radius: Map) -> Map:
    """A smooth hill: 1 where the squared radius is 0, and 0 from 1 on."""
    t = np.maximum(1 - squared_radius, 0)
    return t * t


def _hill(
    plane: _Plane, x: float | Number, y: float | Number, radius_x: float | Number, radius_y: float | Number
) -> Map:
    """A smooth hill on both sides of the face."""
    return _bell(((plane.side - x) / radius_x) ** 2 + ((plane.y - y) / radius_y) ** 2)


@cache
def _spread(cells: int, size: int) -> Grid:
    """The matrix that stretches a few random values smoothly over a side; shape (size, cells)."""
    places = (np.arange(size) + 0.5) / size * (cells - 1)
    t = np.clip(1 - np.abs(places[:, None] - np.arange(cells)), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def _clouds(grid: Grid, size: int) -> Map | Picture:
    """Smooth random maps, about in [-2, 2], from a grid of random values in their last two axes."""
    return _spread(grid.shape[-2], size) @ grid @ _spread(grid.shape[-1], size).T


def _paint(picture: Picture, color: Color | Picture, opacity: Map) -> None:
    """Lay a color on the picture, in place."""
    change = color - picture
    change *= opacity[:, None]
    picture += change


# --------------------------------------------------------------------------------------------------
# The parts of a face


def _background(scene: _Scene, plane: _Plane, size: int) -> Picture:
    """Two colors that run into each other, and soft blobs."""
    along = plane.frame_x * np.cos(scene.angle) + plane.frame_y * np.sin(scene.angle)
    mix = np.clip(along * 0.4 + 0.5, 0, 1)[:, None]
    picture = scene.near + mix * (scene.far - scene.near)
    picture += _clouds(0.08 * scene.blobs, size)
    return picture


def _clothes(scene: _Scene, plane: _Plane) -> Map:
    return plane.fill(plane.y + 0.3 * np.abs(plane.x) - scene.collar, 0.06)


def _head_inside(head: _Head, plane: _Plane) -> tuple[Map, Map, Map]:
    """How far a pixel lies inside the head, and its place across and down the head, each about in [-1, 1]."""
    jaw = np.clip((plane.y + 0.2) * 0.66, 0, 1)
    across = plane.x / (head.width * (1 - head.taper * jaw * jaw))
    down = plane.y / np.where(plane.y < 0, 1.22 * head.height, head.height)
    a, d = across * across, down * down
    return 1 - np.sqrt(np.maximum(a + d - head.squareness * a * d, 0)), across, down


def _ears(head: _Head, plane: _Plane) -> Map:
    across = (np.abs(plane.x) - head.width) * (1 / (0.11 * head.ear_size))
    down = (plane.y + 0.3) * (1 / (0.3 * head.ear_size))
    return plane.fill((1 - np.sqrt(across * across + down * down)) * 0.1)


def _shading(faces: _Faces, plane: _Plane, across: Map, down: Map) -> Map:
    """Density of the shade: on the head's round, beside the nose, in the eyes' sockets and in the folds."""
    head, scene = faces.head, faces.scene
    facing = np.sqrt(np.maximum(1.05 - 0.8 * (across * across + down * down), 0.02))
    lit = facing + scene.light_x * across + scene.light_y * down
    shade = scene.relief * (1 - lit) * 0.75
    shade += _nose_shade(faces, plane)
    shade += head.socket_depth * _hill(plane, 0.4, faces.eyes.height - 0.07, 0.34, 0.24)
    shade += 0.5 * head.socket_depth * _hill(plane, 0.42, faces.eyes.height + 0.17, 0.25, 0.12)
    fold = plane.side - 0.24 - 0.75 * (plane.y - 0.08) * (1.1 - plane.y)
    fold_depth = head.fold_depth + 0.14 * head.age
    shade += fold_depth * plane.stroke(fold, 0.12) * _bell(((plane.y - 0.28) / 0.36) ** 2)
    shade += 0.16 * _hill(plane, 0.0, faces.mouth.bottom + 0.08, 0.26, 0.09)
    return shade


def _nose_shade(faces: _Faces, plane: _Plane) -> Map:
    """Density of the shade beside, on and below the nose; the ridge is lighter."""
    base, light_x = faces.head.nose_base, faces.scene.light_x
    across = _across_nose(faces, plane)
    below = (plane.y - base) * 9
    length = _bell(((plane.y - base + 0.24) / 0.46) ** 2)
    flank = across / np.clip(0.8 + 0.45 * (plane.y - base), 0.5, 1)
    turned = np.clip(-1.6 * light_x * flank, -0.8, 0.8)
    shade = (0.2 * turned + 0.07) * _bell((np.abs(flank) - 0.8) ** 2 * 1.8) * length
    shade -= 0.07 * _bell(flank * flank * 2.2) * length
    shade += 0.34 * _bell((across * 0.72) ** 2 + (below - 0.45) ** 2)
    shade += 0.22 * _bell(((np.abs(across) - 1.08) * 3.2) ** 2 + ((below + 0.7) * 0.9) ** 2)
    shade += 0.08 * _bell((across * 2.3) ** 2) * _bell(((plane.y - base - 0.2) * 7) ** 2)
    return shade


def _across_nose(faces: _Faces, plane: _Plane) -> Map:
    """Place across the nose, from -1 to 1; it stands out, and so turns further than the face around it."""
    return (plane.feature_x - 0.25 * faces.pose.yaw) * (1 / faces.head.nose_width)


def _nostrils(faces: _Faces, plane: _Plane) -> Map:
    across = np.abs(_across_nose(faces, plane)) - 0.5
    below = plane.y - faces.head.nose_base
    return _bell((across * 3.6) ** 2 + (below * 17) ** 2)


@dataclass(frozen=True)
class _MouthMaps:
    """Where the lips are, the line or gap between them, and the lips with a margin around."""

    lips: Map
    inside: Map
    line: Map
    depth: Map
    around: Map


def _mouth_maps(mouth: _Mouth, plane: _Plane) -> _MouthMaps:
    across = plane.feature_x / mouth.half_width
    t = across * across
    arch = np.maximum(1 - t, 0)
    below = plane.y - (mouth.height - mouth.smile * t)
    gap = mouth.gap * arch
    bow = 1 - 0.5 * _bell((across * 3.2) ** 2)
    inside_lips = np.where(
        below < 0,
        below + gap + mouth.upper * arch * (0.55 + 0.45 * bow),
        gap + mouth.lower * np.sqrt(arch) * arch - below,
    )
    depth = gap - np.abs(below)
    ends = plane.fill(1 - np.abs(across), 0.12)
    return _MouthMaps(
        lips=plane.fill(inside_lips, 0.05) * ends,
        inside=plane.fill(depth - 0.012, 0.04) * ends,
        line=plane.stroke(depth, 0.035) * ends,
        depth=below / (mouth.gap + 0.02),
        around=plane.fill(inside_lips + 0.03, 0.05) * plane.fill(1.1 - np.abs(across), 0.12),
    )


def _skin(faces: _Faces, plane: _Plane, shade: Map, mouth: _MouthMaps, size: int) -> Picture:
    """Skin with lips, flushed cheeks and nose, shaded.

    Two pigments lie over a bright ground, and their densities add up: so a flush shows less on dark skin, and
    shade deepens the color, as in photos. The model is that of the reference; the densities are our own. With
    melanin the tone goes from L* 81, a* 10, b* 18 over L* 54, a* 12, b* 18 to L* 26, a* 11, b* 14; blood adds
    mostly a*.

    Reference:
        N. Tsumura, H. Haneishi, Y. Miyake, "Independent-component analysis of skin color image", Journal of
        the Optical Society of America A 16(9), 1999.
    """
    skin, eyes = faces.skin, faces.eyes
    blood = skin.blood + skin.rosiness * skin.cheek_blood * _hill(plane, 0.52, 0.02, 0.5, 0.42)
    blood += skin.nose_blood * _hill(plane, 0.0, faces.head.nose_base - 0.1, 0.3, 0.25)
    blood += skin.lid_blood * _hill(plane, eyes.distance, eyes.height + 0.02, 0.3, 0.2)
    blood += faces.mouth.blood * mouth.lips
    blotches = _clouds(skin.blotches, size)
    blood += 0.1 * blotches
    melanin = skin.melanin + 0.015 * blotches[:, ::-1]
    density = _SKIN_BASE + _per_channel(skin.yellowness) * _rgb(0, 0, 1) + melanin[:, None] * _MELANIN
    density += blood[:, None] * _BLOOD
    density += shade[:, None] * (_SHADOW + _per_channel(faces.scene.shade_warmth) * _WARMTH)
    density += (faces.mouth.is_painted * mouth.lips)[:, None] * faces.mouth.lipstick
    np.negative(density, out=density)
    return np.exp(density, out=density)


def _gloss(faces: _Faces, plane: _Plane, mouth: _MouthMaps) -> Map:
    """Opacity of the shine on forehead, nose, cheeks and lower lip."""
    toward = 0.35 * faces.scene.light_x
    shine = _bell(((plane.x - toward) / 0.5) ** 2 + ((plane.y + 0.98) / 0.25) ** 2)
    tip = (plane.feature_x - 0.25 * faces.pose.yaw - 0.1 * toward) / 0.08
    shine += _bell(tip * tip + ((plane.y - faces.head.nose_base + 0.14) / 0.14) ** 2)
    lit = 0.35 + 0.5 * faces.scene.light_x * np.sign(plane.feature_x)
    shine += lit * _hill(plane, 0.55, -0.12, 0.36, 0.26)
    lower_lip = faces.mouth.height + faces.mouth.gap + 0.4 * faces.mouth.lower
    shine += 0.7 * mouth.lips * _hill(plane, 0.0, lower_lip, 0.2, 0.04)
    return faces.skin.gloss * shine


def _hair_maps(faces: _Faces, plane: _Plane, inside: Map, size: int) -> tuple[Map, Map]:
    """Opacities of the hair behind the head and of the hair before it."""
    hair = faces.hair
    waves = 0.035 * _clouds(hair.wave, size)
    outer = plane.fill(inside + hair.volume + waves, 0.05) * hair.present
    behind = outer * plane.fill(hair.side_end - plane.y, 0.1)
    side = np.abs(plane.x)
    top = hair.hairline + hair.slant * plane.x + hair.temple * side * side + waves - plane.y
    flank = side - faces.head.width + hair.side + waves + 0.06 * plane.y
    before = np.maximum(top, np.minimum(flank, hair.side_end - plane.y))
    return behind, outer * plane.fill(before, 0.07)


def _brow_map(brows: _Brows, plane: _Plane) -> Map:
    along = (plane.side - 0.45) * (1 / 0.31)
    middle = brows.height + 0.06 - brows.arch * (0.9 - 0.9 * (along - 0.25) ** 2) + brows.tilt * along
    thickness = np.maximum(brows.thickness * (1.15 - 0.35 * along), 1.2 * plane.pixel)
    off = (plane.y - middle) / thickness
    ends = _bell(np.maximum(np.abs(along) - 0.35, 0) ** 2 * 2.4)
    return brows.opacity * np.maximum(1 - off * off, 0) * ends


def _beard_map(faces: _Faces, plane: _Plane, mouth: _MouthMaps) -> Map:
    beard, side = faces.beard, plane.side
    cheek = faces.head.nose_base + 0.12 + 0.3 * _bell(((side - 0.6) / 0.35) ** 2)
    cheek -= 1.6 * np.maximum(side - 0.74, 0)
    flare = 0.4 * np.maximum(faces.mouth.height - plane.y, 0)
    across = faces.mouth.half_width + beard.reach - side - flare
    cover = plane.fill(np.minimum(np.minimum(plane.y - cheek, across), beard.end - plane.y), 0.16)
    return beard.opacity * cover * (1 - 0.95 * mouth.around)


@dataclass(frozen=True)
class _EyeMaps:
    """Opacities of white, iris, pupil, glint and of the dark line of the lashes."""

    white: Map
    iris: Map
    pupil: Map
    glint: Map
    lashes: Map


def _eye_maps(eyes: _Eyes, plane: _Plane) -> _EyeMaps:
    across = (plane.side - eyes.distance) / eyes.half_width
    down = plane.y - eyes.height - eyes.tilt * across * eyes.half_width
    arch = np.maximum(1 - across * across, 0)
    upper = down + eyes.opening * arch
    opened = plane.fill(np.minimum(upper, 0.7 * eyes.opening * arch - down), 0.03) * (arch > 0)
    iris_x = plane.side - eyes.distance - eyes.gaze_x * np.sign(plane.feature_x)
    iris_y = down - eyes.gaze_y + 0.012
    radius = np.sqrt(iris_x * iris_x + iris_y * iris_y)
    glint_x = iris_x - 0.03 * np.sign(plane.feature_x)
    lid = _bell(across * across * 0.72)
    return _EyeMaps(
        white=opened,
        iris=opened * plane.fill(eyes.iris_radius - radius, 0.03),
        pupil=opened * plane.fill(0.42 * eyes.iris_radius - radius, 0.04),
        glint=opened * plane.stroke(np.hypot(glint_x, iris_y + 0.03), 0.03),
        lashes=eyes.lashes * plane.stroke(upper, 0.04) * lid + 0.25 * plane.stroke(upper + 0.09, 0.035) * lid,
    )


def _paint_eyes(picture: Picture, faces: _Faces, plane: _Plane, light: Picture) -> None:
    maps = _eye_maps(faces.eyes, plane)
    _paint(picture, _rgb(0.76, 0.72, 0.70) * light, 0.9 * maps.white)
    _paint(picture, faces.eyes.iris, maps.iris)
    dark = np.minimum(maps.pupil + 0.75 * maps.lashes, 1)
    _paint(picture, _rgb(0.06, 0.045, 0.04), dark)
    picture += 0.55 * maps.glint[:, None]


def _paint_mouth(picture: Picture, mouth: _Mouth, maps: _MouthMaps, light: Picture) -> None:
    """The teeth show at the top of an open mouth, darkness below them."""
    teeth = mouth.teeth * _bell(np.maximum(maps.depth - 0.1, 0) ** 2 * 1.6)
    inside = _rgb(0.20, 0.07, 0.07) + teeth[:, None] * _rgb(0.60, 0.66, 0.58)
    _paint(picture, inside * light, maps.inside)
    _paint(picture, _rgb(0.22, 0.09, 0.08), 0.6 * maps.line)


def _paint_glasses(picture: Picture, faces: _Faces, plane: _Plane) -> None:
    glasses = faces.glasses
    across = (plane.side - faces.eyes.distance) / glasses.radius_x
    down = (plane.y - faces.eyes.height - 0.03) / glasses.radius_y
    a, d = across * across, down * down
    inside = 1 - np.sqrt(np.maximum(a + d - glasses.squareness * np.minimum(a * d, 1), 0))
    rim = plane.stroke(inside * 0.22, glasses.thickness)
    bridge_end = faces.eyes.distance - 0.9 * glasses.radius_x
    bridge = plane.stroke(plane.y - faces.eyes.height + 0.04, glasses.thickness) * (plane.side < bridge_end)
    temple = plane.stroke(plane.y - faces.eyes.height + 0.05, glasses.thickness) * (across > 0.98)
    tint = np.where(glasses.is_dark > 0, glasses.tint_if_dark, glasses.tint)
    _paint(picture, _rgb(0.16, 0.14, 0.13), glasses.present * tint * plane.fill(inside * 0.25))
    _paint(picture, glasses.frame, glasses.present * np.minimum(rim + bridge + temple, 1))


# --------------------------------------------------------------------------------------------------
# From attributes to pictures


def _render(faces: _Faces, size: int) -> Picture:
    """The faces before the camera sees them; shape (count, 3, size, size), about in [0, 1]."""
    plane = _Plane.of(faces.pose, size)
    inside, across, down = _head_inside(faces.head, plane)
    head = plane.fill(inside)
    shade = _shading(faces, plane, across, down)
    light = np.exp(-0.8 * shade)[:, None]
    mouth = _mouth_maps(faces.mouth, plane)
    behind, before = _hair_maps(faces, plane, inside, size)
    strands = (1 + 0.16 * _clouds(faces.hair.strands, size))[:, None]
    hair = faces.hair.color * strands * (0.35 + 0.65 * light)

    picture = _background(faces.scene, plane, size)
    _paint(picture, faces.scene.clothes, _clothes(faces.scene, plane))
    _paint(picture, 0.8 * hair, behind)
    neck = plane.fill(faces.head.neck_width - np.abs(plane.x)) * plane.fill(plane.y - 0.6, 0.1)
    body = np.maximum(neck * plane.fill(faces.scene.collar + 0.1 - plane.y), _ears(faces.head, plane))
    skin = _skin(faces, plane, shade + 0.35 * (1 - head), mouth, size)
    skin += _gloss(faces, plane, mouth)[:, None]
    _paint(picture, skin, np.maximum(head, body))
    picture *= 1 - 0.5 * _nostrils(faces, plane)[:, None]
    _paint_mouth(picture, faces.mouth, mouth, light)
    _paint(picture, hair, _beard_map(faces, plane, mouth) * head)
    _paint_eyes(picture, faces, plane, light)
    _paint(picture, faces.brows.color * light, _brow_map(faces.brows, plane))
    _paint(picture, hair, before)
    _paint_glasses(picture, faces, plane)
    return picture


def _color_response(camera: _Camera, skin: _Skin) -> tuple[Grid, Grid]:
    """Exposure, white balance, saturation and contrast as one color matrix and one offset.

    Dark skin is exposed longer and light skin shorter, as by a camera that measures the face, so that luma
    tells less of the tone.

    Returns:
        Shapes (count, 3, 3) and (count, 1, 1).
    """
    exposure = camera.exposure * np.exp(0.48 * (skin.melanin - 0.35))
    balance = [1 + camera.warmth, 1 + camera.greenness, 1 - 1.3 * camera.warmth]
    gains = exposure * np.concatenate(balance, axis=2)
    luma = np.array([0.299, 0.587, 0.114], dtype=np.float32)
    mixing = camera.saturation * np.eye(3, dtype=np.float32) + (1 - camera.saturation) * luma
    return camera.contrast * mixing * gains, (1 - camera.contrast) * 0.5 + camera.brightness


def _blurring(sigma: Number, size: int) -> Map:
    """The matrices that blur along a side; shape (count, size, size).

    Args:
        sigma: Standard deviation in pixels of a picture of side 80; shape (count, 1, 1).
        size: Side of the pictures.
    """
    places = np.arange(size, dtype=np.float32)
    distance = (places[:, None] - places) * (80 / size) / sigma
    weights = np.exp(-0.5 * distance * distance)
    return weights / weights.sum(axis=2, keepdims=True)


def _photograph(picture: Picture, faces: _Faces, rng: np.random.Generator) -> RgbPictures:
    """The pictures as the camera gives them; shape (count, size, size, 3)."""
    count, channels, size, _ = picture.shape
    blurring = _blurring(faces.camera.blur, size)[:, None]
    blurred = blurring @ picture @ blurring.swapaxes(2, 3)
    matrix, offset = _color_response(faces.camera, faces.skin)
    levels = (matrix @ blurred.reshape(count, channels, size * size) + offset).reshape(picture.shape)
    levels += (faces.camera.noise * rng.standard_normal((count, size, size), dtype=np.float32))[:, None]
    levels += _clouds(0.006 * rng.standard_normal((count, channels, 12, 12), dtype=np.float32), size)
    levels *= 255
    np.rint(levels, out=levels)
    np.clip(levels, 0, 255, out=levels)
    return np.ascontiguousarray(levels.astype(np.uint8).transpose(0, 2, 3, 1))


def _chunks(seed: int, stream: tuple[int, ...], size: int) -> Iterator[RgbPictures]:
    """Chunks of faces without end, always whole, so that no face depends on how many are wanted."""
    for index in count_from(0):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(*stream, index)))
        faces = _Faces.sample(rng, _CHUNK)
        yield _photograph(_render(faces, size), faces, rng)


def require_drawable(count: int, seed: int, size: int) -> None:
    """Refuse arguments for which no faces can be drawn.

    Raises:
        ConfigError: One is out of range.
    """
    if count < 1:
        raise ConfigError(f"the number of faces is {count}; at least 1 is needed")
    if size < MIN_SIZE:
        raise ConfigError(f"the side of a face is {size} pixels; at least {MIN_SIZE} are needed")
    if seed < 0:
        raise ConfigError(f"the seed is {seed}; it must not be negative")


def draw_faces(count: int, *, seed: int, stream: tuple[int, ...] = (), size: int = 80) -> RgbPictures:
    """Synthetic faces, the same for the same arguments.

    The first faces are the same however many are wanted. Another kind of processor may round a value to the
    next level.

    Args:
        count: How many, at least 1.
        seed: Chooses the faces; not negative.
        stream: Numbers that choose other faces of the same seed; not negative.
        size: Side of the square pictures, at least 16.

    Returns:
        Shape (count, size, size, 3), uint8 RGB.

    Raises:
        ConfigError: An argument is out of range.

    Example:
        >>> draw_faces(2, seed=0, size=32).shape
        (2, 32, 32, 3)
    """
    require_drawable(count, seed, size)
    chunks = islice(_chunks(seed, stream, size), -(-count // _CHUNK))
    return np.concatenate(list(chunks))[:count]
