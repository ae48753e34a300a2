"""`rtstyle devices`: rows for people and for programs, and what does not run."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from rtstyle.commands.devices import devices
from rtstyle.doctor import devices as listing
from rtstyle.doctor.nvidia import list_nvidia
from rtstyle.runtime.devices.vulkan import Adapter
from tests.tiny_styles import negative_model

SOFT = Adapter("SwiftShader Device", "Google", "CPU", 2 << 30, "SwiftShader driver")
CARD = Adapter("Radeon RX 7800", "AMD", "discrete GPU", 16 << 30, "radv 25.1")


@pytest.mark.slow
def test_the_processor_is_listed_with_the_time_of_a_real_run() -> None:
    run = CliRunner().invoke(devices, ["--json"], catch_exceptions=False)
    first = json.loads(run.stdout)["devices"][0]
    assert first["name"] == "cpu" and first["ms"] > 0 and first["fault"] == ""
    assert first["memory_bytes"] > 1 << 28 and first["model"]
    assert first["provider"].startswith("onnxruntime 1.")


def rows(monkeypatch: pytest.MonkeyPatch, *adapters: Adapter) -> list[listing.Device]:
    monkeypatch.setattr(listing, "list_adapters", lambda: list(adapters))
    monkeypatch.setattr(sys, "platform", "linux")
    return listing.webgpu()


def test_an_adapter_without_webgpu_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listing, "has_provider", lambda kind: False)
    (row,) = rows(monkeypatch, CARD)
    line = listing.device_line(row)
    assert line.startswith("webgpu:0     AMD Radeon RX 7800, 16.0 GiB, radv 25.1, onnx")
    assert line.endswith("does not run: no WebGPU; pip install 'rtstyle[webgpu]'")


def test_one_adapter_is_taken_by_a_provider_that_chooses_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listing, "has_provider", lambda kind: True)
    monkeypatch.setattr(listing, "is_built_in", lambda kind: True)
    first, second = rows(monkeypatch, CARD, SOFT)
    assert not first.fault and "not chosen" in second.fault
    assert second.is_software and listing.timed(second, b"") is second


def test_a_card_without_a_driver_is_named(tmp_path: Path) -> None:
    card = tmp_path / "0000:01:00.0"
    card.mkdir()
    for name, text in (
        ("class", "0x030000"),
        ("vendor", "0x1002"),
        ("device", "0x7480"),
    ):
        (card / name).write_text(f"{text}\n")
    (row,) = listing.without_driver(set(), pci=tmp_path)
    assert (row.vendor, row.model) == ("AMD", "PCI 0x7480") and "Vulkan" in row.fault
    assert not list(listing.without_driver({"AMD"}, pci=tmp_path))


def test_nvidia_s_driver_tells_names_memory_and_version() -> None:
    def count(place: object) -> int:
        place._obj.value = 2  # type: ignore[attr-defined]
        return 0

    def version(place: object) -> int:
        place._obj.value = 13010  # type: ignore[attr-defined]
        return 0

    def name(text: object, size: object, number: SimpleNamespace) -> int:
        text.value = f"H{number.value}".encode()  # type: ignore[attr-defined]
        return 0

    def memory(place: object, number: SimpleNamespace) -> int:
        place._obj.value = (number.value + 1) << 30  # type: ignore[attr-defined]
        return 0

    library = SimpleNamespace(
        cuInit=lambda flags: 0,
        cuDeviceGetCount=count,
        cuDriverGetVersion=version,
        cuDeviceGetName=name,
        cuDeviceTotalMem_v2=memory,
    )
    first, second = list_nvidia(library)
    assert (first.model, second.model) == ("H0", "H1")
    assert second.memory_bytes == 2 << 30 and first.driver == "driver for CUDA 13.1"
    assert list_nvidia(SimpleNamespace(cuInit=lambda flags: 100)) == []


def test_a_device_that_fails_while_it_is_timed_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = listing.Device("webgpu:0", "AMD", "x", None, "", "onnxruntime 1 WebGPU")
    timed = listing.timed(row, negative_model())
    assert timed.ms is None and "device webgpu" in timed.fault
