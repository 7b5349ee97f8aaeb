"""The models that come with this package: where their files lie, and what is known of them."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from photochrom.errors import CheckpointError

WEIGHTS = Path(__file__).parent / "weights"
"""The folder of everything learnt that is shipped."""

DEFAULT_MODEL = "scene"
"""The model that colors whole photos unless another one is named."""

_COMMENT = re.compile(r"<!--.*?-->\n?")


@dataclass(frozen=True)
class ShippedModel:
    """Where the files of a model that comes with this package lie.

    Attributes:
        network: The same as an ONNX file, which needs no torch.
        card: What it is good for and what it must not be used for, as Markdown.
        figures: Its evaluations, as `photochrom.lab.evaluation.record_evaluation` writes them; there may be no such
            file.
    """

    name: str
    weights: Path
    network: Path
    card: Path
    figures: Path


@dataclass(frozen=True)
class ModelCard:
    """What a model is good for and what it must not be used for.

    Attributes:
        facts: The front matter: `summary`, `made by`, `trained on`, `rights` and others.
        text: The rest of the card, as Markdown that begins with a title.
    """

    facts: dict[str, str]
    text: str

    def as_markdown(self) -> str:
        """The text with the facts as a table below its title."""
        title, _, rest = self.text.partition("\n\n")
        rows = "\n".join(f"| {name} | {fact} |" for name, fact in self.facts.items())
        return f"{title}\n\n| | |\n|---|---|\n{rows}\n\n{rest}"


def read_card(model: str) -> ModelCard:
    """The card of a model that comes with this package, without the comments between which its figures are written."""
    _, front, text = shipped_model(model).card.read_text(encoding="utf-8").split("---\n", 2)
    lines = (line.partition(": ") for line in front.splitlines())
    return ModelCard({name: json.loads(fact) for name, _, fact in lines}, _COMMENT.sub("", text).strip())


def shipped_models() -> list[str]:
    """The names of the models that come with this package."""
    return sorted(path.stem for path in WEIGHTS.glob("*.safetensors"))


def photo_models() -> list[str]:
    """The names of those that color photos; the others are for the study alone, and are not shipped as ONNX files."""
    return [name for name in shipped_models() if shipped_model(name).network.is_file()]


def shipped_model(name: str) -> ShippedModel:
    """The files of a model that comes with this package.

    Raises:
        CheckpointError: There is no such model.
    """
    if name not in shipped_models():
        raise CheckpointError(f"{name}: no shipped model; there are: {', '.join(shipped_models())}")
    weights, network, card, figures = (WEIGHTS / f"{name}.{ending}" for ending in ("safetensors", "onnx", "md", "json"))
    return ShippedModel(name, weights, network, card, figures)


def network_file(model: str) -> Path:
    """The ONNX file of a network that colors photos.

    Args:
        model: The name of a shipped model, or the path of an ONNX file, which may not be there.

    Raises:
        CheckpointError: There is no such model, or it colors no photos.
    """
    if model.endswith(".onnx"):
        return Path(model)
    names = photo_models()
    if model in names:
        return shipped_model(model).network
    if model in shipped_models():
        wrong = "colors faces of 80x80 pixels only, by 'photochrom predict'"
    elif Path(model).is_file():
        wrong = "no ONNX file; 'photochrom export' writes one of a run's checkpoint"
    else:
        wrong = "no shipped model"
    raise CheckpointError(f"{model}: {wrong}; photos are colored by: {', '.join(names)}")
