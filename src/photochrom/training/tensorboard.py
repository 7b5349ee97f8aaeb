"""The course of a run as TensorBoard files."""

from typing import Any

from photochrom.errors import ConfigError
from photochrom.training.run_folder import RunFolder

__all__ = ["TensorBoardLog"]


class TensorBoardLog:
    """Writes each epoch's figures to `tensorboard/` in the run's folder; to be given to `fit` as `on_epoch`.

    A resumed run goes on in the same curves.

    Args:
        run: The run.

    Raises:
        ConfigError: TensorBoard is not installed.
    """

    def __init__(self, run: RunFolder) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ConfigError("TensorBoard is not installed: pip install 'photochrom[tensorboard]'") from error
        self._writer = SummaryWriter(str(run.path / "tensorboard"), purge_step=len(run.history()) + 1)

    def __call__(self, row: dict[str, Any]) -> None:
        """Write the figures of one epoch."""
        for name, value in row.items():
            if name != "epoch":
                self._writer.add_scalar(name, value, row["epoch"])
        self._writer.flush()
