"""Where Optuna keeps the trials of a search."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import optuna
from optuna.exceptions import OptunaError, StorageInternalError
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy.exc import SQLAlchemyError

from photochrom.errors import ConfigError, reason_of, without_password

_SQLITE_WAIT_SECONDS = 60


def open_study(
    name: str, storage: str, direction: Literal["maximize", "minimize"], sampler: BaseSampler, pruner: BasePruner
) -> optuna.Study:
    """The study of that name, made if there is none.

    Two processes must not make it at the same time: the caller holds a lock.

    Args:
        name: Its name in the storage.
        storage: A URL of SQLAlchemy, such as `sqlite:///search.db` or `postgresql://host/base`, or the path of a file
            that ends in `.journal`.
        direction: `maximize` or `minimize`.
        sampler: What chooses settings.
        pruner: What gives up trials.

    Raises:
        ConfigError: The storage cannot be reached.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with storage_faults(storage):
        return optuna.create_study(
            study_name=name,
            storage=_open(storage),
            direction=direction,
            sampler=sampler,
            pruner=pruner,
            load_if_exists=True,
        )


def _open(storage: str) -> BaseStorage:
    if storage.endswith(".journal"):
        return JournalStorage(JournalFileBackend(storage))
    if storage.startswith("sqlite:///"):
        Path(storage.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        return RDBStorage(storage, engine_kwargs={"connect_args": {"timeout": _SQLITE_WAIT_SECONDS}})
    return RDBStorage(storage)


@contextmanager
def storage_faults(storage: str) -> Iterator[None]:
    """Turn what a storage raises when it cannot be reached or written into one line.

    Raises:
        ConfigError: The storage failed; the line does not hold the password.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    except (SQLAlchemyError, StorageInternalError, OptunaError, ImportError, OSError, ValueError) as error:
        cause = error.__cause__ or error
        reason = reason_of(cause)
        raise ConfigError(
            without_password(
                f"{storage}: the search's storage cannot be used ({reason}); the same command goes on when it can"
            )
        ) from error
