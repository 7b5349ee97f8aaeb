"""The course of a run as TensorBoard files."""

from importlib.util import find_spec
from typing import Any

from photochrom.errors import ConfigError
from photochrom.lab.training.run_folder import RunFolder

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
        if find_spec("tensorboard") is None:
            raise ConfigError("TensorBoard is not installed: pip install 'photochrom[tensorboard]'")
        self._folder = run.path / "tensorboard"
        self._writer: Any = None

    def __call__(self, row: dict[str, Any]) -> None:
        """Write the figures of one epoch; the first call opens the files, when the run is surely ours."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self._folder), purge_step=row["epoch"])
        for name, value in row.items():
            if name != "epoch":
                self._writer.add_scalar(name, value, row["epoch"])
        self._writer.flush()
