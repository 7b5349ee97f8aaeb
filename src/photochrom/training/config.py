"""Everything that decides how a training run goes."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from photochrom.errors import ConfigError

__all__ = ["TrainingConfig"]


class TrainingConfig(BaseModel):
    """The settings of one run; the defaults are the study's.

    Attributes:
        data: Name of a data set, or the path of a folder.
        model: Name of a network.
        hyperparameters: Arguments of the network; what is not named keeps its default.
        loss: What is minimised.
        optimizer: How; `closed_form` asks the network for the answer itself, which a lookup table knows.
        learning_rate: Step size.
        momentum: Of SGD alone.
        weight_decay: Of either optimizer.
        batch_size: Pictures a step.
        max_epochs: Passes over the training pictures at most; 0 leaves a network as it was made.
        stopping: The study's rule `settled`, or the usual `patience`; see `training.stopping`.
        patience: Epochs that the rule looks back.
        min_delta: Change of the validation loss below which it counts as none.
        select_by: What makes an epoch's weights the best; the study kept those of the best validation accuracy.
        precision: `bf16` computes convolutions in half precision and keeps the weights in full; `auto` does so
            where the processor has instructions for it.
        seed: Decides first weights and order of pictures.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str = "study"
    model: str = "convnet"
    hyperparameters: dict[str, Any] = Field(default_factory=dict)
    loss: Literal["mse", "l1", "smooth_l1"] = "mse"
    optimizer: Literal["sgd", "adamw", "closed_form"] = "sgd"
    learning_rate: float = Field(default=0.007, gt=0, le=10)
    momentum: float = Field(default=0.0, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0, le=1)
    batch_size: int = Field(default=16, ge=1, le=4096)
    max_epochs: int = Field(default=100, ge=0, le=100_000)
    stopping: Literal["settled", "patience"] = "settled"
    patience: int = Field(default=10, ge=1)
    min_delta: float = Field(default=5e-5, ge=0)
    select_by: Literal["accuracy", "loss"] = "accuracy"
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    seed: int = Field(default=0, ge=0, lt=2**32)

    @classmethod
    def checked(cls, settings: dict[str, Any]) -> "TrainingConfig":
        """The configuration with the given settings.

        Raises:
            ConfigError: A setting does not exist or is out of range; the message names each.
        """
        try:
            return cls(**settings)
        except ValidationError as error:
            faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
            raise ConfigError("; ".join(faults)) from error

    def varied(self, **changes: Any) -> "TrainingConfig":
        """This configuration with some settings changed.

        Args:
            changes: New values. `hyperparameters` are merged into those here, unless the `model` changes too: another
                network starts from its own defaults.

        Raises:
            ConfigError: A setting does not exist or is out of range.
        """
        kept = {} if "model" in changes else self.hyperparameters
        hyperparameters = {**kept, **changes.pop("hyperparameters", {})}
        return self.checked({**self.model_dump(), **changes, "hyperparameters": hyperparameters})

    def differences(self, other: "TrainingConfig") -> str:
        """The settings in which another configuration differs, as text; empty if there is none."""
        here, there = self.model_dump(), other.model_dump()
        return ", ".join(f"{key} {there[key]!r} there, {here[key]!r} here" for key in here if here[key] != there[key])
