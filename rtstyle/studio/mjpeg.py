"""Motion JPEG over HTTP, for OBS, VLC and everything that shows an address."""

from typing import Final

BOUNDARY: Final = "rtstyle"
CONTENT_TYPE: Final = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
"""Of the answer."""
PART_HEAD: Final = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\n\r\n".encode()
"""Begins a part, and the whole answer."""


def part(jpeg: bytes) -> bytes:
    """Return one picture and the head of the next one.

    Chromium shows a part when the head of the next arrives (crbug 527446); sent with
    the picture, it saves the time of one frame.
    """
    return jpeg + b"\r\n" + PART_HEAD
