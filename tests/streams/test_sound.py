"""Sound beside live frames: in its place, without gaps, and through a network."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from fractions import Fraction
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from rtstyle_streams.errors import SinkError, SourceError
from rtstyle_streams.frame import Frame
from rtstyle_streams.live_frame import LiveFrame
from rtstyle_streams.network.sink import NetworkSink
from rtstyle_streams.network.source import NetworkSource
from rtstyle_streams.protocols import StreamInfo
from rtstyle_streams.sound.decoder import Resampler
from rtstyle_streams.sound.feed import SOUND_RATE, Sound, SoundFeed
from rtstyle_streams.sound.microphone import Microphone
from rtstyle_streams.sound.track import LATE_SECONDS, SoundTrack
from rtstyle_streams.video.writer import VideoWriter
from tests.streams.test_network import free_port

MS = 1_000_000
INFO = StreamInfo(128, 96, Fraction(1, 1000), frame_rate=Fraction(25), is_live=True)
APART_SECONDS = 0.06
"""By which a click and its flash may lie apart: two frames."""


def picture(at_ms: int, *, level: int = 0, captured: bool = True) -> Frame:
    pixels = np.full((96, 128, 3), level, np.uint8)
    taken = (5000 + at_ms) * MS if captured else None
    return Frame(pixels, at_ms, Fraction(1, 1000), at_ms // 40, taken)


def piece(at_ms: int, length_ms: int, level: int = 1000) -> Sound:
    samples = np.full((length_ms * SOUND_RATE // 1000, 2), level, np.int16)
    return Sound(samples, (5000 + at_ms) * MS)


def lengths_of_levels(samples: np.ndarray) -> list[tuple[int, int]]:
    """Return (level, milliseconds) of each stretch of equal samples."""
    ends = np.flatnonzero(np.diff(samples[:, 0])) + 1
    stretches = np.split(samples[:, 0], ends)
    return [(int(s[0]), round(len(s) * 1000 / SOUND_RATE)) for s in stretches]


def test_a_track_begins_with_its_first_frame() -> None:
    feed = SoundFeed()
    track = SoundTrack(feed)
    feed.put(piece(50, 100))
    assert lengths_of_levels(track.take(picture(100))) == [(1000, 50)]


def test_silence_fills_what_is_missing_and_what_comes_twice_is_cut() -> None:
    feed = SoundFeed()
    track = SoundTrack(feed)
    track.take(picture(0))
    feed.put(piece(20, 100, 1))
    feed.put(piece(320, 100, 2))
    feed.put(piece(320, 200, 3))
    got = lengths_of_levels(track.take(picture(500)))
    assert got == [(0, 20), (1, 100), (0, 200), (2, 100), (3, 100)]
    assert track.num_samples == 520 * SOUND_RATE // 1000


def test_a_shaking_clock_moves_nothing() -> None:
    feed = SoundFeed()
    track = SoundTrack(feed)
    track.take(picture(0))
    for start in range(0, 1000, 20):
        feed.put(piece(start + start % 60, 20, 7))
    assert lengths_of_levels(track.take(picture(1000))) == [(7, 1000)]


def test_silence_is_written_where_nothing_comes() -> None:
    track = SoundTrack(SoundFeed())
    track.take(picture(0, captured=False))
    silent = track.take(picture(2000, captured=False))
    assert len(silent) == round((2 - LATE_SECONDS) * SOUND_RATE)
    assert not silent.any()


def test_one_who_leaves_hears_nothing_more() -> None:
    feed = SoundFeed()
    listener = feed.join()
    feed.leave(listener)
    feed.leave(listener)
    feed.put(piece(0, 20))
    assert listener.take() == []


def click_and_flash(url: str, **options: Any) -> tuple[float, float]:
    """Return when sound and picture of a stream are loud and bright, in seconds."""
    resample, loud, bright = Resampler(), None, None
    with av.open(url, **options) as container:
        for frame in container.decode(video=0, audio=0):
            if isinstance(frame, av.AudioFrame):
                begin, samples = frame.time, resample(frame)
                places = np.flatnonzero(np.abs(samples[:, 0]) > 4000)
                if loud is None and len(places) and begin is not None:
                    loud = begin + places[0] / SOUND_RATE
            elif bright is None and frame.to_ndarray(format="gray").mean() > 120:
                bright = frame.time
            if loud is not None and bright is not None:
                return float(loud), float(bright)
    raise AssertionError(f"loud {loud}, bright {bright}")


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".webm", ".ts", ".avi"])
def test_a_recording_has_sound_in_its_place(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    feed = SoundFeed()
    with VideoWriter(path, INFO, heard=feed) as writer:
        for at_ms in range(10_000, 12_000, 40):
            is_on = at_ms >= 11_000
            feed.put(piece(at_ms, 40, 9000 if is_on else 0))
            writer.write(picture(at_ms, level=220 if is_on else 10))
    loud, bright = click_and_flash(str(path))
    assert abs(loud - bright) < APART_SECONDS
    assert abs(bright - 1.0) < 0.05 or suffix == ".ts", "a stream begins at any time"


def test_a_moving_picture_says_that_it_holds_no_sound(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.gif", INFO, heard=SoundFeed()) as writer:
        writer.write(picture(0))
    assert writer.notices[0] == "out.gif: without sound; gif holds none"


def push_click_and_flash(url: str, form: str) -> None:
    """Send 6 seconds in real time; bright and loud from the 4th on."""
    began = time.monotonic()
    with av.open(url, "w", format=form, timeout=(20, 5)) as container:
        options = {"preset": "ultrafast", "tune": "zerolatency"}
        video: Any = container.add_stream("libx264", rate=25, options=options)
        video.width, video.height, video.pix_fmt = 128, 96, "yuv420p"
        video.gop_size = 12
        sound: Any = container.add_stream("aac", rate=44100, layout="mono")
        for index in range(150):
            is_on = index >= 100
            level = 220 if is_on else 10
            shown = av.VideoFrame.from_ndarray(
                np.full((96, 128, 3), level, np.uint8), format="rgb24"
            )
            shown.pts, shown.time_base = index, Fraction(1, 25)
            container.mux(video.encode(shown))
            samples = np.full((1, 1764), 9000 if is_on else 0, np.int16)
            samples[0, np.arange(1764) // 42 % 2 == 1] *= -1  # 525 Hz
            heard = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            heard.rate, heard.pts = 44100, index * 1764
            heard.time_base = Fraction(1, 44100)
            container.mux(sound.encode(heard))
            time.sleep(max(0.0, began + index / 25 - time.monotonic()))


@contextmanager
def elsewhere(work: Callable[..., None], *given: Any) -> Iterator[Any]:
    """Run something in another process, which may hold Python's lock there."""
    process = get_context("spawn").Process(target=work, args=given, daemon=True)
    process.start()
    try:
        yield process
    finally:
        process.terminate()
        process.join(10)


def push_when_heard(url: str, form: str) -> None:
    """Push as soon as somebody listens."""
    for _ in range(200):
        try:
            return push_click_and_flash(url, form)
        except (av.error.FFmpegError, OSError):
            time.sleep(0.1)


def watch(url: str, answer: Any) -> None:
    """Listen at `url`, and say when click and flash came."""
    is_rtmp = url.startswith("rtmp")
    options = {"listen": "1"} if is_rtmp else {}
    address = url if is_rtmp else f"{url}?listen=1"
    answer.put(click_and_flash(address, options=options, timeout=(60, 20)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("into", "form", "out"),
    [("rtmp", "flv", "rtmp"), ("tcp", "mpegts", "tcp")],
)
def test_a_streams_sound_goes_on_to_where_its_picture_goes(
    into: str, form: str, out: str
) -> None:
    path = {"rtmp": "/live/x", "tcp": ""}
    came = f"{into}://127.0.0.1:{free_port()}{path[into]}"
    goes = f"{out}://127.0.0.1:{free_port()}{path[out]}"
    answer = get_context("spawn").Queue()
    with ExitStack() as stack:
        watcher = stack.enter_context(elsewhere(watch, goes, answer))
        source = stack.enter_context(NetworkSource(f"{came}?listen=1"))
        assert source.sound.is_expected
        sink = stack.enter_context(connected(goes, source))
        stack.enter_context(elsewhere(push_when_heard, came, form))
        end = time.monotonic() + 60
        for frame in source:
            sink.write(frame)
            if not watcher.is_alive():
                break
            assert time.monotonic() < end
        loud, bright = answer.get(timeout=10)
    assert abs(loud - bright) < 0.25


def connected(url: str, source: NetworkSource) -> NetworkSink:
    """Return a sink as soon as somebody listens."""
    for _ in range(20):
        with suppress(SinkError):
            return NetworkSink(url, source.info, heard=source.sound)
    raise AssertionError("nobody listens")


@pytest.mark.slow
def test_a_stream_without_sound_expects_none() -> None:
    from tests.streams.test_network import sending

    url = f"udp://127.0.0.1:{free_port()}"
    with sending(url), NetworkSource(url) as source:
        frames = [f for f in islice(source, 5) if not isinstance(f, LiveFrame)]
        assert frames
        assert not source.sound.is_expected


def test_a_microphone_is_heard_until_it_is_closed() -> None:
    name = "sine=frequency=440,arealtime"
    with closing(Microphone(name, device="lavfi")) as microphone:
        listener = microphone.sound.join()
        time.sleep(0.3)
        pieces = listener.take()
    samples = np.concatenate([piece.samples for piece in pieces])
    spectrum = np.abs(np.fft.rfft(samples[:, 0].astype(float)))
    loudest = np.argmax(spectrum) * SOUND_RATE / len(samples)
    assert loudest == pytest.approx(440, abs=15)
    assert abs(pieces[-1].captured_ns - time.monotonic_ns()) < 2_000 * MS


def test_a_microphone_that_is_not_there_is_told_in_one_line() -> None:
    for device in (None, "lavfi"):
        with pytest.raises(SourceError, match=r"^microphone nowhere: expected [^\n]*$"):
            Microphone("nowhere", device=device)
    with pytest.raises(SourceError, match="expected sound devices"):
        Microphone("x", device="no_such_device")
