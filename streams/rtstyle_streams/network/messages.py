"""What `NetworkSink` and its sender say to each other through a pipe."""

import struct
from typing import BinaryIO, Final

HEAD: Final = struct.Struct("<Bqq")
"""Kind, time in ticks of `TIME_BASE`, bytes that follow."""
PICTURE: Final = 0
"""RGB, of the size that was agreed."""
SOUND: Final = 1
"""Samples that begin at the time."""


def read_message(pipe: BinaryIO) -> tuple[int, int, bytes] | None:
    """Return kind, time and data of the next message; None at the end."""
    head = pipe.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    kind, pts, size = HEAD.unpack(head)
    data = pipe.read(size)
    return (kind, pts, data) if len(data) == size else None
