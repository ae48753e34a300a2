import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtstyle.errors import StyleFileError
from rtstyle.gallery.spec import StyleSpec, parse_style
from rtstyle.live.keys import KeyControls
from rtstyle.live.loop import Live
from rtstyle.live.style_loader import LiveStyles
from rtstyle.live.style_switcher import StyleSwitcher, finished
from rtstyle.look import Look
from rtstyle.stylizer.controls import Controls
from rtstyle.stylizer.network_output import NetworkOutput
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle.telemetry import import_onnxruntime
from rtstyle_streams.frame import Frame, Pixels
from rtstyle_streams.live_frame import LiveFrame
from rtstyle_streams.memory import NullSink
from rtstyle_streams.pacing import FrameClock
from tests.camera_vm.tiny_style import write_inverting_style

InvalidArgument = import_onnxruntime("capi.onnxruntime_pybind11_state").InvalidArgument


class PaintStyler:
    """A style that paints everything in one value."""

    def __init__(self, value: int) -> None:
        self.value = value
        self.num_runs = self.num_resets = self.num_closed = 0

    def network(self, content: Pixels) -> NetworkOutput:
        assert not self.num_closed, "it was used after it was closed"
        self.num_runs += 1
        return NetworkOutput(content, content, np.full_like(content, self.value))

    def finish(self, output: NetworkOutput) -> Pixels:
        return output.stylized

    def reset(self) -> None:
        self.num_resets += 1

    def close(self) -> None:
        self.num_closed += 1


class Builder:
    """Builds painters named after their value; slowly or not at all, if told so."""

    def __init__(self) -> None:
        self.built: dict[str, PaintStyler] = {}
        self.go = threading.Event()
        self.go.set()

    def __call__(self, spec: StyleSpec) -> PaintStyler:
        self.go.wait(5)
        name = spec.parts[0].name
        if name == "broken":
            raise StyleFileError("broken: no style")
        self.built[name] = PaintStyler(int(name))
        return self.built[name]


def frame() -> LiveFrame:
    pixels = np.zeros((4, 6, 3), np.uint8)
    return LiveFrame(pixels, 0, Fraction(1, 30), 0, 0, content=pixels)


def specs(*texts: str) -> list[StyleSpec]:
    return [parse_style(text) for text in texts]


def shown(switcher: StyleSwitcher) -> int:
    return int(finished(switcher.network(frame())).pixels[0, 0, 0])


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


@pytest.fixture
def builder() -> Builder:
    return Builder()


def test_the_first_style_is_shown_and_warmed_up(builder: Builder) -> None:
    switcher = StyleSwitcher(specs("10", "20"), builder)
    switcher.warm_up(frame().pixels)
    assert builder.built["10"].num_runs == 1
    assert builder.built["10"].num_resets == 1, "the warm-up leaves no trace"
    assert shown(switcher) == 10
    switcher.close()


def test_frames_go_on_while_the_next_style_is_built(builder: Builder) -> None:
    switcher = StyleSwitcher(specs("10", "20"), builder)
    assert shown(switcher) == 10
    builder.go.clear()
    switcher.choose(1)
    assert [shown(switcher) for _ in range(3)] == [10, 10, 10]
    builder.go.set()
    until(lambda: shown(switcher) == 20)
    assert builder.built["20"].num_resets == 1, "it was warmed up aside"
    assert builder.built["10"].num_closed == 1
    switcher.close()
    assert builder.built["20"].num_closed == 1


def test_a_style_that_is_put_in_is_shown_if_the_one_there_was(
    builder: Builder,
) -> None:
    switcher = StyleSwitcher(specs("10", "20"), builder)
    switcher.replace(0, parse_style("40"))
    until(lambda: shown(switcher) == 40)
    switcher.replace(1, parse_style("50"))
    assert switcher.title == "40"  # the other one is not shown
    assert "50" not in builder.built
    switcher.choose(1)
    until(lambda: shown(switcher) == 50)
    switcher.close()


def test_positions_count_around(builder: Builder) -> None:
    switcher = StyleSwitcher(specs("10", "20", "30"), builder)
    switcher.choose(switcher.position - 1)
    assert switcher.title == "30"
    until(lambda: shown(switcher) == 30)
    switcher.choose(switcher.position + 1)
    until(lambda: shown(switcher) == 10)
    switcher.close()


def test_a_style_that_cannot_be_built_leaves_the_old_one(builder: Builder) -> None:
    said: list[str] = []
    switcher = StyleSwitcher(specs("10", "broken"), builder)
    switcher.say = said.append
    switcher.choose(1)
    until(lambda: bool(said))
    assert said == ["style broken could not be loaded: broken: no style"]
    assert shown(switcher) == 10
    switcher.close()


class FailingStyler(PaintStyler):
    """A style whose first run fails."""

    def __init__(self, error: Exception) -> None:
        super().__init__(0)
        self._error = error

    def network(self, content: Pixels) -> NetworkOutput:
        raise self._error


@pytest.mark.parametrize(
    "error", [cv2.error("OpenCV: no\nmemory"), InvalidArgument("bad\nnode")]
)
def test_a_style_whose_first_run_fails_leaves_the_keys_alive(
    builder: Builder, error: Exception
) -> None:
    def build(spec: StyleSpec) -> PaintStyler:
        name = spec.parts[0].name
        return FailingStyler(error) if name == "fails" else builder(spec)

    said: list[str] = []
    switcher = StyleSwitcher(specs("10", "fails", "20"), build)
    switcher.say = said.append
    switcher.warm_up(frame().pixels)
    switcher.choose(1)
    until(lambda: bool(said))
    assert said[0].startswith("style fails could not be loaded: ")
    assert "\n" not in said[0]
    switcher.choose(2)
    until(lambda: shown(switcher) == 20)
    switcher.close()


def test_a_fade_mixes_both_and_then_lets_the_old_one_go(builder: Builder) -> None:
    switcher = StyleSwitcher(specs("0", "200"), builder, fade_seconds=0.2)
    shown(switcher)
    switcher.choose(1)
    seen = []

    def is_over() -> bool:
        seen.append(shown(switcher))
        return builder.built["0"].num_closed == 1

    until(is_over)
    assert seen[-1] == 200
    between = [value for value in seen if 0 < value < 200]
    assert between
    assert between == sorted(between)
    switcher.close()


def test_closing_twice_does_no_harm(builder: Builder) -> None:
    switcher = StyleSwitcher(specs("10"), builder)
    switcher.close()
    switcher.close()
    assert builder.built["10"].num_closed >= 1


@pytest.mark.slow
def test_a_style_change_leaves_no_gap_of_100_ms_and_no_black_frame(
    tmp_path: Path,
) -> None:
    names = [str(write_inverting_style(tmp_path / f"{n}.onnx")) for n in "ab"]
    styles = LiveStyles(look=Look(), controls=Controls())
    building = threading.Event()
    during: list[int] = []
    arrivals: dict[int, float] = {}
    work_seconds: list[float] = []
    darkest = 255.0

    def build(spec: StyleSpec) -> Stylizer:
        building.set()
        time.sleep(0.5)  # a large style
        building.clear()
        return styles.build(spec)

    class Watch(NullSink):
        def write(self, frame: Frame) -> None:
            nonlocal darkest
            arrivals[frame.index] = time.perf_counter()
            if building.is_set():
                during.append(frame.index)
            darkest = min(darkest, float(frame.pixels.mean()))

    def camera() -> Iterator[Frame]:
        clock, pixels = FrameClock(60), np.full((180, 320, 3), 55, np.uint8)
        for index in range(150):
            clock.wait()
            if index in (30, 90):
                switcher.choose(switcher.position + 1)
            yield Frame(pixels, index, Fraction(1, 60), index, time.monotonic_ns())

    def stylize(frame: LiveFrame) -> LiveFrame:
        start = time.thread_time()
        made = keys.stylize(frame)
        work_seconds.append(time.thread_time() - start)
        return made

    switcher = StyleSwitcher(specs(*names), build)
    switcher.warm_up(np.full((180, 320, 3), 55, np.uint8))
    keys = KeyControls(switcher, Controls(), mirror="off")
    Live(
        camera(), {"stylize": stylize, "smooth": keys.smooth}, {"watch": Watch()}
    ).run()
    switcher.close()
    assert darkest == 200
    assert len(during) > 10, "the live thread waited for the builder"
    assert max(work_seconds) < 0.1, "the live thread did the builder's work"
    gaps = {
        index: arrivals[index] - arrivals[before]
        for before, index in pairwise(arrivals)
    }
    near = [gap for index, gap in gaps.items() if index % 60 >= 30]
    far = [gap for index, gap in gaps.items() if index % 60 < 30]
    assert max(near) < 0.1 + max(far), "beyond what this machine does by itself"
