import errno

import pytest

from photochrom.errors import reason_of


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("one  line "), "one line"),
        (RuntimeError("\n \n the server is gone\nTraceback:\n  more"), "the server is gone"),
        (
            RuntimeError("weights do not fit:\n\tsize mismatch of layer 1\n\tof layer 2"),
            "weights do not fit: size mismatch of layer 1",
        ),
        (RuntimeError("nothing follows:"), "nothing follows:"),
        (RuntimeError(), "RuntimeError"),
        (RuntimeError(" \n\t"), "RuntimeError"),
        (KeyError("name"), "'name'"),
        (OSError(errno.ENOSPC, "No space left on device", "/home/me/photo.jpg"), "No space left on device"),
        (OSError("truncated"), "truncated"),
        (OSError(), "OSError"),
    ],
)
def test_a_reason_is_one_line_that_is_never_empty(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason
