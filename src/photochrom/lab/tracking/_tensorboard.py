"""The history of a run as TensorBoard files."""

from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

import numpy as np
from PIL import Image

from photochrom.errors import ConfigError
from photochrom.lab.training import Epoch, RunFolder, RunMetrics


class TensorBoardTracker:
    """Writes the figures of each epoch to `tensorboard/` in the run's folder; a resumed run continues the same curves.

    Raises:
        ConfigError: TensorBoard is not installed.
    """

    def __init__(self, run: RunFolder) -> None:
        if find_spec("tensorboard") is None:
            raise ConfigError("TensorBoard is not installed: pip install 'photochrom[tensorboard]'")
        self._folder = run.path / "tensorboard"
        self._writer: Any = None

    def record_epoch(self, row: Epoch) -> None:
        """Write the figures of one epoch; the first call opens the files, since only then `fit` owns the folder."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self._folder), purge_step=row.epoch)
        for name, value in asdict(row).items():
            if name != "epoch":
                self._writer.add_scalar(name, value, row.epoch)
        self._writer.flush()

    def record_pictures(self, pictures: Image.Image, epoch: int) -> None:
        """Write example pictures."""
        self._writer.add_image("examples", np.asarray(pictures), epoch, dataformats="HWC")
        self._writer.flush()

    def record_end(self, metrics: RunMetrics) -> None:  # noqa: ARG002 - the curves hold all of them
        """Close the files."""
        if self._writer is not None:
            self._writer.close()
