"""`photochrom settings`: the settings of a training."""

from photochrom.commands._terminal import print_table


def settings() -> None:
    """List the settings of a training and what they mean, and the networks with their hyperparameters."""
    from photochrom.lab.models import available, describe
    from photochrom.lab.training import describe_settings

    print_table(["setting", "default", "values", "what it is"], describe_settings())
    print_table(["network", "hyperparameters", "what it is"], [describe(name) for name in available()])
