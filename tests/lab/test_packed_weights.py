import torch

from photochrom.lab.packed_weights import SCALE_SUFFIX, pack_weights, unpack_weights


def kernel(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_large_kernels_become_bytes_within_half_a_step() -> None:
    weights = {"kernel": kernel(64, 32, 3, 3) * torch.logspace(-4, 4, 64).reshape(-1, 1, 1, 1)}
    packed = pack_weights(weights)
    assert packed["kernel"].dtype == torch.int8
    steps = packed[f"kernel{SCALE_SUFFIX}"].reshape(-1, 1, 1, 1)
    restored = unpack_weights(packed)
    assert list(restored) == ["kernel"]
    assert bool(((restored["kernel"] - weights["kernel"]).abs() <= steps * 0.501).all()), "each channel has its step"


def test_a_channel_of_zeros_stays_zero() -> None:
    weights = {"kernel": kernel(64, 32, 3, 3)}
    weights["kernel"][5] = 0.0
    restored = unpack_weights(pack_weights(weights))["kernel"]
    assert bool((restored[5] == 0.0).all())
    assert bool(restored.isfinite().all())


def test_small_and_depthwise_kernels_and_vectors_keep_16_bits() -> None:
    weights = {"small": kernel(8, 8, 3, 3), "depthwise": kernel(1200, 1, 5, 5), "bias": kernel(20_000)}
    packed = pack_weights(weights)
    assert {name: tensor.dtype for name, tensor in packed.items()} == dict.fromkeys(weights, torch.float16)


def test_what_16_bits_cannot_hold_stays_as_it_is() -> None:
    weights = {"variance": torch.full((4,), 275_809.34375), "count": torch.tensor(70_000)}
    packed = pack_weights(weights)
    assert all(torch.equal(packed[name], weights[name]) for name in weights)


def test_packing_again_changes_nothing() -> None:
    once = unpack_weights(pack_weights({"kernel": kernel(64, 32, 3, 3)}))
    twice = unpack_weights(pack_weights(once))
    torch.testing.assert_close(twice["kernel"], once["kernel"], rtol=1e-6, atol=0)


def test_weights_named_like_a_scale_are_kept() -> None:
    weights = {"norm.scale": kernel(12)}
    assert list(unpack_weights(pack_weights(weights))) == ["norm.scale"]
