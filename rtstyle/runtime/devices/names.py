"""What `--device` takes, as one form for each device."""

import re
from typing import Final

from rtstyle.errors import UsageError

EXPECTED: Final = (
    "auto, cpu, gpu, gpu:N, cuda, cuda:N, webgpu, tensorrt-rtx, coreml, mlx or "
    "openvino:NAME"
)
"""For help and errors."""
COUNTED: Final = ("gpu", "cuda", "webgpu", "tensorrt-rtx")
"""Kinds of which a machine may have several: ``cuda:1`` is the second."""
ALONE: Final = ("auto", "cpu", "coreml", "mlx")
"""Kinds of which there is one."""


def parse_device(text: str) -> str:
    """Return a device's name in full: ``cuda`` is ``cuda:0``.

    Raises:
        UsageError: It is no device that rtstyle knows.
    """
    kind, _, rest = text.partition(":")
    if text in ALONE:
        return text
    if kind in COUNTED and re.fullmatch(r"\d{0,3}", rest) and text != f"{kind}:":
        return f"{kind}:{int(rest or 0)}"
    if kind == "openvino" and re.fullmatch(r"[A-Z]+(\.\d+)?", rest):
        return text
    raise UsageError(f"device: expected {EXPECTED}, got {text!r}")


def kind_of(device: str) -> str:
    """Return the kind of a device: ``webgpu`` of ``webgpu:1``."""
    return device.partition(":")[0]


def index_of(device: str) -> int:
    """Return which device of its kind it is, from 0."""
    number = device.partition(":")[2]
    return int(number) if number.isdigit() else 0
