"""What an experiment is: a question, the runs that answer it, and what the study printed."""

from dataclasses import dataclass
from typing import Literal

from photochrom.lab.training import TrainingConfig

__all__ = ["BASELINE", "DISTRIBUTION", "PREFERENCE", "Experiment", "Published", "Run"]

BASELINE = TrainingConfig()
"""The study's default: 2 layers, kernel 5, 4 kernels, learning rate 0.007."""

PREFERENCE = BASELINE.varied(learning_rate=0.07, hyperparameters={"hidden_channels": 8})
"""The study's preference after its controlled experiments, from which the further ones start."""

DISTRIBUTION = TrainingConfig(
    model="chroma_unet",
    loss="cross_entropy",
    optimizer="adamw",
    learning_rate=0.003,
    weight_decay=0.05,
    schedule="one_cycle",
    clip_norm=1.0,
    stopping="patience",
    patience=1000,  # one cycle is one course: it ends where its step size has fallen to nothing
)
"""How networks past the study learn the probabilities of chroma."""


@dataclass(frozen=True)
class Published:
    """A row of the study's tables.

    Attributes:
        accuracy: Within-12 accuracy on the validation pictures, at the best epoch.
        mse: Validation loss at that epoch.
        epochs: The column "#epoch". The study's program printed the epoch of the best accuracy there, which comes
            before the epoch in which it stopped.
    """

    accuracy: float
    mse: float
    epochs: int | None = None


@dataclass(frozen=True)
class Run:
    """One configuration to train.

    Attributes:
        name: Its folder's name, without the seed.
        label: Its row's name in tables.
        config: Its settings; the seed is set when it is run.
        published: What the study printed for it, if it did.
        expected: What the study concluded of this run, held against the experiment's reference; None where it
            concluded nothing.
        remark: What a reader must know to compare it with the study's row.
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
        title: A few words.
        question: What is asked.
        runs: What is trained for it.
        compared_with: The run that these are held against, as `experiment/run`; None where there is none.
        section: Where in the study this stands.
        claim: What the study concluded, in our words.
        in_study: Whether it is a part of the study, which `all` trains and the report shows; networks past the study
            take hours and name their own data.
    """

    title: str
    question: str
    runs: tuple[Run, ...]
    compared_with: str | None = None
    section: str = ""
    claim: str = ""
    in_study: bool = True
