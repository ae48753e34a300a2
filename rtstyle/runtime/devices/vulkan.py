"""What Vulkan's own library says about the adapters of this machine."""

import ctypes
import sys
from dataclasses import dataclass
from typing import Any, Final

LIBRARIES: Final = {"win32": "vulkan-1.dll", "linux": "libvulkan.so.1"}
"""Vulkan's loader, by `sys.platform`; macOS has none of its own."""
TYPES: Final = ("other", "integrated GPU", "discrete GPU", "virtual GPU", "CPU")
"""Of adapters, as Vulkan counts them."""
BEST_FIRST: Final = (2, 1, 3, 0, 4)
"""Places in `TYPES`: which of several adapters is likely the quickest."""
VERSION_1_1: Final = 1 << 22 | 1 << 12
APPLICATION, INSTANCE, PROPERTIES, DRIVER = 0, 1, 1000059001, 1000196000
"""Tags of the structures that are used here."""
NAME_AT, NAME_BYTES, PROPERTY_BYTES = 20, 256, 2048
"""Where an adapter's name is in ``VkPhysicalDeviceProperties``, and room for it all."""
NUM_HEAPS_AT, HEAPS_AT, HEAP_BYTES, MEMORY_BYTES = 260, 264, 16, 1024
"""The same in ``VkPhysicalDeviceMemoryProperties``."""
VENDORS: Final = {
    0x1002: "AMD",
    0x106B: "Apple",
    0x10DE: "NVIDIA",
    0x13B5: "Arm",
    0x1AE0: "Google",
    0x5143: "Qualcomm",
    0x8086: "Intel",
    0x10005: "Mesa",
}
"""Names of vendors by their PCI or Khronos number."""


class _Application(ctypes.Structure):
    _fields_ = [
        ("tag", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("application", ctypes.c_char_p),
        ("application_version", ctypes.c_uint32),
        ("engine", ctypes.c_char_p),
        ("engine_version", ctypes.c_uint32),
        ("api_version", ctypes.c_uint32),
    ]


class _Instance(ctypes.Structure):
    _fields_ = [
        ("tag", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("flags", ctypes.c_uint32),
        ("application", ctypes.POINTER(_Application)),
        ("num_layers", ctypes.c_uint32),
        ("layers", ctypes.c_void_p),
        ("num_extensions", ctypes.c_uint32),
        ("extensions", ctypes.c_void_p),
    ]


class _Properties(ctypes.Structure):
    _fields_ = [
        ("tag", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("data", ctypes.c_uint8 * PROPERTY_BYTES),
    ]


class _Driver(ctypes.Structure):
    _fields_ = [
        ("tag", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("number", ctypes.c_int),
        ("name", ctypes.c_char * 256),
        ("info", ctypes.c_char * 256),
        ("conformance", ctypes.c_uint8 * 4),
    ]


@dataclass(frozen=True, slots=True)
class Adapter:
    """One adapter that a Vulkan driver offers."""

    name: str
    """As its driver calls it."""
    vendor: str
    """Who made it; a number where it is not one of `VENDORS`."""
    type: str
    """One of `TYPES`."""
    memory_bytes: int
    """Of its own; of this machine where it shares that."""
    driver: str
    """Name and version; empty where it does not say."""

    @property
    def is_software(self) -> bool:
        """Return whether the CPU stands in for a GPU."""
        return self.type == "CPU"


def list_adapters() -> list[Adapter]:
    """Return the adapters, the one that is likely the quickest first; none without."""
    library = _load()
    if library is None:
        return []
    application = _Application(APPLICATION, None, b"rtstyle", 1, None, 0, VERSION_1_1)
    asked = _Instance(INSTANCE, None, 0, ctypes.pointer(application), 0, None, 0, None)
    instance = ctypes.c_void_p()
    if library.vkCreateInstance(ctypes.byref(asked), None, ctypes.byref(instance)):
        return []
    try:
        found = [_described(library, handle) for handle in _handles(library, instance)]
    finally:
        library.vkDestroyInstance(instance, None)
    return sorted(found, key=lambda a: BEST_FIRST.index(TYPES.index(a.type)))


def _load() -> Any:
    """Return Vulkan's loader, or None."""
    try:
        return ctypes.CDLL(LIBRARIES[sys.platform])
    except (KeyError, OSError):
        return None


def _handles(library: Any, instance: ctypes.c_void_p) -> list[ctypes.c_void_p]:
    count = ctypes.c_uint32()
    library.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), None)
    handles = (ctypes.c_void_p * count.value)()
    library.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), handles)
    return [ctypes.c_void_p(handle) for handle in handles]


def _described(library: Any, handle: ctypes.c_void_p) -> Adapter:
    driver = _Driver(DRIVER, None)
    found = _Properties(PROPERTIES, ctypes.addressof(driver))
    library.vkGetPhysicalDeviceProperties2(handle, ctypes.byref(found))
    data = bytes(found.data)
    vendor, _, kind = (
        int.from_bytes(data[at : at + 4], sys.byteorder) for at in (8, 12, 16)
    )
    name = data[NAME_AT : NAME_AT + NAME_BYTES].partition(b"\0")[0]
    return Adapter(
        name.decode("utf-8", "replace"),
        VENDORS.get(vendor, hex(vendor)),
        TYPES[kind] if kind < len(TYPES) else TYPES[0],
        _largest_heap(library, handle),
        f"{driver.name.decode()} {driver.info.decode()}".strip(),
    )


def _largest_heap(library: Any, handle: ctypes.c_void_p) -> int:
    memory = (ctypes.c_uint8 * MEMORY_BYTES)()
    library.vkGetPhysicalDeviceMemoryProperties(handle, ctypes.byref(memory))
    data = bytes(memory)
    count = int.from_bytes(data[NUM_HEAPS_AT:HEAPS_AT], sys.byteorder)
    starts = [HEAPS_AT + HEAP_BYTES * number for number in range(count)]
    heaps = [int.from_bytes(data[at : at + 8], sys.byteorder) for at in starts]
    return max(heaps, default=0)
