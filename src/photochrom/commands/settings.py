"""`photochrom settings`: the settings of a training."""

from photochrom.commands._terminal import print_table


def settings() -> None:
    """List the settings of a training, their defaults, and the networks with their hyperparameters."""
    from photochrom.lab.models import available, describe
    from photochrom.lab.training import TrainingConfig

    print_table(["setting", "default"], list(TrainingConfig().model_dump().items()))
    print_table(["network", "hyperparameters", "what it is"], [describe(name) for name in available()])
