"""What `--device auto` and `gpu` mean on this machine."""

import logging
import platform
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from rtstyle.errors import RtstyleError, RuntimeUnavailableError
from rtstyle.runtime.device import cuda_count
from rtstyle.runtime.devices.names import index_of
from rtstyle.runtime.devices.providers import (
    PROVIDERS,
    has_provider,
    is_built_in,
    plugged_devices,
)
from rtstyle.runtime.devices.vulkan import list_adapters
from rtstyle.runtime.measure import (
    cache_key,
    measure_ms,
    read_cache,
    size_text,
    write_cache,
)
from rtstyle.runtime.onnxruntime import cuda_fault
from rtstyle.runtime.protocol import Session

log = logging.getLogger(__name__)

PACKAGES: Final = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-webgpu",
    "onnxruntime-ep-webgpu",
    "onnxruntime-ep-nv-tensorrt-rtx",
    "openvino",
)
"""Whose versions a choice depends on."""

RENDER_NODES: Final = Path("/dev/dri")
"""Where Linux has graphics drivers."""

Open = Callable[[str], Session]
"""Opens a graph on the device of that name."""


def candidates() -> list[str]:
    """Return the devices that ``auto`` may choose, the CPU first.

    A device is one where a provider is installed and finds hardware; adapters that the
    CPU stands in for are none.
    """
    return ["cpu", *gpus()]


def gpus() -> list[str]:
    """Return the GPUs on which a provider runs, the one to prefer first."""
    found = [f"cuda:{n}" for n in range(cuda_count())] if cuda_fault() is None else []
    for kind in PROVIDERS:
        if has_provider(kind) and (kind != "webgpu" or _has_hardware()):
            found += [_named(kind, number) for number in range(_count(kind))]
    return [*found, *_openvino_gpus()]


def resolve_gpu(device: str) -> str:
    """Return which device ``gpu:N`` is: the one of that number in `gpus`.

    Raises:
        RuntimeUnavailableError: There are not so many.
    """
    found, index = gpus(), index_of(device)
    if index < len(found):
        return found[index]
    if not found:
        raise RuntimeUnavailableError(
            f"device {device}: expected a GPU that a provider runs on, got none; pip "
            "install 'rtstyle[cuda]' for NVIDIA or 'rtstyle[webgpu]' for any, then run "
            "rtstyle devices, or use --device cpu"
        )
    raise RuntimeUnavailableError(
        f"device {device}: expected one of {len(found)} GPUs ({', '.join(found)}), "
        "counted from 0; rtstyle devices lists them"
    )


def quickest(names: list[str], open_on: Open, *, architecture: str) -> str:
    """Return the quickest of several devices; measured once, then remembered.

    The first is kept unless another is a tenth faster. One that fails is left out.

    Args:
        names: From `candidates`.
        open_on: Opens the style on each.
        architecture: Text that is equal for all styles that take as long.

    Raises:
        RtstyleError: No device runs the style; the first one's error.
    """
    if len(names) == 1:
        return names[0]
    key = cache_key(architecture.encode(), facts(names), ())
    if (known := read_cache().get(key)) in names:
        log.debug("device auto: %s, as measured before", known)
        return known
    times, first_error = _measured(names, open_on)
    if not times:
        assert first_error is not None
        raise first_error
    first = next(iter(times))
    chosen = min(times, key=lambda name: times[name] * (1 if name == first else 1.1))
    text = ", ".join(f"{name} {ms:.1f} ms" for name, ms in times.items())
    log.info("device auto: chose %s (%s for %s)", chosen, text, size_text())
    write_cache({**read_cache(), key: chosen})
    return chosen


def facts(names: list[str]) -> str:
    """Return what a choice depends on besides the style: devices and versions."""
    versions = [f"{name} {_version(name)}" for name in PACKAGES]
    return "|".join(["device", platform.machine(), *names, *versions])


def _measured(
    names: list[str], open_on: Open
) -> tuple[Mapping[str, float], RtstyleError | None]:
    """Return each device's milliseconds, and the first error; failing ones left out."""
    times: dict[str, float] = {}
    first_error = None
    for name in names:
        try:
            session = open_on(name)
            try:
                times |= measure_ms({name: session})
                if session.device == "cpu" != name:  # lost on the way
                    del times[name]
            finally:
                session.close()
        except RtstyleError as error:
            first_error = first_error or error
            log.info("device auto: %s left out: %s", name, error)
    return times, first_error


def _named(kind: str, number: int) -> str:
    return kind if kind in ("coreml", "mlx") else f"{kind}:{number}"


def _count(kind: str) -> int:
    """Return how many devices of a kind there are; a built-in provider has one."""
    try:
        found = len(plugged_devices(kind))
    except RuntimeUnavailableError as error:
        log.debug("%s", error)
        return 0
    return found or int(is_built_in(kind))


def _has_hardware() -> bool:
    """Return whether WebGPU finds more than the CPU; unknown where Vulkan is not."""
    if sys.platform == "darwin":  # Metal, on every Mac
        return True
    return any(not adapter.is_software for adapter in list_adapters())


def _openvino_gpus() -> list[str]:
    """Return OpenVINO's GPUs; it is not loaded where Linux has no graphics driver."""
    from rtstyle.runtime.openvino import openvino_devices

    if sys.platform == "linux" and not RENDER_NODES.is_dir():
        return []
    return [f"openvino:{n}" for n in openvino_devices() if n.startswith("GPU")]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
