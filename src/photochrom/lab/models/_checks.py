"""Checks of constructor arguments, shared by the networks."""

from photochrom.errors import ConfigError


def require_at_least(lowest: int, **values: int) -> None:
    """Check that whole numbers are not below a bound.

    Raises:
        ConfigError: A value is smaller than `lowest`; the message names it.
    """
    for name, value in values.items():
        if value < lowest:
            raise ConfigError(f"{name} must be at least {lowest}, not {value}")


def require_at_most(highest: int, **values: int) -> None:
    """Check that whole numbers are not above a bound.

    Raises:
        ConfigError: A value is larger than `highest`; the message names it.
    """
    for name, value in values.items():
        if value > highest:
            raise ConfigError(f"{name} must be at most {highest}, not {value}")


def require_odd(**values: int) -> None:
    """Check that kernel sizes are odd: only an odd kernel has a middle.

    Raises:
        ConfigError: A value is even or smaller than 1.
    """
    for name, value in values.items():
        require_at_least(1, **{name: value})
        if value % 2 == 0:
            raise ConfigError(f"{name} must be odd, not {value}")
