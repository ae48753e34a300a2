"""Execution providers of onnxruntime for other devices: built in, or a plug-in."""

import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from rtstyle.errors import RuntimeUnavailableError
from rtstyle.runtime.devices.names import index_of, kind_of
from rtstyle.telemetry import import_onnxruntime


@dataclass(frozen=True, slots=True)
class Provider:
    """One execution provider, and what brings it."""

    name: str
    """As onnxruntime calls it."""
    plugin: str
    """Module that names a library to register; empty when there is none."""
    install: str
    """What to do where it is missing."""
    memory: str = ""
    """As onnxruntime's bindings call the device's memory; empty when they cannot."""


PROVIDERS: Final = {
    "webgpu": Provider(
        "WebGpuExecutionProvider",
        "onnxruntime_ep_webgpu",
        "pip install 'rtstyle[webgpu]'",
        "webgpu",
    ),
    "tensorrt-rtx": Provider(
        "NvTensorRTRTXExecutionProvider",
        "onnxruntime_ep_nv_tensorrt_rtx",
        "pip install 'rtstyle[tensorrt-rtx]'",
        "cuda",
    ),
    "coreml": Provider(
        "CoreMLExecutionProvider", "", "only on macOS, with pip install onnxruntime"
    ),
    "mlx": Provider(
        "MLXExecutionProvider",
        "onnxruntime_ep_mlx",
        "only on macOS, with pip install onnxruntime-ep-mlx",
    ),
}
"""By kind of device; the CPU and CUDA have a way of their own."""
_registered: dict[str, str] = {}
"""Plug-ins that were registered, by kind, and what went wrong; empty when nothing."""


def has_provider(kind: str) -> bool:
    """Return whether a provider is there; whether it finds a device is another thing.

    Looks for packages, and loads no library.
    """
    return has_plugin(kind) or is_built_in(kind)


def has_plugin(kind: str) -> bool:
    """Return whether a provider's plug-in is installed."""
    plugin = PROVIDERS[kind].plugin
    return bool(plugin) and find_spec(plugin) is not None


def is_built_in(kind: str) -> bool:
    """Return whether this onnxruntime has a provider without a plug-in."""
    available = import_onnxruntime().get_available_providers()
    return PROVIDERS[kind].name in available


def plugged_devices(kind: str) -> list[Any]:
    """Return what a plug-in finds, onnxruntime's ``OrtEpDevice`` each.

    Raises:
        RuntimeUnavailableError: Its library cannot be loaded.
    """
    provider, onnxruntime = PROVIDERS[kind], import_onnxruntime()
    if not has_plugin(kind):
        return []
    if kind not in _registered:
        _registered[kind] = _register(onnxruntime, provider)
    if fault := _registered[kind]:
        raise RuntimeUnavailableError(
            f"device {kind}: expected a library that onnxruntime can load, got "
            f"{fault}; pip install --upgrade onnxruntime {provider.plugin}"
        )
    found = onnxruntime.get_ep_devices()
    return [device for device in found if device.ep_name == provider.name]


def attach(options: Any, device: str) -> list[str]:
    """Ask for a device's provider in the options of a session.

    Args:
        options: onnxruntime's ``SessionOptions``, changed.
        device: ``webgpu:0`` for example; of a kind in `PROVIDERS`.

    Returns:
        The providers to name when the session is made; none where `options` name it.

    Raises:
        RuntimeUnavailableError: The provider is missing, or finds no such device.
    """
    kind, index = kind_of(device), index_of(device)
    provider = PROVIDERS[kind]
    if found := plugged_devices(kind):
        if index >= len(found):
            raise RuntimeUnavailableError(
                f"device {device}: expected one of {len(found)}, counted from 0; "
                "rtstyle devices lists them"
            )
        options.add_provider_for_devices([found[index]], {})
        return []
    if is_built_in(kind):
        if index:
            raise RuntimeUnavailableError(
                f"device {device}: expected {kind}, whose provider takes the quickest "
                f"adapter by itself, got {device}; use --device {kind}"
            )
        return [provider.name, "CPUExecutionProvider"]
    raise RuntimeUnavailableError(_missing(kind))


def _missing(kind: str) -> str:
    """Return what is wrong with a kind whose provider gives no device."""
    provider = PROVIDERS[kind]
    if has_plugin(kind):
        return (
            f"device {kind}: expected a device that {provider.plugin} runs on, got "
            "none; install the GPU's driver, or use --device cpu"
        )
    if kind in ("coreml", "mlx") and sys.platform != "darwin":
        return f"device {kind}: expected macOS, got {sys.platform}; use --device cpu"
    return (
        f"device {kind}: expected onnxruntime with {provider.name}, got one without; "
        f"{provider.install}"
    )


def _register(onnxruntime: Any, provider: Provider) -> str:
    """Load a plug-in's library; return what went wrong, empty when nothing did."""
    try:
        module = import_module(provider.plugin)
        path = module.get_library_path()
        onnxruntime.register_execution_provider_library(provider.name, path)
    except Exception as error:  # the plug-ins' and onnxruntime's own classes
        return " ".join(str(error).split())[:200] or type(error).__name__
    return ""
