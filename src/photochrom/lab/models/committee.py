"""Several networks, each trained by itself, whose probabilities of chroma are averaged."""

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn

from photochrom.coloring.decoding import of_bins
from photochrom.coloring.distribution import probabilities_from_logits
from photochrom.errors import ConfigError
from photochrom.lab.models._catalogue import create, register
from photochrom.lab.models._distribution_model import CHROMA_STRIDE, ChromaDistributionModel
from photochrom.tensors import GrayBatch

_OWN_NAME = "committee"


@register
class Committee(ChromaDistributionModel):
    """The mean of the probabilities that several networks give to Cb and Cr.

    Networks that are built and trained differently err differently, so the mean is often better than each of them.
    `photochrom.lab.checkpoint.unite_checkpoints` makes one of trained networks. Trained as one, all members start
    afresh and learn together.

    Pictures may have any size; see `ChromaDistributionModel`, also for `decoding`, `mirrored` and what follows them.

    Args:
        members: The names of the networks, with a plus between them; each has its usual size. The colors of a palette
            become the bins of Cb and of Cr that they lie in.
        decoding: How `forward` decodes.
        mirrored: Whether to average over the mirror image.
        temperature: What the logarithms of the mean probabilities are divided by.
        steepness: How stated confidence is corrected.
        modesty: See there.

    Raises:
        ConfigError: There is no such network, or it gives no probabilities of chroma, or another argument is out of
            range.

    Reference:
        Lakshminarayanan, Pritzel and Blundell, "Simple and scalable predictive uncertainty estimation using deep
        ensembles", 2017.
    """

    def __init__(
        self,
        *,
        members: str = "chroma_unet+scene_unet",
        decoding: str = "within",
        mirrored: bool = False,
        temperature: float = 1.0,
        steepness: float = 1.0,
        modesty: float = 1.0,
    ) -> None:
        # Each member continues pictures to its own stride.
        super().__init__(CHROMA_STRIDE, decoding, mirrored, temperature, steepness, modesty)
        self.members = nn.ModuleList(map(_member, members.split("+")))

    def raw_logits(self, continued: GrayBatch) -> Tensor:
        """Logarithms of the mean probabilities of the bins of Cb and then of Cr, at a quarter of the size."""
        members = cast("Iterable[ChromaDistributionModel]", self.members)
        given = [of_bins(probabilities_from_logits(member.logits(continued).float())) for member in members]
        mean = torch.stack(given).mean(dim=0)
        return mean.clamp(min=torch.finfo(mean.dtype).tiny).log().flatten(1, 2)


def _member(name: str) -> ChromaDistributionModel:
    """A network with fresh weights."""
    if name == _OWN_NAME:
        raise ConfigError("a committee is no member of a committee; name the networks themselves")
    member = create(name)
    if not isinstance(member, ChromaDistributionModel):
        raise ConfigError(f"{name} gives no probabilities of chroma; a committee averages these")
    return member
