"""Manage device memory, pinned memory and copies through CUDA's runtime library."""

import ctypes
import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from rtstyle.errors import RuntimeUnavailableError

TO_DEVICE, TO_HOST = 1, 2
"""``cudaMemcpyHostToDevice``, ``cudaMemcpyDeviceToHost``."""
OUT_OF_MEMORY = 2
"""``cudaErrorMemoryAllocation``."""
LIBRARIES = (
    ("cudart64_13.dll", "cudart64_12.dll")
    if sys.platform == "win32"
    else ("libcudart.so.13", "libcudart.so.12")
)
"""Names of the library, tried in this order."""

Bytes = npt.NDArray[np.uint8]


class Cuda:
    """Memory and one stream of a device; may be used from any thread.

    `close` frees everything that was allocated.
    """

    def __init__(self, *, device: int = 0, library: Any = None) -> None:
        """Select the device.

        Args:
            device: Number of the GPU.
            library: CUDA's runtime library; None loads it.

        Raises:
            RuntimeUnavailableError: no library or no such device.
        """
        self._library = library if library is not None else load_library()
        self._device = device
        self._freeing: list[tuple[str, int]] = []
        handle = ctypes.c_void_p()
        self._call("cudaStreamCreate", ctypes.byref(handle))
        self.stream = int(handle.value or 0)
        self._freeing.append(("cudaStreamDestroy", self.stream))

    def device_buffer(self, num_bytes: int) -> int:
        """Return the address of new memory on the device."""
        handle = ctypes.c_void_p()
        size = ctypes.c_size_t(num_bytes)
        self._call("cudaMalloc", ctypes.byref(handle), size)
        address = int(handle.value or 0)
        self._freeing.append(("cudaFree", address))
        return address

    def pinned_buffer(self, num_bytes: int) -> Bytes:
        """Return new page-locked memory, which copies without a staging buffer."""
        handle = ctypes.c_void_p()
        size = ctypes.c_size_t(num_bytes)
        self._call("cudaMallocHost", ctypes.byref(handle), size)
        address = int(handle.value or 0)
        self._freeing.append(("cudaFreeHost", address))
        return np.ctypeslib.as_array((ctypes.c_uint8 * num_bytes).from_address(address))

    def clear(self, address: int, num_bytes: int) -> None:
        """Start filling device memory with zeros."""
        self._call(
            "cudaMemsetAsync",
            ctypes.c_void_p(address),
            0,
            ctypes.c_size_t(num_bytes),
            ctypes.c_void_p(self.stream),
        )

    def upload(self, address: int, pinned: Bytes, num_bytes: int) -> None:
        """Start copying to the device."""
        self._copy(address, pinned.ctypes.data, num_bytes, TO_DEVICE)

    def download(self, pinned: Bytes, address: int, num_bytes: int) -> None:
        """Start copying from the device."""
        self._copy(pinned.ctypes.data, address, num_bytes, TO_HOST)

    def synchronize(self) -> None:
        """Wait until everything that was started is done."""
        self._call("cudaStreamSynchronize", ctypes.c_void_p(self.stream))

    def release(self) -> None:
        """Free all buffers; the stream stays."""
        while len(self._freeing) > 1:
            name, address = self._freeing.pop()
            self._call(name, ctypes.c_void_p(address))

    def close(self) -> None:
        """Free everything; may be called twice."""
        while self._freeing:
            name, address = self._freeing.pop()
            self._call(name, ctypes.c_void_p(address))

    def _copy(self, target: int, source: int, num_bytes: int, kind: int) -> None:
        self._call(
            "cudaMemcpyAsync",
            ctypes.c_void_p(target),
            ctypes.c_void_p(source),
            ctypes.c_size_t(num_bytes),
            kind,
            ctypes.c_void_p(self.stream),
        )

    def _call(self, name: str, *arguments: Any) -> None:
        # the current device is per thread, and other code may change it
        status = self._library.cudaSetDevice(self._device)
        status = status or getattr(self._library, name)(*arguments)
        if status:
            why = " (out of memory)" if status == OUT_OF_MEMORY else ""
            raise RuntimeUnavailableError(
                f"CUDA: {name} failed with status {status}{why}"
            )


def load_library() -> Any:
    """Load CUDA's runtime library.

    Raises:
        RuntimeUnavailableError: there is none.
    """
    for name in LIBRARIES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise RuntimeUnavailableError(
        f"CUDA: expected one of {', '.join(LIBRARIES)}, found none; "
        "install it with: pip install 'rtstyle[cuda]'"
    )
