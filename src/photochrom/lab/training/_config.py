"""The settings of a training run."""

import inspect
import json
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from photochrom.errors import ConfigError
from photochrom.lab import models
from photochrom.lab.datasets import open_dataset
from photochrom.lab.training._records import read_json_object


class TrainingConfig(BaseModel):
    """The settings of one run; the defaults are the study's.

    `photochrom settings` shows the first sentence of each.

    Attributes:
        data: Name of a data set, path of a folder, or `auto`; a run stores the name of the data set that this opens.
        size: Side of the pictures of a folder or of a collection such as `flickr8k`; their usual one if None.
        model: Name of a network.
        hyperparameters: Arguments of the network; the others keep their defaults.
        initial_weights: A shipped model or a `.safetensors` file with the weights to start from; it must hold the same
            network. `imagenet` loads an encoder's weights from ImageNet. Empty for fresh weights.
        loss: The loss to minimize; `cross_entropy` is for networks that give probabilities of chroma.
        doubling_chroma: For `cross_entropy`: the chroma, in levels of 255, at which a place has twice the weight of a
            gray one. 0 weights all places equally.
        optimizer: `closed_form` computes the best weights directly; only a lookup table can.
        learning_rate: Step size; with `one_cycle` the largest one.
        momentum: Of the optimizer `sgd`.
        weight_decay: Share of the weights that each step takes away, times the step size.
        schedule: `constant`, or `one_cycle`: the step size rises over the first fifth of all steps, then falls. AdamW's
            momentum falls from 0.95 to 0.85 and rises again; SGD's is constant.
        clip_norm: Maximum norm of a gradient; longer ones are shortened. 0 clips none.
        average: Decay of the moving average of the weights. If it is not 0, the average is measured and kept instead of
            the weights themselves.
        frozen_epochs: Number of epochs at the start in which a network's encoder is not trained. A new cycle of the
            step size begins after them.
        tuned_stride: The stride from which on an encoder is trained after these epochs. Above it lie the features of
            edges and textures, whose training takes most of the time of a step.
        tuning_rate: Step size after these epochs, as a share of `learning_rate`.
        encoder_rate: The encoder's step size, as a share of that of the other weights.
        last_layer_only: Whether to train only the last layer of a network with an encoder. All before it is as in use:
            nothing is dropped, and the statistics of batch norm stay.
        focus_epochs: Number of epochs at the end that train only on the first data set of a mixture.
        augmentation: `faces` turns, scales, shifts and mirrors pictures a little; `scenes` does more of it with square
            crops of photos of any shape, and ages the gray input with grain, blur, coarse JPEG, fading, scratches and
            uneven light.
        worn: Share of the pictures that the augmentation `scenes` ages.
        batch_size: Pictures for each step.
        max_epochs: Maximum number of passes over the training pictures; 0 does not train.
        stopping: The study's rule `settled`, that the validation loss stands still, or `patience`, that it has long not
            fallen. See `has_settled` and `is_out_of_patience`.
        patience: Number of epochs that the rule looks back.
        min_delta: Changes of the validation loss below this count as none.
        select_by: Which epoch's weights are kept: those of the best validation accuracy, like the study, or loss, or
            the last one's, which average well with the weights that a training started from.
        precision: `bf16` computes convolutions in half precision and keeps the weights in full precision; `auto` does
            so if the processor has instructions for it.
        compiled: Whether to compile the network for this processor. It takes a minute or two at the start and saves a
            third of the time for a network such as `scene_unet`.
        seed: Decides the initial weights and the order of the pictures.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    data: str = "auto"
    size: int | None = Field(default=None, ge=1)
    model: str = "convnet"
    hyperparameters: dict[str, Any] = Field(default_factory=dict)
    initial_weights: str = ""
    loss: Literal["mse", "l1", "smooth_l1", "cross_entropy"] = "mse"
    doubling_chroma: float = Field(default=0.0, ge=0)
    optimizer: Literal["sgd", "adamw", "closed_form"] = "sgd"
    learning_rate: float = Field(default=0.007, gt=0, le=10)
    momentum: float = Field(default=0.0, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0, le=1)
    schedule: Literal["constant", "one_cycle"] = "constant"
    clip_norm: float = Field(default=0.0, ge=0)
    average: float = Field(default=0.0, ge=0, lt=1)
    augmentation: Literal["none", "faces", "scenes"] = "none"
    worn: float = Field(default=0.4, ge=0, le=1)
    batch_size: int = Field(default=16, ge=1, le=4096)
    max_epochs: int = Field(default=100, ge=0, le=100_000)
    focus_epochs: int = Field(default=0, ge=0)
    frozen_epochs: int = Field(default=0, ge=0)
    tuned_stride: Literal[8, 16, 32] = 32
    tuning_rate: float = Field(default=1.0, gt=0, le=1)
    encoder_rate: float = Field(default=0.1, ge=0, le=1)
    last_layer_only: bool = False
    stopping: Literal["settled", "patience"] = "settled"
    patience: int = Field(default=10, ge=1)
    min_delta: float = Field(default=5e-5, ge=0)
    select_by: Literal["accuracy", "loss", "last"] = "accuracy"
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    compiled: bool = False
    seed: int = Field(default=0, ge=0, lt=2**32)

    @classmethod
    def checked(cls, settings: Mapping[str, Any]) -> "TrainingConfig":
        """The configuration with the given settings.

        Raises:
            ConfigError: A setting does not exist or is out of range; the message names all such settings.
        """
        try:
            return cls(**settings)
        except ValidationError as error:
            faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
            raise ConfigError("; ".join(faults)) from error

    def varied(self, **changes: Any) -> "TrainingConfig":
        """This configuration with some settings changed.

        Args:
            changes: New values. `hyperparameters` are merged into the present ones, unless `model` changes too: another
                network starts from its own defaults.
        """
        kept = {} if "model" in changes else self.hyperparameters
        hyperparameters = {**kept, **changes.pop("hyperparameters", {})}
        return self.checked({**self.model_dump(), **changes, "hyperparameters": hyperparameters})

    def assigned(self, assignments: Sequence[str]) -> "TrainingConfig":
        """This configuration with changes that a user writes; see `parse_assignments`."""
        return self.varied(**parse_assignments(assignments, self.model))

    def with_values(self, values: Mapping[str, Any]) -> "TrainingConfig":
        """This configuration with changes of settings and hyperparameters in one mapping.

        Raises:
            ConfigError: There is no such setting or hyperparameter, or a value is out of range.
        """
        return self.varied(**_settings_and_hyperparameters(values, self.model))

    def resolved(self) -> "TrainingConfig":
        """This configuration with the name of the data set that its `data` opens, instead of `auto`."""
        return self.model_copy(update={"data": open_dataset(self.data, self.size).name})

    def differences(self, other: "TrainingConfig") -> str:
        """The settings in which another configuration differs, as text; empty if both are equal."""
        here, there = self.model_dump(), other.model_dump()
        return ", ".join(f"{key} {there[key]!r} there, {here[key]!r} here" for key in here if here[key] != there[key])


def describe_settings() -> list[tuple[str, object, str, str]]:
    """The name, the default, the allowed values and the meaning, in one sentence, of each setting."""
    section = inspect.getdoc(TrainingConfig) or ""
    entries = re.findall(r"^    (\w+): (.+(?:\n {8}.+)*)", section, re.MULTILINE)
    texts = {name: " ".join(text.replace("`", "").split()) for name, text in entries}
    sentences = {name: text.partition(". ")[0].rstrip(".") for name, text in texts.items()}
    return [
        (name, value, _allowed_values(name), sentences[name]) for name, value in TrainingConfig().model_dump().items()
    ]


def _allowed_values(name: str) -> str:
    """The values of a setting in words; empty if its sentence has to tell them."""
    field = TrainingConfig.model_fields[name]
    if get_origin(field.annotation) is Literal:
        return ", ".join(map(str, get_args(field.annotation)))
    if field.annotation is bool:
        return "true, false"
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    limits = [
        (sign, getattr(bound, key)) for bound in field.metadata for key, sign in signs.items() if hasattr(bound, key)
    ]
    return ", ".join(f"{sign} {limit}" for sign, limit in limits)


def read_config(file: Path) -> TrainingConfig:
    """The configuration in a JSON file, such as a run's `config.json`."""
    return TrainingConfig.checked(read_json_object(file, ConfigError))


_TEXT_SETTINGS = frozenset(
    name for name, field in TrainingConfig.model_fields.items() if isinstance(field.default, str)
)


def parse_assignments(assignments: Sequence[str], model: str) -> dict[str, Any]:
    """The changes that a user writes, as arguments of `TrainingConfig.varied`.

    Args:
        assignments: Each `NAME=VALUE`; values are JSON, or else text.
        model: The network whose hyperparameters may be named, unless an assignment chooses another.
    """
    values: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name:
            raise ConfigError(f"{assignment!r} is no setting; write NAME=VALUE, such as learning_rate=0.01")
        values[name] = value if name in _TEXT_SETTINGS else _parse_value(value)
    return _settings_and_hyperparameters(values, model)


def _settings_and_hyperparameters(values: Mapping[str, Any], model: str) -> dict[str, Any]:
    """Values by name as arguments of `TrainingConfig.varied`."""
    settings = [name for name in TrainingConfig.model_fields if name != "hyperparameters"]
    options = models.option_names(str(values.get("model", model)))  # a file may hold a number
    for name in values:
        if name not in settings and name not in options:
            near = get_close_matches(name, [*settings, *options], n=1)
            hint = f"did you mean {near[0]!r}?" if near else "'photochrom settings' lists them"
            raise ConfigError(f"no setting or hyperparameter is called {name!r}; {hint}")
    changes = {name: value for name, value in values.items() if name in settings}
    return {
        **changes,
        "hyperparameters": {name: value for name, value in values.items() if name not in settings},
    }


def parse_hyperparameters(assignments: Sequence[str], model: str) -> dict[str, Any]:
    """The changes of hyperparameters that a user writes; settings are not allowed."""
    changes = parse_assignments(assignments, model)
    hyperparameters: dict[str, Any] = changes.pop("hyperparameters")
    if changes:
        raise ConfigError(f"{next(iter(changes))!r} is no hyperparameter of {model}: it is set when training")
    return hyperparameters


def _parse_value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
