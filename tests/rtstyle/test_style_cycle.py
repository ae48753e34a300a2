"""A slow walk through a list of styles."""

import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from rtstyle.errors import UsageError
from rtstyle.gallery.spec import parse_style
from rtstyle.live.keys import KeyControls
from rtstyle.live.loop import Live
from rtstyle.live.style_cycle import Cycle, Moment
from rtstyle.live.style_loader import LiveStyles
from rtstyle.live.style_switcher import StyleSwitcher
from rtstyle.look import Look
from rtstyle.paintings.network import VARIABLE
from rtstyle.stylizer.controls import Controls
from rtstyle_streams.frame import Frame
from rtstyle_streams.live_frame import LiveFrame
from rtstyle_streams.memory import NullSink
from rtstyle_streams.pacing import FrameClock
from tests.tiny_paintings import write_network, write_painting
from tests.tiny_styles import write_negative


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def at(cycle: Cycle, clock: Clock, seconds: float) -> Moment:
    clock.now = 100.0 + seconds
    return cycle.now()


def test_a_style_stands_alone_and_then_drifts_into_the_next() -> None:
    clock = Clock()
    cycle = Cycle([True, True, False], 10.0, clock=clock)
    assert at(cycle, clock, 0.0) == Moment(0, 1, 0.0, is_mixable=True)
    assert at(cycle, clock, 4.9) == Moment(0, 1, 0.0, is_mixable=True)
    assert at(cycle, clock, 7.5) == Moment(0, 1, 0.5, is_mixable=True)
    assert at(cycle, clock, 12.0) == Moment(1, 2, 0.0, is_mixable=False)
    assert at(cycle, clock, 29.0) == Moment(2, 0, 0.8, is_mixable=False)
    assert at(cycle, clock, 31.0) == Moment(0, 1, 0.0, is_mixable=True)


def test_a_drift_has_small_even_steps() -> None:
    clock = Clock()
    cycle = Cycle([True, True], 8.0, clock=clock)
    shares = [at(cycle, clock, 4.0 + t / 50).share for t in range(200)]
    steps = np.diff(sorted(set(shares)))
    assert shares == sorted(shares)
    assert len(steps) >= 25 and steps.max() < 0.04


def test_choosing_a_style_starts_the_walk_there() -> None:
    clock = Clock()
    cycle = Cycle([True, True, True], 2.0, clock=clock)
    clock.now += 1.7
    cycle.start_at(2)
    assert cycle.now() == Moment(2, 0, 0.0, is_mixable=True)


def run_cycle(
    texts: list[str],
    *,
    seconds: float,
    cycle: float,
    choose: tuple[float, int] | None = None,
) -> tuple[list[float], list[list[int]]]:
    """Return the live thread's work for each frame and the colour of each."""
    specs = [parse_style(text) for text in texts]
    controls = Controls(smooth="gate")
    styles = LiveStyles(look=Look(), controls=controls, device="cpu")
    switcher = StyleSwitcher(
        specs, styles.build, cycle=styles.cycle(specs, cycle), go_on=styles.go_on
    )
    work_seconds: list[float] = []
    colours: list[list[int]] = []

    class Watch(NullSink):
        def write(self, frame: Frame) -> None:
            colours.append(frame.pixels[10, 10].tolist())

    def camera() -> Iterator[Frame]:
        clock, pixels = FrameClock(60), np.full((90, 160, 3), 100, np.uint8)
        for index in range(int(60 * seconds)):
            clock.wait()
            if choose is not None and index == round(60 * choose[0]):
                switcher.choose(choose[1])
            yield Frame(pixels, index, Fraction(1, 60), index, time.monotonic_ns())

    keys = KeyControls(switcher, controls, mirror="off")

    def stylize(frame: LiveFrame) -> LiveFrame:
        start = time.thread_time()
        stylized = keys.stylize(frame)
        work_seconds.append(time.thread_time() - start)
        return stylized

    stages = {"stylize": stylize, "smooth": keys.smooth}
    Live(camera(), stages, {"watch": Watch()}).run()
    switcher.close()
    return work_seconds, colours


@pytest.fixture
def styles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv(VARIABLE, str(write_network(tmp_path / "network")))
    red = write_painting(tmp_path / "red.png", (200, 0, 0))
    blue = write_painting(tmp_path / "blue.png", (0, 0, 200))
    return [str(red), str(blue), str(write_negative(tmp_path))]


@pytest.mark.slow
def test_paintings_drift_without_a_step_and_without_a_hiccup(styles: list[str]) -> None:
    before = threading.active_count()
    work_seconds, colours = run_cycle(styles[:2], seconds=5.0, cycle=4.0)
    reds = [colour[0] for colour in colours]
    assert reds[0] == 150 and reds[-1] == 50, "from the red painting to the blue one"
    assert len(set(reds)) > 10, "by many steps"
    assert np.abs(np.diff(reds)).max() < 30, "none of them a jump"
    assert max(work_seconds) < 0.1, "the live thread did the builder's work"
    assert threading.active_count() <= before + 1


@pytest.mark.slow
def test_fixed_styles_fade_into_each_other(styles: list[str]) -> None:
    _, colours = run_cycle([styles[0], styles[2]], seconds=3.5, cycle=3.0)
    greens = [colour[1] for colour in colours]
    assert greens[0] == 50 and greens[-1] == 155
    between = {value for value in greens if 50 < value < 155}
    assert len(between) > 10


@pytest.mark.slow
def test_a_key_in_the_middle_of_a_drift_wins_and_the_walk_goes_on_there(
    styles: list[str],
) -> None:
    _, colours = run_cycle(styles, seconds=4.0, cycle=4.0, choose=(2.7, 2))
    reds = [colour[0] for colour in colours]
    assert reds[0] == 150
    middle = reds[round(len(reds) * 2.5 / 4.0)]
    assert 50 < middle < 150, "on its way from red to blue"
    assert set(reds[-20:]) == {155}, "the negative stands alone"


def test_tensorrt_fades_instead_of_building_an_engine_for_each_step(
    styles: list[str],
) -> None:
    specs = [parse_style(text) for text in styles[:2]]
    made = LiveStyles(look=Look(), controls=Controls(), runtime="tensorrt")
    cycle = made.cycle(specs, 5.0)
    assert cycle is not None and not cycle.now().is_mixable
    cycle = LiveStyles(look=Look(), controls=Controls()).cycle(specs, 5.0)
    assert cycle is not None and cycle.now().is_mixable


def test_one_style_is_no_cycle(styles: list[str]) -> None:
    made = LiveStyles(look=Look(), controls=Controls())
    with pytest.raises(UsageError, match="expected several styles, got one"):
        made.cycle([parse_style(styles[0])], 5.0)
    assert made.cycle([parse_style(text) for text in styles], None) is None
