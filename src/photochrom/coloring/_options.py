"""The options for coloring a photo; they import no library of the networks, so commands start fast."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from photochrom.coloring.distribution import MAX_VARIANTS
from photochrom.errors import ConfigError
from photochrom.photo import MAX_MEGAPIXELS, WRITTEN_FORMATS, Signer
from photochrom.shipped import DEFAULT_MODEL

PROVIDERS = ("auto", "coreml", "cpu", "cuda", "directml", "openvino")
"""What networks can run on; `auto` takes what is installed."""


def require_provider(name: str) -> None:
    """Check the name of a provider.

    Raises:
        ConfigError: There is none of that name.
    """
    if name not in PROVIDERS:
        raise ConfigError(f"no provider is called {name!r}; there are: {', '.join(PROVIDERS)}")


@dataclass(frozen=True)
class Hint:
    """A place whose color the user knows.

    Attributes:
        x: Pixels from the left of the upright photo.
        y: Pixels from its top.
        color: Red, green and blue, each from 0 to 255. Only its chroma is used; the photo's luma is kept.
    """

    x: float
    y: float
    color: tuple[int, int, int]

    def __post_init__(self) -> None:
        if not all(0 <= channel <= 255 for channel in self.color):
            raise ConfigError(f"red, green and blue of a hint must be from 0 to 255, not {self.color}")


def parse_hint(text: str) -> Hint:
    """Read a hint as users write it.

    Args:
        text: Such as `120,80,#7a4b2c`: x, y and the color.

    Raises:
        ConfigError: The text has another form.

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
    """The networks that guess the colors.

    Attributes:
        whole: For the whole photo: a shipped model, or the path of an ONNX file.
        faces: The same for faces; None colors them with the network for the whole photo.
    """

    whole: str = DEFAULT_MODEL
    faces: str | None = "face"


@dataclass(frozen=True)
class Look:
    """The look of a guess; changing it does not run the networks again.

    Attributes:
        strength: From 0, gray, to 1, the guess.
        vividness: Factor on the vividness of the guess, from 0 to 3; colors that RGB cannot show are faded.
        hints: Known colors; strength and vividness do not change them.
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
    """The result files of a photo.

    Attributes:
        variants: Number of guesses, from 1 to `photochrom.coloring.distribution.MAX_VARIANTS`.
        compare: Whether to add a picture of the gray photo beside its guesses.
        confidence: Whether to add a map of the confidence of the best guess; white is certain.
        format: The format of the guesses and the comparison, one of `photochrom.photo.WRITTEN_FORMATS`; None keeps the
            photo's own.
        upright: Whether to turn photos whose people lie on their side; needs a model for faces.
    """

    variants: int = 1
    compare: bool = False
    confidence: bool = False
    format: str | None = None
    upright: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.variants <= MAX_VARIANTS:
            raise ConfigError(f"there can be 1 to {MAX_VARIANTS} variants, not {self.variants}")
        if self.format is not None and self.format not in WRITTEN_FORMATS:
            raise ConfigError(f"cannot write {self.format!r}; choose one of: {', '.join(WRITTEN_FORMATS)}")

    @property
    def endings(self) -> tuple[str, ...]:
        """The ending of each file's name before the suffix, in the order of the files.

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
        timeout: Maximum time for a photo, in seconds; None allows a time that grows with its size.
        force: Whether to color again a photo that is in color already.
        strict: Whether torn files, and those of several pictures, are refused rather than read as far as they go.
    """

    max_megapixels: float = MAX_MEGAPIXELS
    timeout: float | None = None
    force: bool = False
    strict: bool = False

    def __post_init__(self) -> None:
        if not 0.0 < self.max_megapixels < math.inf:
            raise ConfigError(f"max_megapixels must be a positive number, not {self.max_megapixels:g}")
        if self.timeout is not None and not 0.0 < self.timeout < math.inf:
            raise ConfigError(f"timeout must be a positive number of seconds, not {self.timeout:g}")


@dataclass(frozen=True)
class Options:
    """All options for coloring photos.

    Attributes:
        signer: Who signs the results; None leaves them unsigned.
    """

    model: Model = field(default_factory=Model)
    look: Look = field(default_factory=Look)
    outputs: Outputs = field(default_factory=Outputs)
    limits: Limits = field(default_factory=Limits)
    signer: Signer | None = None

    def __post_init__(self) -> None:
        if self.outputs.upright and self.model.faces is None:
            raise ConfigError("photos are turned upright by the faces in them; leave out --upright or --no-faces")

    def as_json(self) -> dict[str, Any]:
        """The options as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Options":
        """The options that `as_json` gave.

        Raises:
            ConfigError: Another version of photochrom wrote them.
        """
        try:
            look = values["look"]
            hints = tuple(Hint(hint["x"], hint["y"], tuple(hint["color"])) for hint in look["hints"])
            return cls(
                Model(**values["model"]),
                Look(**{**look, "hints": hints}),
                Outputs(**values["outputs"]),
                Limits(**values["limits"]),
                Signer(**values["signer"]) if values.get("signer") else None,
            )
        except (LookupError, TypeError) as error:
            raise ConfigError("these options were written by another version of photochrom") from error
