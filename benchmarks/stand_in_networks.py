"""Networks of the size of published colorizers, with random weights: they stand in for the cost, not for the colors.

Run as a program it writes them as ONNX files into a folder and prints their counts as JSON; `photo_cost.py` runs those.

- `vgg_like`: the layers of Zhang et al. 2016, which OpenCV's sample `colorization.py` runs at 224x224.
- `convnext_like`: the parts of DDColor's small edition, Kang et al. 2023, at 512x512: a ConvNeXt-T encoder, a decoder
  with skips, and colors that attend to three sizes of it. What does not weigh in the balance is left out.
"""

import json
import logging
import sys
import warnings
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from photochrom.coloring.network import Network
from photochrom.lab import models

__all__ = ["NetworkSize", "convnext_like", "size_of", "vgg_like", "write_all"]


@dataclass(frozen=True)
class NetworkSize:
    """How large a network is.

    Attributes:
        parameters: Learnt numbers.
        multiply_adds: For one picture.
        side: Of the square picture, in pixels.
    """

    parameters: int
    multiply_adds: int
    side: int


# --- after Zhang, Isola and Efros, "Colorful image colorization", 2016 ---------------------------------------------


def vgg_like() -> nn.Sequential:
    """From lightness (batch, 1, 224, 224) to a* and b* (batch, 2, 56, 56)."""
    blocks = [
        vgg_block(1, 64, 2, last_stride=2),
        vgg_block(64, 128, 2, last_stride=2),
        vgg_block(128, 256, 3, last_stride=2),
        vgg_block(256, 512, 3),
        vgg_block(512, 512, 3, dilation=2),
        vgg_block(512, 512, 3, dilation=2),
        vgg_block(512, 512, 3),
    ]
    enlarged = [nn.ConvTranspose2d(512, 256, 4, stride=2, padding=1), nn.ReLU()]
    refined = [layer for _ in range(2) for layer in (nn.Conv2d(256, 256, 3, padding=1), nn.ReLU())]
    colors = [nn.Conv2d(256, 313, 1), nn.Softmax(dim=1), nn.Conv2d(313, 2, 1, bias=False)]
    return nn.Sequential(*blocks, *enlarged, *refined, *colors)


def vgg_block(
    in_channels: int, out_channels: int, num_layers: int, last_stride: int = 1, dilation: int = 1
) -> nn.Sequential:
    """Some 3x3 convolutions with ReLU, then batch norm."""
    layers: list[nn.Module] = []
    for place in range(num_layers):
        stride = last_stride if place == num_layers - 1 else 1
        layers += [nn.Conv2d(in_channels, out_channels, 3, stride, dilation, dilation), nn.ReLU()]
        in_channels = out_channels
    return nn.Sequential(*layers, nn.BatchNorm2d(out_channels))


# --- after Kang et al., "DDColor", 2023, and Liu et al., "A ConvNet for the 2020s", 2022 ---------------------------

_DEPTHS, _WIDTHS = (3, 3, 9, 3), (96, 192, 384, 768)
_QUERIES, _QUERY_WIDTH, _HEADS, _FEED_FORWARD, _ATTENTION_LAYERS = 100, 256, 8, 2048, 9


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of a picture."""

    def forward(self, features: Tensor) -> Tensor:
        """Same shape, (batch, channels, height, width)."""
        return super().forward(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNextBlock(nn.Module):
    """A wide convolution of each channel by itself, then two layers at each place."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.spatial = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.pointwise = nn.Sequential(
            nn.LayerNorm(channels), nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels)
        )
        self.scale = nn.Parameter(torch.full((channels,), 1e-1))

    def forward(self, features: Tensor) -> Tensor:
        """Same shape, (batch, channels, height, width)."""
        change: Tensor = self.scale * self.pointwise(self.spatial(features).permute(0, 2, 3, 1))
        return features + change.permute(0, 3, 1, 2)


class Encoder(nn.Module):
    """ConvNeXt-T without its classifier."""

    def __init__(self) -> None:
        super().__init__()
        stem = nn.Sequential(nn.Conv2d(3, _WIDTHS[0], 4, stride=4), ChannelNorm(_WIDTHS[0]))
        shrinks = [
            nn.Sequential(ChannelNorm(before), nn.Conv2d(before, after, 2, stride=2))
            for before, after in pairwise(_WIDTHS)
        ]
        self.shrinks = nn.ModuleList([stem, *shrinks])
        self.stages = nn.ModuleList(
            nn.Sequential(*(ConvNextBlock(width) for _ in range(depth)))
            for width, depth in zip(_WIDTHS, _DEPTHS, strict=True)
        )

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Features at a quarter, an eighth, a 16th and a 32nd of the size of (batch, 3, height, width)."""
        features = []
        for shrink, stage in zip(self.shrinks, self.stages, strict=True):
            picture = stage(shrink(picture))
            features.append(picture)
        return features


class Enlargement(nn.Module):
    """Features at twice the size, joined with those of the encoder there."""

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int) -> None:
        super().__init__()
        self.enlarge = nn.Sequential(nn.Conv2d(in_channels, 4 * out_channels, 1), nn.PixelShuffle(2), nn.ReLU())
        self.norm = nn.BatchNorm2d(skip_channels)
        self.join = nn.Sequential(
            nn.ReLU(), nn.Conv2d(out_channels + skip_channels, out_channels, 3, padding=1), nn.ReLU()
        )

    def forward(self, features: Tensor, skip: Tensor) -> Tensor:
        """Shape (batch, out_channels, height and width of the skip)."""
        joined: Tensor = self.join(torch.cat([self.enlarge(features), self.norm(skip)], dim=1))
        return joined


class Attention(nn.Module):
    """Multi-head attention with a residual and a norm."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(_QUERY_WIDTH, _QUERY_WIDTH) for _ in range(4))
        self.norm = nn.LayerNorm(_QUERY_WIDTH)

    def forward(self, queries: Tensor, memory: Tensor) -> Tensor:
        """Same shape as the queries, (batch, queries, width)."""
        query, key, value = (
            self.split(tokens) for tokens in (self.query(queries), self.key(memory), self.value(memory))
        )
        attended = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        normed: Tensor = self.norm(queries + self.out(attended))
        return normed

    @staticmethod
    def split(tokens: Tensor) -> Tensor:
        """From (batch, tokens, width) to (batch, heads, tokens, share of the width)."""
        return tokens.reshape(*tokens.shape[:2], _HEADS, -1).transpose(1, 2)


class ColorLayer(nn.Module):
    """Colors look at the picture, at one another, and pass two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.cross, self.own = Attention(), Attention()
        self.feed_forward = nn.Sequential(
            nn.Linear(_QUERY_WIDTH, _FEED_FORWARD), nn.ReLU(), nn.Linear(_FEED_FORWARD, _QUERY_WIDTH)
        )
        self.norm = nn.LayerNorm(_QUERY_WIDTH)

    def forward(self, queries: Tensor, memory: Tensor) -> Tensor:
        """Same shape as the queries, (batch, queries, width)."""
        queries = self.cross(queries, memory)
        queries = self.own(queries, queries)
        normed: Tensor = self.norm(queries + self.feed_forward(queries))
        return normed


class ConvNextLike(nn.Module):
    """From a gray picture (batch, 3, 512, 512) to a* and b* (batch, 2, 512, 512)."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.enlargements = nn.ModuleList(
            [Enlargement(768, 384, 512), Enlargement(512, 192, 512), Enlargement(512, 96, 256)]
        )
        self.to_full_size = nn.Sequential(nn.Conv2d(_QUERY_WIDTH, 16 * _QUERY_WIDTH, 1), nn.PixelShuffle(4), nn.ReLU())
        self.to_memory = nn.ModuleList(nn.Conv2d(channels, _QUERY_WIDTH, 1) for channels in (512, 512, 256))
        self.queries = nn.Parameter(torch.randn(1, _QUERIES, _QUERY_WIDTH))
        self.color_layers = nn.ModuleList(ColorLayer() for _ in range(_ATTENTION_LAYERS))
        self.refine = nn.Conv2d(_QUERIES + 3, 2, 1)

    def forward(self, picture: Tensor) -> Tensor:
        """Shape (batch, 2, height, width)."""
        *skips, features = self.encoder(picture)
        memories = []
        for enlargement, to_memory, skip in zip(self.enlargements, self.to_memory, reversed(skips), strict=True):
            features = enlargement(features, skip)
            memories.append(to_memory(features).flatten(2).transpose(1, 2))
        full_size = self.to_full_size(features)
        queries = self.queries.expand(len(picture), -1, -1)
        for place, layer in enumerate(self.color_layers):
            queries = layer(queries, memories[place % len(memories)])
        shares = torch.matmul(queries, full_size.flatten(2)).reshape(-1, _QUERIES, *full_size.shape[2:])
        colors: Tensor = self.refine(torch.cat([shares, picture], dim=1))
        return colors


def convnext_like() -> ConvNextLike:
    """A network of the size of DDColor's small edition."""
    return ConvNextLike()


# --- sizes and files -----------------------------------------------------------------------------------------------


def size_of(network: nn.Module, channels: int, side: int) -> NetworkSize:
    """Count what one square picture takes; multiply-adds are half of what torch's own counter calls flops."""
    network.requires_grad_(False)  # the counter asks for gradients wherever there could be some
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, channels, side, side))
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return NetworkSize(parameters, counter.get_total_flops() // 2, side)


def size_of_ours(path: Path, side: int) -> NetworkSize:
    """The size of one of photochrom's networks, by its ONNX file."""
    metadata = Network(path).metadata
    return size_of(models.create(metadata.model, metadata.hyperparameters).eval(), 1, side)


def write_all(folder: Path) -> dict[str, NetworkSize]:
    """Write both networks as `vgg_like.onnx` and `convnext_like.onnx`, and tell their sizes."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it misses torchvision, which nothing here needs
    warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning)
    sizes = {}
    for name, network, channels, side in (("vgg_like", vgg_like(), 1, 224), ("convnext_like", convnext_like(), 3, 512)):
        network.eval()
        sizes[name] = size_of(network, channels, side)
        example = (torch.zeros(1, channels, side, side),)
        torch.onnx.export(network, example, folder / f"{name}.onnx", dynamo=True, verbose=False, external_data=False)
    return sizes


def main() -> None:
    """Write the networks into the folder of the first argument; count ours too, whose files standard input names."""
    sizes = write_all(Path(sys.argv[1]))
    ours = {name: size_of_ours(Path(path), side) for name, (path, side) in json.load(sys.stdin).items()}
    print(json.dumps({name: asdict(size) for name, size in {**sizes, **ours}.items()}))


if __name__ == "__main__":
    main()
