"""What `--device` takes, what it means here, and what is said where it cannot be."""

import logging
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rtstyle.errors import RtstyleError, RuntimeUnavailableError, UsageError
from rtstyle.gallery.find import load_style
from rtstyle.runtime import Arrays, choose, open_session, resolve_device
from rtstyle.runtime.devices import auto, providers
from rtstyle.runtime.devices.names import parse_device
from rtstyle.stylizer.precision import device_for
from tests.tiny_styles import negative_model


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("cpu", "cpu"),
        ("auto", "auto"),
        ("cuda", "cuda:0"),
        ("cuda:3", "cuda:3"),
        ("gpu", "gpu:0"),
        ("gpu:1", "gpu:1"),
        ("webgpu", "webgpu:0"),
        ("tensorrt-rtx", "tensorrt-rtx:0"),
        ("coreml", "coreml"),
        ("openvino:GPU", "openvino:GPU"),
        ("openvino:GPU.1", "openvino:GPU.1"),
    ],
)
def test_a_device_has_one_name(text: str, name: str) -> None:
    assert parse_device(text) == name
    assert parse_device(name) == name


@pytest.mark.parametrize(
    "text",
    ["", "npu", "cpu:0", "cuda:", "cuda:x", "gpu:-1", "openvino:", "OpenVINO:gpu"],
)
def test_what_is_no_device_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError, match="expected auto, cpu, gpu") as caught:
        parse_device(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("device", "said"),
    [
        ("webgpu", r"got one without; pip install 'rtstyle\[webgpu\]'"),
        ("tensorrt-rtx", r"got one without; pip install 'rtstyle\[tensorrt-rtx\]'"),
        ("openvino:GPU", r"openvino:GPU|openvino"),
    ],
)
def test_a_named_device_without_its_library_says_what_to_install(
    device: str, said: str
) -> None:
    if device == "webgpu" and providers.has_provider("webgpu"):
        pytest.skip("this onnxruntime has WebGPU")
    with pytest.raises(RtstyleError, match=said):
        open_session(negative_model(), device=resolve_device(device))


def test_a_gpu_that_is_not_there_names_those_that_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(auto, "gpus", lambda: ["cuda:0", "webgpu:0"])
    assert resolve_device("gpu:1") == "webgpu:0"
    with pytest.raises(
        RuntimeUnavailableError, match=r"one of 2 GPUs \(cuda:0, webgpu"
    ):
        resolve_device("gpu:2")
    monkeypatch.setattr(auto, "gpus", lambda: [])
    with pytest.raises(RuntimeUnavailableError, match="got none; pip install"):
        resolve_device("gpu")


class Timed:
    """A session that says how long it takes."""

    runtime = "onnxruntime"

    def __init__(self, device: str, ms: float) -> None:
        self.device, self.ms, self.is_closed = device, ms, False

    def run(self, inputs: Arrays) -> dict[str, np.ndarray]:
        return {}

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Timed]:
    """Return what was opened; each session takes as long as it says."""
    monkeypatch.setattr(
        auto,
        "measure_ms",
        lambda sessions: {name: session.ms for name, session in sessions.items()},
    )
    return []


def opener(opened: list[Timed], **ms: float) -> Any:
    def open_on(device: str) -> Timed:
        if device not in ms:
            raise RuntimeUnavailableError(f"device {device}: is broken")
        opened.append(Timed(device, ms[device]))
        return opened[-1]

    return open_on


@pytest.mark.parametrize(
    ("ms", "chosen"),
    [
        ({"cpu": 20, "coreml": 5}, "coreml"),
        ({"cpu": 20, "coreml": 19}, "cpu"),
        ({"cpu": 5, "coreml": 20}, "cpu"),
        ({"cpu": 20}, "cpu"),
        ({"coreml": 20}, "coreml"),
    ],
)
def test_auto_takes_the_quickest_and_leaves_out_what_fails(
    opened: list[Timed], ms: dict[str, float], chosen: str
) -> None:
    names = ["cpu", "coreml"]
    assert auto.quickest(names, opener(opened, **ms), architecture="a") == chosen
    assert all(session.is_closed for session in opened)


def test_the_choice_is_said_once_and_kept_for_each_architecture(
    opened: list[Timed], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    names, open_on = ["cpu", "coreml"], opener(opened, cpu=20, coreml=5)
    for architecture in ("a", "a", "a", "b"):
        auto.quickest(names, open_on, architecture=architecture)
    assert len(opened) == 4, "each architecture is measured once, on both devices"
    said = "device auto: chose coreml (cpu 20.0 ms, coreml 5.0 ms for 640x360)"
    assert caplog.text.count(said) == 2


def test_one_device_is_not_measured(opened: list[Timed]) -> None:
    assert auto.quickest(["cpu"], opener(opened), architecture="a") == "cpu"
    assert not opened


def test_where_no_device_works_the_first_error_is_raised(opened: list[Timed]) -> None:
    with pytest.raises(RuntimeUnavailableError, match="device cpu: is broken"):
        auto.quickest(["cpu", "coreml"], opener(opened), architecture="a")


def test_another_version_or_device_is_measured_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = auto.facts(["cpu", "coreml"])
    assert first != auto.facts(["cpu", "webgpu:0"])
    monkeypatch.setattr(auto, "_version", lambda package: "9.9")
    assert first != auto.facts(["cpu", "coreml"])


def test_auto_measures_no_adapter_that_the_cpu_stands_in_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(auto, "has_provider", lambda kind: kind == "webgpu")
    monkeypatch.setattr(auto, "is_built_in", lambda kind: kind == "webgpu")
    monkeypatch.setattr(sys, "platform", "linux")
    for is_software, found in ((True, []), (False, ["webgpu:0"])):
        adapter = SimpleNamespace(is_software=is_software)
        monkeypatch.setattr(auto, "list_adapters", lambda adapter=adapter: [adapter])
        assert [name for name in auto.gpus() if name.startswith("webgpu")] == found


class FakePlugin:
    """Stands for onnxruntime and a package that plugs into it."""

    def __init__(self, *, devices: int, fault: str = "") -> None:
        self.registered: list[tuple[str, str]] = []
        self.devices, self.fault = devices, fault

    def get_available_providers(self) -> list[str]:
        return ["CPUExecutionProvider"]

    def get_library_path(self) -> str:
        return "/there/libplugin.so"

    def register_execution_provider_library(self, name: str, path: str) -> None:
        if self.fault:
            raise RuntimeError(self.fault)
        self.registered.append((name, path))

    def get_ep_devices(self) -> list[Any]:
        names = ["WebGpuExecutionProvider"] * self.devices + ["CPUExecutionProvider"]
        return [SimpleNamespace(ep_name=name) for name in names]


class Options:
    """Stands for onnxruntime's ``SessionOptions``."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def add_provider_for_devices(self, devices: list[Any], settings: Any) -> None:
        self.asked += devices


def plug(monkeypatch: pytest.MonkeyPatch, plugin: FakePlugin) -> None:
    monkeypatch.setattr(providers, "import_onnxruntime", lambda: plugin)
    monkeypatch.setattr(providers, "import_module", lambda name: plugin)
    monkeypatch.setattr(providers, "find_spec", lambda name: plugin)
    monkeypatch.setattr(providers, "_registered", {})


def test_a_plugin_is_registered_once_and_its_device_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plugin = FakePlugin(devices=2)
    plug(monkeypatch, plugin)
    options = Options()
    assert providers.attach(options, "webgpu:1") == []
    assert providers.attach(options, "webgpu:0") == []
    assert len(options.asked) == 2
    assert plugin.registered == [("WebGpuExecutionProvider", "/there/libplugin.so")]
    with pytest.raises(RuntimeUnavailableError, match="expected one of 2"):
        providers.attach(options, "webgpu:2")


@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        (FakePlugin(devices=0), "got none; install the GPU's driver, or use"),
        (FakePlugin(devices=1, fault="no libX.so"), "got no libX.so; pip install"),
    ],
)
def test_a_plugin_that_cannot_serve_says_why(
    monkeypatch: pytest.MonkeyPatch, plugin: FakePlugin, said: str
) -> None:
    plug(monkeypatch, plugin)
    for _ in range(2):
        with pytest.raises(RuntimeUnavailableError, match=said):
            providers.attach(Options(), "webgpu:0")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Return on which devices graphs of how many bytes were tried; there is a GPU."""
    opened: list[tuple[str, int]] = []

    def open_session(model: bytes, *, device: str) -> Timed:
        opened.append((device, len(model)))
        return Timed(device, 20.0 if device == "cpu" else 5.0)

    monkeypatch.setattr(choose, "candidates", lambda: ["cpu", "coreml"])
    monkeypatch.setattr(choose, "open_session", open_session)
    monkeypatch.setattr(
        auto,
        "measure_ms",
        lambda sessions: {name: session.ms for name, session in sessions.items()},
    )
    return opened


def test_auto_compares_what_would_run(asked: list[tuple[str, int]]) -> None:
    style = load_style("starry_night")
    assert device_for(style, "auto", "auto") == "coreml"
    (on_cpu, size), (on_gpu, whole) = asked
    assert (on_cpu, on_gpu) == ("cpu", "coreml")
    assert whole == len(style.model) and size < whole / 2, "the twin runs on the CPU"


@pytest.mark.parametrize("precision", ["int8", "bf16"])
def test_auto_is_the_cpu_for_precisions_of_cpus(
    asked: list[tuple[str, int]], precision: str
) -> None:
    assert device_for(load_style("starry_night"), "auto", precision) == "cpu"
    assert not asked
