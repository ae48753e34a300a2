"""Devices that vanish, fill up, or cannot keep memory: no frame is lost, one notice."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from rtstyle.errors import RuntimeUnavailableError, UsageError
from rtstyle.runtime.devices.provider_session import (
    MOST_LOSSES,
    ProviderSession,
    open_on_provider,
)
from rtstyle.runtime.onnxruntime import OrtSession
from rtstyle.runtime.protocol import Arrays
from rtstyle.stylizer.gate_on_device import GateOnDevice
from tests.rtstyle.test_gate_graph import video
from tests.tiny_styles import negative_model


class Driver:
    """A device that this machine stands in for; it fails when it is told to."""

    def __init__(
        self, *, vanishes_after: int = 10**6, text: str = "device lost", back: int = 0
    ) -> None:
        self.left, self.text, self.back = vanishes_after, text, back
        self.opened = 0
        self.can_keep = True
        self.kept: list[bool] = []

    def open(self, model: bytes) -> "Graph":
        if self.left <= 0 and self.back <= 0:
            raise RuntimeUnavailableError(self.text)
        if self.left <= 0:
            self.left, self.back = self.back, 0
        self.opened += 1
        return Graph(model, self)

    def count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise RuntimeUnavailableError(f"did not run the graph ({self.text})")


class Graph(OrtSession):
    """A graph on such a device."""

    def __init__(self, model: bytes, driver: Driver) -> None:
        super().__init__(model, device="cpu")
        self._driver = driver

    def run(self, inputs: Arrays) -> dict[str, np.ndarray]:
        self._driver.count()
        return super().run(inputs)

    def run_keeping(
        self,
        inputs: Arrays,
        state: Mapping[str, Any],
        *,
        keep: Sequence[str],
        memory: str,
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        assert memory == "webgpu"
        if not self._driver.can_keep:
            raise ValueError("unsupported device type")
        self._driver.count()
        self._driver.kept.append(not isinstance(next(iter(state.values())), np.ndarray))
        return super().run_keeping(inputs, state, keep=keep, memory="cpu")


def session_on(driver: Driver) -> ProviderSession:
    return ProviderSession(negative_model(), device="webgpu:0", open_graph=driver.open)


def frames(count: int) -> list[np.ndarray]:
    random = np.random.default_rng(count)
    return [random.integers(0, 256, (18, 24, 3), np.uint8) for _ in range(count)]


def painted(session: ProviderSession, count: int) -> None:
    for frame in frames(count):
        made = session.run({"frame": frame})["stylized"]
        assert (made == 255 - frame).all()


def film(count: int) -> list[np.ndarray]:
    return list(video(40, 64, num_frames=count))


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


def test_a_device_that_vanishes_after_30_frames_loses_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    session = session_on(Driver(vanishes_after=30))
    painted(session, 60)
    assert session.device == "cpu"
    (notice,) = warnings_of(caplog)
    assert "webgpu:0: it was lost; going on with the CPU" in notice
    session.close()
    session.close()


def test_a_device_that_comes_back_is_opened_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    driver = Driver(vanishes_after=30, back=1000)
    session = session_on(driver)
    painted(session, 60)
    assert session.device == "webgpu:0" and driver.opened == 2
    (notice,) = warnings_of(caplog)
    assert "was lost and is opened again; no frame is missing" in notice


def test_a_device_that_is_lost_again_and_again_is_given_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    driver = Driver(vanishes_after=1)
    session = session_on(driver)

    class Flickering(Driver):
        def count(self) -> None:
            raise RuntimeUnavailableError("device lost")

    driver.__class__ = Flickering
    driver.left = 1
    painted(session, 5)
    assert session.device == "cpu" and driver.opened == 1 + MOST_LOSSES
    assert len(warnings_of(caplog)) == 2


def test_an_adapter_without_enough_memory_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    driver = Driver(vanishes_after=2, text="Out of memory: 2 GB", back=1000)
    session = session_on(driver)
    painted(session, 4)
    assert session.device == "cpu" and driver.opened == 1
    (notice,) = warnings_of(caplog)
    assert "its memory is full" in notice and "--height" in notice


def test_the_past_of_the_gate_stays_on_the_device() -> None:
    driver = Driver()
    gate, here = GateOnDevice(session_on(driver)), reference()
    for frame in film(6):
        assert np.abs(gate(frame).astype(int) - here(frame)).max() <= 3
    assert driver.kept == [False, True, True, True, True, True]


def test_a_gate_whose_device_vanishes_goes_on_here(
    caplog: pytest.LogCaptureFixture,
) -> None:
    driver = Driver(vanishes_after=3)
    gate = GateOnDevice(session_on(driver))
    made = [gate(frame) for frame in film(8)]
    assert len(made) == 8 and all(frame.shape == made[0].shape for frame in made)
    assert len(warnings_of(caplog)) == 1


def test_a_device_that_cannot_keep_memory_smooths_here_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    driver = Driver()
    driver.can_keep = False
    session = session_on(driver)
    gate, here = GateOnDevice(session), reference()
    for frame in film(6):
        assert (gate(frame) == here(frame)).all()
    assert caplog.text.count("its memory cannot be bound") == 1
    assert session.device == "webgpu:0", "the network still runs there"


def test_a_provider_without_bindings_is_not_asked_for_any() -> None:
    driver = Driver()
    session = ProviderSession(negative_model(), device="coreml", open_graph=driver.open)
    assert session.run_smoothed(frames(1)[0], restart=True) is None
    assert not driver.kept


def reference() -> Any:
    """Return what the gate does on the CPU."""
    from rtstyle.smoothing import GateSmoother

    smoother = GateSmoother()
    return lambda frame: smoother(frame, 255 - frame)


@pytest.mark.parametrize("precision", ["int8", "bf16"])
def test_precisions_that_a_gpu_has_not_are_refused(precision: str) -> None:
    with pytest.raises(UsageError, match=f"precision {precision}: expected fp32 or"):
        open_on_provider(negative_model(), device="webgpu:0", precision=precision)


def test_a_twin_in_int8_is_never_chosen_for_a_gpu() -> None:
    from rtstyle.gallery.find import load_style
    from rtstyle.stylizer.precision import with_quickest_precision

    style = load_style("starry_night")
    for device in ("webgpu:0", "coreml", "openvino:GPU", "cuda:0"):
        assert with_quickest_precision(style, "auto", device=device) is style
