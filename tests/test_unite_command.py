"""`photochrom unite`, as a user calls it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from photochrom.lab import models
from photochrom.lab.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

Command = Callable[..., Any]


def saved(name: str, network: str) -> str:
    torch.manual_seed(0)
    save_checkpoint(Path(name), Checkpoint(models.create(network)))
    return name


def test_two_networks_become_one_that_can_be_packed(photochrom: Command) -> None:
    words = (saved("a.safetensors", "chroma_unet"), saved("b.safetensors", "scene_unet"))
    ended = photochrom("unite", *words, "--out", "both.safetensors")
    assert (ended.status, ended.err) == (0, "")
    assert "a committee of 2 models" in ended.out
    packed = photochrom("pack", "both.safetensors", "small.safetensors", "decoding=mean", "mirrored=true")
    assert packed.status == 0, packed.err
    assert load_checkpoint(Path("small.safetensors")).model.hyperparameters["members"] == "chroma_unet+scene_unet"


def test_a_network_that_cannot_be_a_member_gets_one_line(photochrom: Command) -> None:
    words = (saved("a.safetensors", "chroma_unet"), saved("b.safetensors", "convnet"))
    ended = photochrom("unite", *words, "--out", "both.safetensors")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err == "photochrom: convnet gives no probabilities of chroma; a committee averages these\n"
    assert not Path("both.safetensors").exists()


def test_a_model_is_not_replaced_by_the_committee_that_it_joins(photochrom: Command) -> None:
    words = (saved("a.safetensors", "chroma_unet"), saved("b.safetensors", "scene_unet"))
    before = Path("a.safetensors").read_bytes()
    ended = photochrom("unite", *words, "--out", "a.safetensors")
    assert (ended.status, ended.err) == (2, "photochrom: a.safetensors: is one of the models; choose another --out\n")
    assert Path("a.safetensors").read_bytes() == before
