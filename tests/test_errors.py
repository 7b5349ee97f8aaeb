import errno

import pytest

from photochrom.errors import reason_of, without_password


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


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("http://me:secret@host:5000/path", "http://me:***@host:5000/path"),
        ("postgresql+psycopg://me:secret@[::1]/base", "postgresql+psycopg://me:***@[::1]/base"),
        ("redis://:secret@host", "redis://:***@host"),
        ("me:secret@host/base", "me:***@host/base"),
        ("http://me:s:e/c@ret@host", "http://me:***@host"),
        ("no answer from 'http://me:secret@host/', 'http://me:secret@host/2'", None),
        ("https://me@host/path", "https://me@host/path"),
        ("sqlite:////data/mlflow.db", "sqlite:////data/mlflow.db"),
        ("wrong: ask me@host", "wrong: ask me@host"),
    ],
)
def test_a_password_is_left_out_of_an_address_and_nothing_else(text: str, told: str | None) -> None:
    assert without_password(text) == (told or text.replace("secret", "***"))
