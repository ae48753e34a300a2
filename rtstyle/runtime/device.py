"""Read device names, ``cpu`` and ``cuda:N``, and count the CPU cores."""

import ctypes
import sys
from pathlib import Path
from typing import Final

import psutil

CPUINFO: Final = Path("/proc/cpuinfo")
"""Where Linux tells what a CPU can do."""
INT8_KERNELS: Final = ("amx_int8", "avx512_vnni", "avx_vnni", "avx2", "asimddp")
"""What int8 arithmetic runs on, the quickest first, as Linux calls it."""


def cuda_index(device: str) -> int:
    """Return which GPU ``cuda`` or ``cuda:N`` means."""
    return int(device.partition(":")[2] or 0)


def is_cuda(device: str) -> bool:
    """Return whether a device is an NVIDIA GPU."""
    return device.partition(":")[0] == "cuda"


def cuda_count() -> int:
    """Return how many GPUs the NVIDIA driver finds; 0 without one."""
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    count = ctypes.c_int()
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return 0
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return 0
    return count.value


def int8_kernel(cpuinfo: Path = CPUINFO) -> str:
    """Return the best of `INT8_KERNELS` that this CPU has; empty when it is not known.

    Args:
        cpuinfo: What Linux writes about its CPUs.
    """
    try:
        text = cpuinfo.read_text("ascii", errors="replace")
    except OSError:
        return ""
    lines = [line for line in text.splitlines() if line.startswith(("flags", "Feat"))]
    flags = set(lines[0].partition(":")[2].split()) if lines else set()
    return next((name for name in INT8_KERNELS if name in flags), "")


def physical_cores() -> int:
    """Return the number of cores that this process may use, without hyper-threads."""
    process = psutil.Process()
    logical = psutil.cpu_count() or 1
    usable = logical
    if hasattr(process, "cpu_affinity"):  # not on macOS
        usable = len(process.cpu_affinity()) or logical
    threads_per_core = max(1, logical // (psutil.cpu_count(logical=False) or logical))
    return max(1, usable // threads_per_core if usable > 2 else usable)
