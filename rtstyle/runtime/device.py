"""Read device names, ``cpu`` and ``cuda:N``, and count the CPU cores."""

import psutil


def cuda_index(device: str) -> int:
    """Return which GPU ``cuda`` or ``cuda:N`` means."""
    return int(device.partition(":")[2] or 0)


def is_cuda(device: str) -> bool:
    """Return whether a device is an NVIDIA GPU."""
    return device.partition(":")[0] == "cuda"


def physical_cores() -> int:
    """Return the number of cores that this process may use, without hyper-threads."""
    process = psutil.Process()
    logical = psutil.cpu_count() or 1
    usable = logical
    if hasattr(process, "cpu_affinity"):  # not on macOS
        usable = len(process.cpu_affinity()) or logical
    threads_per_core = max(1, logical // (psutil.cpu_count(logical=False) or logical))
    return max(1, usable // threads_per_core if usable > 2 else usable)
