"""What a run measures: a record of each epoch, and one of the finished run."""

import json
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, cast

from photochrom.errors import DataError, PhotochromError

Record = TypeVar("Record", bound="Epoch | RunMetrics")


@dataclass(frozen=True)
class Epoch:
    """The figures of one epoch; a line of `history.jsonl`.

    Attributes:
        epoch: Counted from 1.
        train_loss: Mean over the training pictures, each measured before the step that learns from it.
        train_accuracy: Of every eighth batch.
        val_loss: Mean over the validation pictures.
        seconds: Of training and validation.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_mse: float
    val_accuracy: float
    seconds: float


@dataclass(frozen=True)
class RunMetrics:
    """The figures of a finished run; the content of `metrics.json`. Those named `val_` are of the best weights.

    Attributes:
        best_epoch: The one whose weights were kept; 0 if there was none.
        stopped_by: `max_epochs`, the stopping rule, or `closed_form`.
        val_accuracy: See `Evaluation` for this and the other figures of validation.
        parameters: How many numbers training adjusts.
        precision: What Fabric calls it, such as `bf16-mixed`.
    """

    epochs: int
    best_epoch: int
    stopped_by: str
    val_accuracy: float
    val_mse: float
    val_colorfulness: float
    val_true_colorfulness: float
    val_share_out_of_range: float
    val_accuracy_with_wraparound: float
    parameters: int
    seconds: float
    device: str
    precision: str
    threads: int
    torch: str
    train_pictures: int
    val_pictures: int


def read_json_object(file: Path, fault: type[PhotochromError]) -> dict[str, Any]:
    """The JSON object in a file."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise fault(f"{file}: no such file") from error
    except ValueError as error:
        raise fault(f"{file}: broken, not JSON ({error})") from error
    if not isinstance(content, dict):
        raise fault(f"{file}: broken, not a JSON object")
    return content


def _yaml_loader(file: Path, fault: type[PhotochromError]) -> Any:
    """A loader that takes every name for text, refuses a name that stands twice, and reads numbers as JSON does."""
    import yaml

    # PyYAML takes `1e-4`, a number in YAML 1.2 and JSON, for text.
    loader: Any = type("Loader", (yaml.SafeLoader,), {})
    exponent = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")
    loader.add_implicit_resolver("tag:yaml.org,2002:float", exponent, list("-+0123456789"))

    def mapping(reader: Any, node: yaml.MappingNode) -> Any:
        seen: set[str] = set()
        for name in (name for name, _ in node.value if isinstance(name, yaml.ScalarNode) and name.value != "<<"):
            if name.value in seen:  # PyYAML would take the last
                line = name.start_mark.line + 1
                raise fault(f"{file}: {name.value!r} stands twice, in line {line} again; rename or delete one")
            seen.add(name.value)
            name.tag = "tag:yaml.org,2002:str"
        return reader.construct_yaml_map(node)

    loader.add_constructor("tag:yaml.org,2002:map", mapping)
    return loader


def read_yaml_object(file: Path, fault: type[PhotochromError]) -> dict[str, Any]:
    """The mapping in a YAML file; names, at any depth, are text even if they look like numbers.

    Raises:
        PhotochromError: The file is missing or holds something else, or a name stands twice in one mapping.
    """
    import yaml

    loader = _yaml_loader(file, fault)
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), loader)  # noqa: S506 - a SafeLoader
    except FileNotFoundError as error:
        raise fault(f"{file}: no such file") from error
    except (ValueError, yaml.YAMLError) as error:
        raise fault(f"{file}: not YAML ({' '.join(str(error).split())})") from error
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise fault(f"{file}: not names with values, as 'name: value'")
    return content


def record_from(kind: type[Record], content: Any, file: Path) -> Record:
    """The record in a JSON object of a file; entries that it does not have are ignored.

    Raises:
        DataError: It is no object, lacks an entry, or has one of another type.
    """
    if not isinstance(content, dict):
        raise DataError(f"{file}: broken, not a JSON object: {content!r}")
    for field in fields(kind):
        if field.name not in content:
            raise DataError(f"{file}: has no {field.name}")
        allowed = (int, float) if field.type is float else cast("type", field.type)
        value = content[field.name]
        if not isinstance(value, allowed) or isinstance(value, bool):
            raise DataError(f"{file}: broken, {field.name} is {value!r}")
    return kind(**{field.name: content[field.name] for field in fields(kind)})
