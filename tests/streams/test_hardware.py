"""Encoders in hardware: names, what `auto-hw` means, and what a failed one says."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.codec import Codec

from rtstyle_streams.errors import SinkError
from rtstyle_streams.frame import Frame
from rtstyle_streams.protocols import StreamInfo
from rtstyle_streams.video import hardware
from rtstyle_streams.video.encoding import encoder_pixel_format
from rtstyle_streams.video.writer import VideoWriter

INFO = StreamInfo(
    width=64, height=48, time_base=Fraction(1, 30), frame_rate=Fraction(30)
)
BUILT_IN = hardware.built_in()


def written(path: Path, codec: str) -> VideoWriter:
    with VideoWriter(path, INFO, codec=codec) as writer:
        for index in range(3):
            pixels = np.full((48, 64, 3), 40 * index, np.uint8)
            writer.write(Frame(pixels, index, INFO.time_base, index))
        writer.finish()
    return writer


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_fault_is_what_the_encoder_says_and_no_general_name(name: str) -> None:
    fault = hardware.fault_of(name)
    assert fault not in ("Operation not permitted", "Unknown error occurred")
    assert "\n" not in fault and len(fault) <= 160


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("h264_nvenc", True),
        ("av1_videotoolbox", True),
        ("libx264", False),
        ("mjpeg_qsv", False),
        ("h264", False),
        ("auto-hw", False),
    ],
)
def test_names_of_encoders_in_hardware_are_known(name: str, is_one: bool) -> None:
    assert hardware.is_hardware(name) == is_one


def test_the_first_that_opens_is_taken() -> None:
    names = hardware.built_in(("h264",))
    if len(names) < 2:
        pytest.skip("this FFmpeg has no two encoders in hardware")
    works = {names[1]}

    def fault(name: str) -> str:
        return "" if name in works else "no device"

    assert hardware.first_that_opens(("h264",), fault) == names[1]
    assert hardware.next_to_try(names[0], fault) == names[1]
    assert hardware.next_to_try(names[1], fault) == "libx264"
    works.clear()
    assert hardware.first_that_opens(("h264",), fault) is None


def test_auto_hw_writes_a_film_and_says_what_it_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "first_that_opens", lambda kinds: None)
    writer = written(tmp_path / "a.mkv", "auto-hw")
    (notice,) = writer.notices
    assert "no encoder in hardware opens here for matroska; libx264 is taken" in notice
    with av.open(str(tmp_path / "a.mkv")) as container:
        assert container.streams.video[0].codec_context.name == "h264"
    # one on the CPU stands for one in hardware
    monkeypatch.setattr(hardware, "first_that_opens", lambda kinds: "libx265")
    writer = written(tmp_path / "b.mp4", "auto-hw")
    assert writer.notices == ["--codec auto-hw: libx265 encodes in hardware"]


def test_webm_is_asked_for_nothing_that_it_cannot_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(hardware, "first_that_opens", asked.append)
    assert hardware.encoder_for("webm", "libvpx-vp9")[0] == "libvpx-vp9"
    assert hardware.encoder_for("gif", "gif")[0] == "gif"
    assert asked == [("av1",), ()]


@pytest.mark.parametrize("name", ["h264_nvenc", "h264_vaapi", "av1_qsv"])
def test_one_that_does_not_open_names_the_next(tmp_path: Path, name: str) -> None:
    if name in BUILT_IN and not hardware.fault_of(name):
        pytest.skip(f"{name} works here")
    with pytest.raises(SinkError) as caught:
        written(tmp_path / "a.mkv", name)
    text = str(caught.value)
    assert "; use --codec " in text and name in text and "\n" not in text
    assert not list(tmp_path.iterdir()), "a part of the file was left behind"


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_default_is_a_setting_of_its_encoder(name: str) -> None:
    context = av.CodecContext.create(name, "w")
    known = {option.name for option in context.supported_options.private}
    assert set(hardware.defaults_of(name)) <= known
    codec = Codec(name, "w")
    assert encoder_pixel_format(codec, "yuv420p") in ("yuv420p", "nv12")


def test_nv12_holds_the_picture_of_yuv420p() -> None:
    from rtstyle_streams.video.colour import default_colour
    from rtstyle_streams.video.planes import from_rgb, to_rgb

    colour = default_colour(width=64, height=48)
    pixels = np.full((48, 64, 3), (200, 30, 60), np.uint8)
    made = [
        to_rgb(
            from_rgb(
                pixels, colour, pixel_format=name, pts=0, time_base=Fraction(1, 30)
            ),
            colour,
        )
        for name in ("yuv420p", "nv12")
    ]
    assert np.abs(made[0].astype(int) - made[1]).max() <= 1


def test_the_doctor_says_what_works_and_why_the_rest_does_not() -> None:
    from rtstyle.doctor.encoders import encoders_state

    good = hardware.HardwareEncoder("h264_nvenc", "")
    bad = [
        hardware.HardwareEncoder("h264_qsv", "no device"),
        hardware.HardwareEncoder("hevc_qsv", "no device"),
    ]
    assert encoders_state([good, *bad]).found == "in hardware: h264_nvenc"
    check = encoders_state(bad)
    assert check.status == "note" and check.found.count("no device") == 1
    assert "QSV (Intel): no device" in check.found and "auto-hw" in check.todo
    assert encoders_state().status in ("ok", "note")
