"""An experiment: a question, the runs that answer it, and the figures that the study printed."""

from dataclasses import dataclass
from typing import Literal

from photochrom.lab.training import TrainingConfig

BASELINE = TrainingConfig()
"""The study's default: 2 layers, kernel 5, 4 kernels, learning rate 0.007."""

PREFERENCE = BASELINE.varied(learning_rate=0.07, hyperparameters={"hidden_channels": 8})
"""The study's choice after its controlled experiments; its further experiments start from it."""

DISTRIBUTION = TrainingConfig(
    model="chroma_unet",
    loss="cross_entropy",
    optimizer="adamw",
    learning_rate=0.003,
    weight_decay=0.05,
    schedule="one_cycle",
    clip_norm=1.0,
    stopping="patience",
    patience=1000,  # a cycle is run to its end, where the step size is nearly 0
)
"""How the networks beyond the study are trained: on probabilities of chroma."""


@dataclass(frozen=True)
class Published:
    """A row of the study's tables.

    Attributes:
        accuracy: Within-12 accuracy on the validation pictures, at the best epoch.
        mse: Validation loss at that epoch.
        epochs: The column "#epoch": the epoch of the best accuracy, which is before the one in which training stopped.
    """

    accuracy: float
    mse: float
    epochs: int | None = None


@dataclass(frozen=True)
class Run:
    """One configuration to train.

    Attributes:
        name: The name of its folder, without the seed.
        label: The name of its row in tables.
        published: The figures that the study printed for it, if any.
        expected: The study's conclusion on this run compared with the experiment's reference; None if it drew none.
        remark: What to know when comparing it with the study's row.
    """

    name: str
    label: str
    config: TrainingConfig
    published: Published | None = None
    expected: Literal["better", "worse", "same"] | None = None
    remark: str = ""


@dataclass(frozen=True)
class Experiment:
    """A question and the runs that answer it.

    Attributes:
        compared_with: The reference for these runs, as `experiment/run`; None if there is none.
        section: Its section in the study.
        claim: The study's conclusion, in our words.
        in_study: Whether it is part of the study, which `all` trains and the report shows. Networks beyond the study
            train for hours and name their own data.
        first_seed: The seed that the seeds of every run are counted from.
    """

    title: str
    question: str
    runs: tuple[Run, ...]
    compared_with: str | None = None
    section: str = ""
    claim: str = ""
    in_study: bool = True
    first_seed: int = 0
