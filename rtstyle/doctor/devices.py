"""`rtstyle devices`: what this machine could run a style on, and what does."""

import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import psutil

from rtstyle.doctor.check import Check
from rtstyle.doctor.nvidia import list_nvidia
from rtstyle.errors import RtstyleError
from rtstyle.gallery.find import load_style, style_files
from rtstyle.runtime import open_session
from rtstyle.runtime.device import CPUINFO
from rtstyle.runtime.devices.providers import (
    PROVIDERS,
    has_provider,
    is_built_in,
    plugged_devices,
)
from rtstyle.runtime.devices.vulkan import VENDORS, Adapter, list_adapters
from rtstyle.runtime.measure import measure_ms, size_text
from rtstyle.runtime.openvino import openvino_devices
from rtstyle.telemetry import import_onnxruntime, import_openvino

PCI: Final = Path("/sys/bus/pci/devices")
"""Where Linux tells which cards there are, with a driver or without."""
DISPLAY: Final = "0x03"
"""How the class of a graphics card begins there."""


@dataclass(frozen=True, slots=True)
class Device:
    """One device, and whether a style runs on it."""

    name: str
    """What `--device` takes."""
    vendor: str
    """Who made it; empty where it is not known."""
    model: str
    """What its driver calls it."""
    memory_bytes: int | None
    """Of its own, or shared; None where nobody says."""
    driver: str
    """Name and version of its driver; empty for a CPU."""
    provider: str
    """The library, and the part of it, that runs a style there."""
    ms: float | None = None
    """Of a frame of `measure.size_text`; None where none was tried or it failed."""
    fault: str = ""
    """Why it does not run, in one line; empty when it does."""
    is_software: bool = False
    """Whether the CPU stands in for a GPU; such a device is not timed."""


def list_devices(*, pci: Path = PCI) -> Iterator[Device]:
    """Give out every device, those that run with the time of one real run."""
    found = [cpu(), *cuda(), *webgpu(), *others(), *openvino()]
    style = load_style(next(iter(style_files())))
    for device in found:
        yield device if device.fault else timed(device, style.model)
    yield from without_driver({device.vendor for device in found}, pci=pci)


def timed(device: Device, model: bytes) -> Device:
    """Return a device with the milliseconds of one run, or with what went wrong."""
    if device.is_software:
        return device
    try:
        library = device.provider.partition(" ")[0]
        session = open_session(model, device=device.name, runtime=library)
    except RtstyleError as error:
        return replace(device, fault=str(error))
    try:
        ms = measure_ms({device.name: session})[device.name]
        if session.device == "cpu" != device.name:
            return replace(device, fault="it was lost while a style ran")
    except RtstyleError as error:
        return replace(device, fault=str(error))
    finally:
        session.close()
    return replace(device, ms=round(ms, 2))


def cpu(cpuinfo: Path = CPUINFO) -> Device:
    """Return the processor."""
    model, vendor = platform.processor() or platform.machine(), ""
    try:
        lines = cpuinfo.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            model = value.strip()
        elif key.strip() == "vendor_id":
            vendor = {"GenuineIntel": "Intel", "AuthenticAMD": "AMD"}.get(
                value.strip(), value.strip()
            )
    memory = psutil.virtual_memory().total
    return Device("cpu", vendor, model, memory, "", _onnxruntime("CPU"))


def cuda() -> list[Device]:
    """Return every GPU that NVIDIA's driver knows."""
    from rtstyle.runtime.onnxruntime import cuda_fault

    return [
        Device(
            f"cuda:{number}",
            "NVIDIA",
            gpu.model,
            gpu.memory_bytes,
            gpu.driver,
            _onnxruntime("CUDA"),
            fault=_with_todo(cuda_fault(f"cuda:{number}"), "cuda"),
        )
        for number, gpu in enumerate(list_nvidia())
    ]


def webgpu() -> list[Device]:
    """Return what WebGPU would run on: Vulkan's adapters, or the Mac's own."""
    adapters = list_adapters()
    if sys.platform == "darwin":
        adapters = [Adapter(platform.machine(), "Apple", "integrated GPU", 0, "Metal")]
    return [_webgpu(adapter, number) for number, adapter in enumerate(adapters)]


def _webgpu(adapter: Adapter, number: int) -> Device:
    fault = ""
    if not has_provider("webgpu"):
        fault = f"no WebGPU; {PROVIDERS['webgpu'].install}"
    elif number and is_built_in("webgpu"):
        fault = "not chosen: onnxruntime takes the quickest adapter"
    elif not is_built_in("webgpu") and number >= len(plugged_devices("webgpu")):
        fault = "not found by onnxruntime-ep-webgpu; pip install onnxruntime-webgpu"
    return Device(
        f"webgpu:{number}",
        adapter.vendor,
        adapter.name,
        adapter.memory_bytes or None,
        adapter.driver,
        _onnxruntime("WebGPU"),
        fault=fault,
        is_software=adapter.is_software,
    )


def others() -> list[Device]:
    """Return what the remaining providers find; none that are not installed."""
    found = []
    for kind in PROVIDERS:
        if kind == "webgpu" or not has_provider(kind):
            continue
        for number, item in enumerate(plugged_devices(kind) or [None]):
            vendor = "" if item is None else str(item.device.vendor)
            name = kind if item is None else f"{kind}:{number}"
            text = _onnxruntime(PROVIDERS[kind].name.removesuffix("ExecutionProvider"))
            fault = "" if item is not None or is_built_in(kind) else "no device"
            found.append(Device(name, vendor, kind, None, "", text, fault=fault))
    return found


def openvino() -> list[Device]:
    """Return what OpenVINO runs on; none where it is not installed."""
    names = openvino_devices()
    if not names:
        return []
    core = import_openvino().Core()
    text = f"openvino {_version('openvino')}"
    return [
        Device(
            f"openvino:{name}",
            "",
            str(core.get_property(name, "FULL_DEVICE_NAME")),
            None,
            "",
            text,
        )
        for name in names
    ]


def without_driver(known: set[str], *, pci: Path = PCI) -> Iterator[Device]:
    """Give out graphics cards, on Linux, whose maker no driver has named.

    Args:
        known: Makers of devices that were found.
        pci: Folder of the cards.
    """
    for folder in sorted(pci.glob("*")):
        try:
            kind = (folder / "class").read_text("ascii")
            number = int((folder / "vendor").read_text("ascii"), 16)
            model = (folder / "device").read_text("ascii").strip()
        except (OSError, ValueError):
            continue
        vendor = VENDORS.get(number)
        if kind.startswith(DISPLAY) and vendor and vendor not in known:
            fault = f"no driver that tells of it; install {vendor}'s, with Vulkan"
            yield Device("", vendor, f"PCI {model}", None, "", "", fault=fault)


def device_line(device: Device) -> str:
    """Return one line for people."""
    memory = f"{device.memory_bytes / 2**30:.1f} GiB" if device.memory_bytes else ""
    maker = "" if device.vendor in device.model else device.vendor
    what = " ".join(filter(None, (maker, device.model)))
    facts = ", ".join(filter(None, (what, memory, device.driver, device.provider)))
    if device.fault:
        result = f"does not run: {device.fault}"
    elif device.is_software:
        result = "not timed: the CPU stands in for a GPU"
    else:
        result = f"{device.ms:.1f} ms a frame of {size_text()}"
    return f"{device.name or '-':<12} {facts}: {result}"


def devices_state() -> Check:
    """Return whether styles run, and on what."""
    found = list(list_devices())
    works = [device for device in found if device.ms is not None]
    text = ", ".join(f"{device.name} {device.ms:.1f} ms" for device in works)
    idle = [d for d in found if d.fault and not d.is_software and d.vendor]
    todo = "; ".join(f"{device.model}: {device.fault}" for device in idle)
    if not works:
        return Check("devices", "fail", "a style runs on none", todo)
    return Check("devices", "note" if idle else "ok", text, todo)


def _with_todo(fault: str | None, extra: str) -> str:
    return (
        f"{fault}; pip install 'rtstyle[{extra}]', then rtstyle doctor" if fault else ""
    )


def _onnxruntime(part: str) -> str:
    return f"onnxruntime {import_onnxruntime().__version__} {part}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
