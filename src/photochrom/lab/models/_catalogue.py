"""The networks by name."""

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from pydantic import ConfigDict, TypeAdapter, ValidationError

from photochrom.errors import ConfigError
from photochrom.lab.models._colorizer import ColorizationModel
from photochrom.lab.registry import Registry

_registry: Registry[type[ColorizationModel]] = Registry("photochrom.lab.models", "model")
register = _registry.register

_FINITE = ConfigDict(allow_inf_nan=False)  # settings are stored as JSON, which has no other numbers
_MOST_WEIGHTS = 2**28
"""In one network: 1 GB, fifty times the largest shipped one. Training takes four times that."""


def available() -> list[str]:
    """The names of the networks."""
    return _registry.names()


def describe(name: str) -> tuple[str, str, str]:
    """A network's name, its hyperparameters with their defaults, and its module's docstring."""
    model_class = _registry[name]
    options = inspect.signature(model_class).parameters.values()
    sentence = inspect.cleandoc(inspect.getmodule(model_class).__doc__ or "")
    return name, ", ".join(f"{option.name}={option.default}" for option in options), sentence


def option_names(name: str) -> list[str]:
    """The names of the hyperparameters of a network."""
    return list(inspect.signature(_registry[name]).parameters)


def create(name: str, hyperparameters: Mapping[str, Any] | None = None) -> ColorizationModel:
    """A network with fresh weights.

    Args:
        name: A file of this catalogue.
        hyperparameters: Arguments of its constructor; the others keep their defaults.

    Returns:
        The network; its `hyperparameters` rebuild it.

    Raises:
        ConfigError: No network has that name, or it has no such hyperparameter, or a value is out of range, or they
            ask for a network of more than a gigabyte.

    Example:
        >>> create("convnet", {"hidden_channels": 8}).parameter_count()
        811
    """
    model_class = _registry[name]
    signature = inspect.signature(model_class)
    try:
        bound = signature.bind(**(hyperparameters or {}))
    except TypeError as error:
        options = ", ".join(signature.parameters) or "none"
        raise ConfigError(f"{name}: {error}; its hyperparameters: {options}") from error
    bound.apply_defaults()
    _check_types(name, signature, bound.arguments)
    _check_size(name, model_class, bound.arguments)
    model = model_class(**bound.arguments)
    model.catalogue_name = name
    model.hyperparameters = dict(bound.arguments)
    return model


def _check_types(name: str, signature: inspect.Signature, arguments: Mapping[str, Any]) -> None:
    """Check values from files and command lines against the constructor's annotations, without converting them."""
    for option, value in arguments.items():
        try:
            annotation = signature.parameters[option].annotation
            TypeAdapter(annotation, config=_FINITE).validate_python(value, strict=True)
        except ValidationError as error:
            raise ConfigError(f"{name}: {option}={value!r}: {error.errors()[0]['msg']}") from error


def _check_size(name: str, model_class: type[ColorizationModel], arguments: Mapping[str, Any]) -> None:
    """Count the weights before memory is taken for them: the system kills who takes more than there is."""
    try:
        with torch.device("meta"):
            count = model_class(**arguments).parameter_count()
    except (RuntimeError, TypeError) as error:
        if "overflow" not in str(error).lower():
            return  # its constructor computes with numbers, of which there are none on that device
        count = _MOST_WEIGHTS + 1
    if count > _MOST_WEIGHTS:
        chosen = ", ".join(f"{option}={value}" for option, value in arguments.items())
        raise ConfigError(f"{name}: {chosen} make more than {_MOST_WEIGHTS:,} weights; choose a smaller network")
