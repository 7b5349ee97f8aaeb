"""The protocol between the pool and a worker: frames of bytes that hold plain data."""

import json
import struct
from typing import IO, Any

_LENGTH = struct.Struct("<Q")
_LONGEST_FRAME = 2**32
_BLOB = "\0bytes"


def write_frames(stream: IO[bytes], *frames: bytes) -> None:
    """Write frames and flush them."""
    for frame in frames:
        stream.write(_LENGTH.pack(len(frame)))
        stream.write(frame)
    stream.flush()


def read_frame(stream: IO[bytes]) -> bytes:
    """The next frame."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    if length > _LONGEST_FRAME:
        raise ValueError("a frame of absurd length")
    content = stream.read(length)
    if len(content) < length:
        raise EOFError
    return content


def frames_of(values: dict[str, Any]) -> list[bytes]:
    """Plain data as frames: JSON, in which bytes are replaced by marks, and then those bytes.

    Args:
        values: None, booleans, numbers, text, bytes, lists and dictionaries.
    """
    blobs: list[bytes] = []

    def mark(value: Any) -> dict[str, int]:
        if not isinstance(value, bytes):
            raise TypeError(f"{type(value).__name__} is not plain data")
        blobs.append(value)
        return {_BLOB: len(value)}

    return [json.dumps(values, default=mark).encode(), *blobs]


def read_plain(stream: IO[bytes]) -> dict[str, Any]:
    """The data that `frames_of` packed.

    Nothing in it is executed: a worker that has decoded a hostile photo cannot be trusted.
    """

    def bytes_for_mark(values: dict[str, Any]) -> Any:
        return read_frame(stream) if values.keys() == {_BLOB} else values

    values: dict[str, Any] = json.loads(read_frame(stream), object_hook=bytes_for_mark)
    return values
