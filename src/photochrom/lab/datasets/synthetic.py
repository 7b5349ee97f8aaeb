"""Synthetic faces: tight color crops, drawn at random, for tests and for a machine without real pictures."""

from typing import Any

from photochrom.lab.datasets._catalogue import register
from photochrom.lab.datasets._faces import draw_faces, require_drawable
from photochrom.lab.datasets._pairs import SPLITS, Dataset, Pairs, Split, pairs_from_color, require_split


@register
class Synthetic(Dataset):
    """Synthetic faces in three splits; the test split is gray only, like the study's.

    Args:
        seed: Not negative.
        size: Side of the square pictures, at least 16.
    """

    summary = "faces drawn by photochrom from a seed, 80x80"
    rights = "none needed"

    def __init__(
        self,
        *,
        seed: int = 0,
        train_count: int = 2000,
        val_count: int = 500,
        test_count: int = 200,
        size: int = 80,
    ) -> None:
        self.seed = seed
        self.counts: dict[Split, int] = {"train": train_count, "val": val_count, "test": test_count}
        self.size = size
        for count in self.counts.values():
            require_drawable(count, seed, size)

    @property
    def name(self) -> str:
        """Always `synthetic`."""
        return "synthetic"

    def split(self, split: Split) -> Pairs:
        """The pairs of one split; no two splits share a face."""
        require_split(split)
        color = draw_faces(self.counts[split], seed=self.seed, stream=(SPLITS.index(split),), size=self.size)
        names = [f"{split}/{index:04d}.png" for index in range(len(color))]
        pairs = pairs_from_color(names, color)
        return Pairs(pairs.names, pairs.gray, None) if split == "test" else pairs

    def fingerprint(self) -> dict[str, Any]:
        """Name, seed, size and counts."""
        return {"name": self.name, "seed": self.seed, "size": self.size, "counts": dict(self.counts)}
