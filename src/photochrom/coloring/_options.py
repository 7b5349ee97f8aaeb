"""How a photo is colored, and what is written of it: light, so that commands start without the networks' libraries."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from photochrom.coloring.distribution import MAX_VARIANTS
from photochrom.errors import ConfigError
from photochrom.photo import MAX_MEGAPIXELS, WRITTEN_FORMATS
from photochrom.shipped import DEFAULT_MODEL

__all__ = ["Hint", "Limits", "Look", "Model", "Options", "Outputs", "parse_hint"]


@dataclass(frozen=True)
class Hint:
    """A place whose color the user knows.

    Attributes:
        x: Pixels from the left of the upright photo.
        y: Pixels from its top.
        color: Red, green and blue, each from 0 to 255. Its hue is taken; how light it is, the photo says.
    """

    x: float
    y: float
    color: tuple[int, int, int]

    def __post_init__(self) -> None:
        if not all(0 <= channel <= 255 for channel in self.color):
            raise ConfigError(f"red, green and blue of a hint lie from 0 to 255, not {self.color}")


def parse_hint(text: str) -> Hint:
    """A hint as users write it.

    Args:
        text: Such as `120,80,#7a4b2c`: x, y and the color.

    Raises:
        ConfigError: It is written otherwise.

    Example:
        >>> parse_hint("120,80,#ff0080")
        Hint(x=120.0, y=80.0, color=(255, 0, 128))
    """
    x, _, rest = text.partition(",")
    y, _, color = (part.strip() for part in rest.partition(","))
    try:
        if len(color) != 7 or not color.startswith("#"):
            raise ValueError(color)
        red, green, blue = bytes.fromhex(color[1:])
        hint = Hint(float(x), float(y), (red, green, blue))
    except ValueError as error:
        raise ConfigError(f"a hint is written x,y,#rrggbb, such as 120,80,#7a4b2c; not {text!r}") from error
    return hint


@dataclass(frozen=True)
class Model:
    """The networks that guess.

    Attributes:
        whole: For the whole photo: a shipped model, or the path of an ONNX file.
        faces: For faces, in the same way; None leaves them to the other.
    """

    whole: str = DEFAULT_MODEL
    faces: str | None = "face"


@dataclass(frozen=True)
class Look:
    """How a guess shall look; none of it needs the networks again.

    Attributes:
        strength: From 0, gray, to 1, the guess.
        vividness: How many times as vivid as guessed, from 0 to 3; what RGB cannot show is faded.
        hints: Colors that the user knows; neither strength nor vividness changes them.
    """

    strength: float = 1.0
    vividness: float = 1.0
    hints: tuple[Hint, ...] = ()

    def __post_init__(self) -> None:
        if not 0.0 <= self.strength <= 1.0:
            raise ConfigError(f"strength must lie between 0 and 1, not {self.strength:g}")
        if not 0.0 <= self.vividness <= 3.0:
            raise ConfigError(f"vividness must lie between 0 and 3, not {self.vividness:g}")


@dataclass(frozen=True)
class Outputs:
    """Which files are made of a photo.

    Attributes:
        variants: How many guesses, from 1 to `photochrom.coloring.distribution.MAX_VARIANTS`.
        compare: Whether to add a picture of the gray photo beside its guesses.
        confidence: Whether to add a map of how sure the best guess is: white is sure.
        format: The format of the guesses and the comparison, one of `photochrom.photo.WRITTEN_FORMATS`; None keeps the
            photo's own.
    """

    variants: int = 1
    compare: bool = False
    confidence: bool = False
    format: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.variants <= MAX_VARIANTS:
            raise ConfigError(f"there can be 1 to {MAX_VARIANTS} variants, not {self.variants}")
        if self.format is not None and self.format not in WRITTEN_FORMATS:
            raise ConfigError(f"cannot write {self.format!r}; choose one of: {', '.join(WRITTEN_FORMATS)}")

    @property
    def endings(self) -> tuple[str, ...]:
        """What each file's name ends with, before the suffix, in the order in which they are made.

        Example:
            >>> Outputs(variants=2, compare=True).endings
            ('-1', '-2', '-compare')
        """
        guesses = [f"-{number}" for number in range(1, self.variants + 1)] if self.variants > 1 else [""]
        return (*guesses, *["-compare"] * self.compare, *["-confidence"] * self.confidence)


@dataclass(frozen=True)
class Limits:
    """Which photos are refused.

    Attributes:
        max_megapixels: Larger photos are refused before they are decoded.
        timeout: A photo that takes longer, in seconds, is given up; None allows a time that grows with its size.
        force: Whether to color anew what is in color already.
        strict: Whether torn files, and those of several pictures, are refused rather than read as far as they go.
    """

    max_megapixels: float = MAX_MEGAPIXELS
    timeout: float | None = None
    force: bool = False
    strict: bool = False

    def __post_init__(self) -> None:
        if not self.max_megapixels > 0.0:
            raise ConfigError(f"max_megapixels must be positive, not {self.max_megapixels:g}")
        if self.timeout is not None and not (self.timeout > 0.0 and math.isfinite(self.timeout)):
            raise ConfigError(f"timeout must be a positive number of seconds, not {self.timeout:g}")


@dataclass(frozen=True)
class Options:
    """Everything that is chosen about how photos are colored.

    Attributes:
        model: Which networks guess.
        look: How strong and vivid the colors are, and which of them are known.
        outputs: Which files are made.
        limits: Which photos are refused.
    """

    model: Model = field(default_factory=Model)
    look: Look = field(default_factory=Look)
    outputs: Outputs = field(default_factory=Outputs)
    limits: Limits = field(default_factory=Limits)

    def as_json(self) -> dict[str, Any]:
        """The options as JSON holds them."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Options":
        """The options that `as_json` gave.

        Raises:
            ConfigError: They are of another version of photochrom.
        """
        try:
            look = values["look"]
            hints = tuple(Hint(hint["x"], hint["y"], tuple(hint["color"])) for hint in look["hints"])
            return cls(
                Model(**values["model"]),
                Look(**{**look, "hints": hints}),
                Outputs(**values["outputs"]),
                Limits(**values["limits"]),
            )
        except (LookupError, TypeError) as error:
            raise ConfigError("these options were written by another version of photochrom") from error
