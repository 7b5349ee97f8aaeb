import sys
from pathlib import Path

import pytest

from photochrom.coloring._memory import release_freed_memory


def resident_megabytes() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024 / 1e6


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how much memory is resident in /proc")
def test_freed_memory_below_what_is_still_in_use_goes_back_to_the_system() -> None:
    blocks = [bytearray(100_000) for _ in range(1000)]  # small enough for the C library to keep them once freed
    last = blocks[-1]
    blocks.clear()
    before = resident_megabytes()
    release_freed_memory()
    assert len(last) == 100_000
    assert resident_megabytes() < before - 50


def test_another_system_or_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("photochrom.coloring._memory.ctypes.CDLL", lambda name: object())
    release_freed_memory()
    monkeypatch.setattr("photochrom.coloring._memory.sys.platform", "darwin")
    monkeypatch.setattr("photochrom.coloring._memory.ctypes.CDLL", lambda name: pytest.fail("was asked"))
    release_freed_memory()
