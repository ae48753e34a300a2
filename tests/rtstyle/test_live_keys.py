from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtstyle.choices import Mirror
from rtstyle.gallery.spec import parse_style
from rtstyle.live.keys import HELP, KeyControls
from rtstyle.live.messages import Messages
from rtstyle.live.style_switcher import StyleSwitcher
from rtstyle.stylizer.controls import Controls
from rtstyle.stylizer.network_output import NetworkOutput
from rtstyle_streams.errors import SinkError
from rtstyle_streams.frame import Frame, Pixels
from rtstyle_streams.live_frame import LiveFrame
from rtstyle_streams.memory import ListSink
from rtstyle_streams.protocols import StreamInfo
from rtstyle_streams.recorder import Recorder
from rtstyle_streams.video.writer import VideoWriter


class Inverter:
    """A style that inverts."""

    def network(self, content: Pixels) -> NetworkOutput:
        return NetworkOutput(content, content, 255 - content)

    def finish(self, output: NetworkOutput) -> Pixels:
        return output.stylized

    def reset(self) -> None: ...

    def close(self) -> None: ...


class View:
    is_mirrored = False
    is_split = False


def keys(
    *,
    mirror: Mirror = "preview",
    recorder: Recorder | None = None,
    messages: Messages | None = None,
) -> tuple[KeyControls, View]:
    specs = [parse_style(text) for text in ("a", "b", "c")]
    switcher = StyleSwitcher(specs, lambda spec: Inverter())
    made = KeyControls(
        switcher, Controls(), mirror=mirror, recorder=recorder, messages=messages
    )
    view = View()
    made.show_in(view)
    return made, view


def frame(value: int = 0, index: int = 0) -> LiveFrame:
    pixels = np.full((4, 6, 3), value, np.uint8)
    pixels[:, 0] = 77
    return LiveFrame(pixels, index, Fraction(1, 30), index, 1, content=pixels)


def finished(made: KeyControls, given: LiveFrame) -> LiveFrame:
    return made.smooth(made.stylize(given))


def test_the_two_stages_keep_content_and_times() -> None:
    made, _ = keys()
    got = finished(made, frame(10, index=3))
    assert (got.pixels[:, 1:] == 245).all()
    assert got.content is not None
    assert (got.content[:, 1:] == 10).all()
    assert (got.index, got.captured_ns) == (3, 1)


def test_paused_sends_the_last_picture_with_the_new_time() -> None:
    made, _ = keys()
    finished(made, frame(10))
    made.on_key(" ")
    still = finished(made, frame(200, index=9))
    assert (still.pixels[:, 1:] == 245).all()
    assert still.index == 9
    assert "paused; space goes on" in made.lines()
    made.on_key(" ")
    assert (finished(made, frame(200)).pixels[:, 1:] == 55).all()


@pytest.mark.parametrize(
    ("mirror", "window", "outputs"),
    [("preview", True, False), ("all", False, True), ("off", False, False)],
)
def test_mirror_is_for_the_preview_for_all_or_for_nobody(
    mirror: Mirror, window: bool, outputs: bool
) -> None:
    made, view = keys(mirror=mirror)
    assert view.is_mirrored is window
    mark = -1 if outputs else 0
    got = finished(made, frame())
    assert (got.pixels[:, mark] == 255 - 77).all()
    assert got.content is not None
    assert (got.content[:, mark] == 77).all()


def test_keys_change_the_controls_and_say_so() -> None:
    made, view = keys()
    for key, said in [
        ("-", "strength 0.9"),
        ("c", "colours of the camera"),
        ("t", "smoothing gate"),
        ("m", "mirror all"),
        ("3", "style c"),
        ("n", "style a"),
        ("left", "style c"),
    ]:
        assert made.on_key(key)
        assert made.lines()[-1] == said
    assert made.controls == Controls(0.9, keep_colors=True, smooth="gate")
    assert not view.is_mirrored
    made.on_key("b")
    assert view.is_split


def test_the_mask_goes_round_where_there_is_one() -> None:
    made, _ = keys()
    made.on_key("k")
    assert made.lines()[-1] == "no mask; start with --mask person"
    assert made.controls.mask == "off"
    made.has_mask = True
    for said in ("the person", "the background", "all", "the person"):
        made.on_key("k")
        assert made.lines()[-1] == f"stylized: {said}"
    assert made.controls == Controls(mask="person")


def test_strength_stays_between_0_and_1() -> None:
    made, _ = keys()
    for _ in range(15):
        made.on_key("-")
    assert made.controls.strength == 0
    for _ in range(15):
        made.on_key("+")
    assert made.controls.strength == 1


@pytest.mark.parametrize("key", ["q", "escape"])
def test_q_and_escape_quit(key: str) -> None:
    assert not keys()[0].on_key(key)


@pytest.mark.parametrize("key", ["x", "9", "0", "\r", "s", "r"])
def test_other_keys_do_nothing_without_a_recorder(key: str) -> None:
    made, _ = keys()
    assert made.on_key(key)
    assert made.lines() == []


def test_question_mark_shows_every_key_and_hides_it_again() -> None:
    made, _ = keys()
    made.on_key("?")
    assert made.lines() == list(HELP)
    made.on_key("?")
    assert made.lines() == []


def test_h_shows_the_style_and_its_controls() -> None:
    made, _ = keys()
    made.on_key("h")
    assert made.lines()[0].startswith("a  strength 1.0  colours style  smooth off")


def recorder_into(folder: Path, sink: ListSink) -> tuple[Recorder, list[str]]:
    said: list[str] = []
    recorder = Recorder(folder, lambda path: sink)
    recorder.say = said.append
    return recorder, said


def test_frames_between_two_presses_are_recorded(tmp_path: Path) -> None:
    sink = ListSink()
    recorder, said = recorder_into(tmp_path, sink)
    for index in range(6):
        if index in (2, 4):
            recorder.toggle_recording()
        recorder.write(frame(index=index))
    assert [got.index for got in sink.frames] == [2, 3]
    assert sink.is_finished
    assert "without sound" in said[0]
    assert said[1].startswith("recorded ")


def test_the_end_of_the_run_completes_a_recording(tmp_path: Path) -> None:
    sink = ListSink()
    recorder, _ = recorder_into(tmp_path, sink)
    recorder.toggle_recording()
    recorder.write(frame())
    recorder.finish()
    assert sink.is_finished


def test_a_recording_that_fails_is_said_and_ends_only_itself(tmp_path: Path) -> None:
    sink = ListSink(fail_at=0)
    recorder, said = recorder_into(tmp_path, sink)
    recorder.toggle_recording()
    recorder.write(frame())
    recorder.write(frame())
    assert said[-1].startswith("memory: failed")
    assert not recorder.is_recording
    assert sink.is_closed


def test_a_snapshot_is_the_stylized_picture_in_its_colours(tmp_path: Path) -> None:
    recorder, said = recorder_into(tmp_path, ListSink())
    red = np.zeros((4, 6, 3), np.uint8)
    red[..., 0] = 255
    recorder.snapshot()
    recorder.write(Frame(red, 0, Fraction(1, 30), 0))
    recorder.write(Frame(red, 0, Fraction(1, 30), 1))
    (path,) = tmp_path.glob("*.png")
    read = cv2.imread(str(path))
    assert read is not None
    assert (read[..., ::-1] == red).all()
    assert said == [f"snapshot {path}"]


def test_a_snapshot_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    recorder, said = recorder_into(tmp_path / "missing", ListSink())
    recorder.snapshot()
    recorder.write(frame())
    assert "could not be written" in said[0]


@pytest.mark.parametrize("fault", ["camera lost", "no folder"])
def test_a_failed_snapshot_leaves_the_recording_alone(
    tmp_path: Path, fault: str
) -> None:
    sink = ListSink()
    folder = tmp_path / "missing" if fault == "no folder" else tmp_path
    recorder, said = recorder_into(folder, sink)
    recorder.toggle_recording()
    recorder.write(frame(index=0))
    recorder.snapshot()
    notice = "camera is lost" if fault == "camera lost" else ""
    recorder.write(replace(frame(index=1), notice=notice))
    assert said[-1].startswith("snapshot: exp") or "could not be written" in said[-1]
    recorder.write(frame(index=2))
    assert recorder.is_recording
    recorder.finish()
    assert [got.index for got in sink.frames] == [0, 1, 2]
    assert sink.is_finished


def test_a_recording_that_breaks_off_says_where_it_is(tmp_path: Path) -> None:
    info = StreamInfo(6, 4, Fraction(1, 30), frame_rate=Fraction(30), is_live=True)
    said: list[str] = []
    recorder = Recorder(tmp_path, lambda path: VideoWriter(path, info))
    recorder.say = said.append
    recorder.toggle_recording()
    recorder.write(frame(index=0))
    recorder.write(Frame(np.zeros((8, 8, 3), np.uint8), 1, Fraction(1, 30), 1))
    (part,) = tmp_path.iterdir()
    assert ".part" in part.name
    assert "expected frames of 6x4, got 8x8" in said[-2]
    assert said[-1].endswith(
        f"the recording broke off; what was written stays in {part}"
    )


def test_a_recording_that_cannot_be_completed_says_where_it_is(tmp_path: Path) -> None:
    info = StreamInfo(6, 4, Fraction(1, 30), frame_rate=Fraction(30), is_live=True)
    said: list[str] = []
    recorder = Recorder(tmp_path, lambda path: VideoWriter(path, info))
    recorder.say = said.append
    recorder.toggle_recording()
    recorder.write(frame(index=0))
    (part,) = tmp_path.iterdir()
    part.with_name(part.name.replace(".part", "")).mkdir()  # in the way
    with pytest.raises(SinkError, match="got a directory"):
        recorder.finish()
    assert said[-1].endswith(f"what was written stays in {part}")


def test_two_snapshots_in_a_second_get_two_names(tmp_path: Path) -> None:
    recorder, _ = recorder_into(tmp_path, ListSink())
    for _ in range(2):
        recorder.snapshot()
        recorder.write(frame())
    assert len(list(tmp_path.glob("*.png"))) == 2


def test_what_the_recorder_says_is_shown(tmp_path: Path) -> None:
    messages = Messages()
    recorder = Recorder(tmp_path, lambda path: ListSink(fail_at=0), say=messages.say)
    made, _ = keys(recorder=recorder, messages=messages)
    made.on_key("r")
    recorder.write(frame())
    assert made.lines()[-1].startswith("memory: failed")
