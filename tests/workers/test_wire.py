import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photochrom.workers._wire import frames_of, read_frame, read_plain, write_frames

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=20,
)


def sent(*frames: bytes) -> io.BytesIO:
    stream = io.BytesIO()
    write_frames(stream, *frames)
    stream.seek(0)
    return stream


@given(PLAIN)
@settings(deadline=None)
def test_plain_data_comes_out_as_it_went_in(value: Any) -> None:
    stream = sent(*frames_of({"answer": value}))
    assert read_plain(stream) == {"answer": value}
    assert stream.read() == b""


@pytest.mark.parametrize("value", [{1, 2}, object(), b"".join, memoryview(b"")])
def test_what_is_not_plain_data_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="not plain data"):
        frames_of({"answer": [value]})


@pytest.mark.parametrize("cut", [0, 3, 8, 9])
def test_a_stream_that_ends_is_told(cut: int) -> None:
    with pytest.raises(EOFError):
        read_frame(io.BytesIO(sent(b"content").read()[:cut]))


def test_nothing_is_read_for_a_frame_of_absurd_length() -> None:
    with pytest.raises(ValueError, match="absurd"):
        read_frame(io.BytesIO(b"\xff" * 8))
