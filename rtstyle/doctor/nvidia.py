"""What NVIDIA's driver says about its GPUs, asked through its own library."""

import ctypes
import sys
from dataclasses import dataclass
from typing import Any, Final

DRIVER: Final = {"linux": "libcuda.so.1", "win32": "nvcuda.dll"}
"""The library that comes with an NVIDIA driver, by `sys.platform`."""


@dataclass(frozen=True, slots=True)
class NvidiaGpu:
    """One GPU."""

    model: str
    """As the driver calls it."""
    memory_bytes: int
    """Of its own."""
    driver: str
    """The newest CUDA that the driver runs."""


def list_nvidia(library: Any = None) -> list[NvidiaGpu]:
    """Return the GPUs in the driver's order; none without a driver.

    Args:
        library: The driver's; None loads it.
    """
    try:
        driver = library or ctypes.CDLL(DRIVER[sys.platform])
    except (KeyError, OSError):
        return []
    count, cuda = ctypes.c_int(), ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return []
    driver.cuDriverGetVersion(ctypes.byref(cuda))
    text = f"driver for CUDA {cuda.value // 1000}.{cuda.value % 1000 // 10}"
    return [
        NvidiaGpu(_name(driver, number), _memory(driver, number), text)
        for number in range(count.value)
    ]


def _name(driver: Any, number: int) -> str:
    text = ctypes.create_string_buffer(100)
    driver.cuDeviceGetName(text, ctypes.c_int(len(text)), ctypes.c_int(number))
    return text.value.decode("utf-8", "replace")


def _memory(driver: Any, number: int) -> int:
    size = ctypes.c_size_t()
    driver.cuDeviceTotalMem_v2(ctypes.byref(size), ctypes.c_int(number))
    return size.value
