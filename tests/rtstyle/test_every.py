"""The network paints every Nth frame; motion carries its pictures to the others."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtstyle.errors import UsageError
from rtstyle.live.pace import WINDOW, Pace, wanted_every
from rtstyle.offline.pipeline import Pipeline
from rtstyle.smoothing.carry import CarryPlanner, carried
from rtstyle.stylizer.controls import Controls
from rtstyle.stylizer.network_output import NetworkOutput
from rtstyle.stylizer.sparse_painter import SparsePainter
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle_streams.frame import Pixels
from rtstyle_streams.live_frame import LiveFrame
from rtstyle_streams.memory import ListSink, ListSource
from rtstyle_streams.sample.leaves import dead_leaves
from rtstyle_streams.sample.source import SampleSource
from tests.tiny_styles import write_negative

WIDE = cv2.GaussianBlur(dead_leaves(4, width=480, height=160), (0, 0), 2.0)


def panned(count: int, *, step: int = 4) -> list[Pixels]:
    """A camera that moves to the right by whole pixels."""
    return [
        np.ascontiguousarray(WIDE[:, step * k : step * k + 240]) for k in range(count)
    ]


class Painter:
    """Stands in for a network: the negative, and notes what it was asked for."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __call__(self, content: Pixels, seen: Pixels) -> NetworkOutput:
        self.seen.append(int(seen.astype(np.int64).sum()))
        return NetworkOutput(content, seen, np.asarray(255 - seen, np.uint8))


@pytest.fixture
def stylizer(tmp_path: Path) -> Iterator[Stylizer]:
    path = str(write_negative(tmp_path))
    with Stylizer(path, device="cpu", workers=2) as made:
        yield made


@pytest.mark.parametrize("every", [1, 2, 3])
def test_every_nth_frame_of_a_calm_scene_is_painted(every: int) -> None:
    painter, frames = Painter(), panned(7, step=2)
    sparse = SparsePainter(painter)
    outputs = [sparse(frame, frame, every=every) for frame in frames]
    assert painter.seen == [int(f.astype(np.int64).sum()) for f in frames[::every]]
    for frame, output in zip(frames, outputs, strict=True):
        assert output.content is frame and output.stylized.shape == frame.shape


def test_a_carried_picture_goes_where_the_content_went() -> None:
    frames = panned(2)
    sparse = SparsePainter(Painter())
    first, second = (sparse(frame, frame, every=2).stylized for frame in frames)
    wanted = 255 - frames[1].astype(int)
    inner = np.s_[16:-16, 16:-16]
    moved = np.abs(second.astype(int) - wanted)[inner].mean()
    stayed = np.abs(first.astype(int) - wanted)[inner].mean()
    assert moved < 0.3 * stayed and moved < 4.0


def test_what_stands_is_carried_bit_for_bit() -> None:
    frame = panned(1)[0]
    sparse = SparsePainter(Painter())
    first, second = (sparse(frame, frame, every=2).stylized for _ in range(2))
    assert second is not first and (second == first).all()


def test_cuts_and_what_was_not_seen_before_are_painted() -> None:
    one, other = panned(1)[0], dead_leaves(9, width=240, height=160)
    planner = CarryPlanner()
    assert planner(one, every=3).flow_cur_to_key is None
    assert planner(other, every=3).flow_cur_to_key is None, "a cut was carried"
    assert planner(other, every=3).flow_cur_to_key is not None
    covered = other.copy()
    covered[:, 80:] = one[:, 80:]
    planner.reset()
    planner(other, every=3)
    assert planner(covered, every=3).flow_cur_to_key is None
    assert planner(np.zeros((160, 200, 3), np.uint8), every=3).flow_cur_to_key is None


def test_frames_too_small_for_a_motion_search_are_painted() -> None:
    painter = Painter()
    sparse = SparsePainter(painter)
    for frame in [f[:40, :40].copy() for f in panned(4)]:
        sparse(frame, frame, every=3)
    assert len(painter.seen) == 4


def test_zero_motion_carries_a_picture_of_any_size_to_itself() -> None:
    for height, width in ((64, 64), (70, 101), (16, 18)):
        picture = dead_leaves(1, width=width, height=height)
        before = picture.copy()
        flow = np.zeros((-(-height // 4), -(-width // 4), 2), np.float32)
        assert (carried(picture, flow) == before).all() and (picture == before).all()


@pytest.mark.parametrize("behind", [2, 3, 4])
def test_a_painter_goes_on_where_another_one_was(behind: int) -> None:
    with SampleSource(width=240, height=160, num_frames=8) as source:
        frames = [frame.pixels for frame in source]
    one, other = SparsePainter(Painter()), SparsePainter(Painter())
    outputs = [one(frame, frame, every=3) for frame in frames]
    other.restore(outputs[behind - 1].carry_state)
    for frame, wanted in zip(frames[behind:], outputs[behind:], strict=True):
        assert (other(frame, frame, every=3).stylized == wanted.stylized).all()


def test_threads_give_the_pictures_of_one_after_the_other() -> None:
    frames = panned(12, step=3)
    in_turn, at_once = SparsePainter(Painter()), SparsePainter(Painter())
    wanted = [in_turn(frame, frame, every=2).stylized for frame in frames]
    with ThreadPoolExecutor(4) as pool:
        pending = [at_once.submit(pool, f, f, every=2) for f in frames]
        for future, picture in zip(pending, wanted, strict=True):
            assert (future.result().stylized == picture).all()


@pytest.mark.parametrize("smooth", ["off", "gate", "flow"])
def test_a_film_is_the_same_by_threads_and_frame_by_frame(
    stylizer: Stylizer, smooth: str
) -> None:
    stylizer.controls = Controls(smooth=smooth, every=2)  # type: ignore[arg-type]
    frames, sink = panned(11, step=3), ListSink()
    wanted = [stylizer(frame) for frame in frames]
    stylizer.reset()
    Pipeline(ListSource(frames), stylizer, sink).run()
    assert len(sink.frames) == 11
    for frame, picture in zip(sink.frames, wanted, strict=True):
        assert (frame.pixels == picture).all()
    assert any(name.startswith("every.") for name in stylizer.state())


def test_a_network_that_breaks_ends_a_film_whose_frames_wait_for_it(
    stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(inputs: object) -> dict[str, Pixels]:
        raise RuntimeError("the network broke, as asked")

    stylizer.controls = Controls(every=3)
    monkeypatch.setattr(stylizer.sessions[0], "run", fail)
    with pytest.raises(RuntimeError, match="broke, as asked"):
        Pipeline(ListSource(panned(20)), stylizer, ListSink()).run()


def test_only_one_two_and_three_are_taken() -> None:
    for every in (0, 4, -1):
        with pytest.raises(UsageError, match="every: expected 1, 2 or 3"):
            Controls(every=every)


def test_fewer_frames_are_painted_where_the_camera_is_faster() -> None:
    slow, fast = np.full(WINDOW, 0.050), np.full(WINDOW, 0.010)
    assert wanted_every(slow, camera_seconds=1 / 30, every=1) == 2
    assert wanted_every(fast, camera_seconds=1 / 30, every=1) == 1
    fits = np.tile([0.050, 0.004], WINDOW // 2)
    assert wanted_every(fits, camera_seconds=1 / 30, every=2) == 2
    slower = np.tile([0.080, 0.004], WINDOW // 2)
    assert wanted_every(slower, camera_seconds=1 / 30, every=2) == 3
    assert wanted_every(slow * 9, camera_seconds=1 / 30, every=3) == 3
    calm = np.tile([0.015, 0.004], WINDOW // 2)
    assert wanted_every(calm, camera_seconds=1 / 30, every=2) == 1


def test_the_pace_reckons_with_frames_that_were_lost() -> None:
    controls, said = Controls(), []

    def stage(frame: LiveFrame) -> LiveFrame:
        said.append(frame.index)
        return frame

    pace = Pace(stage, controls)
    pixels = panned(1)[0]
    camera_ns = 1_000_000_000 // 30
    frame = LiveFrame(pixels, 0, ListSource([pixels]).info.time_base, 0, 0)
    for index in range(0, 2 * (WINDOW + 1), 2):  # every second one was lost
        pace.note(replace(frame, index=index, captured_ns=index * camera_ns), 0.05)
    assert controls.every == 2
    for index in range(100, 100 + WINDOW + 1):
        pace.note(replace(frame, index=index, captured_ns=index * camera_ns), 0.01)
    assert controls.every == 1
    assert pace(frame) is frame and said == [0]
