"""A clip with everything a container can hold beside its video."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from tests.streams.clips import numbered, write_clip

NUM_FRAMES = 25
SUBTITLES = {".mkv": "subrip", ".mp4": "mov_text", ".mov": "mov_text"}
CHAPTERS = [("Opening", 0, 400), ("The rest", 400, 1000)]


def write_rich_clip(
    path: Path, *, cover: bool = True, second_video: bool = True
) -> Path:
    """Write 25 frames with two audio tracks, subtitles, chapters, tags and more."""
    finish: list[Callable[[], None]] = []

    def prepare(container: OutputContainer, video: VideoStream) -> None:
        container.metadata.update({"title": "A title", "artist": "Nobody"})
        video.metadata["language"] = "und"
        finish.append(_audio(container, "eng", Disposition.default))
        finish.append(_audio(container, "deu", Disposition.comment))
        finish.append(_subtitles(container, SUBTITLES[path.suffix]))
        if second_video:
            finish.append(_video(container, "libx264", Disposition(0), 12))
        if cover and path.suffix != ".mkv":
            finish.append(_video(container, "png", Disposition.attached_pic, 1))
        if path.suffix == ".mkv":
            container.add_attachment("font.ttf", "font/ttf", b"not really a font")
            if cover:
                container.add_attachment("cover.png", "image/png", _png())
        container.set_chapters([_chapter(*row) for row in enumerate(CHAPTERS)])

    return write_clip(
        path,
        [numbered(i) for i in range(NUM_FRAMES)],
        prepare=prepare,
        before_end=lambda _: [write() for write in finish].clear(),
    )


def kinds(path: Path) -> list[str]:
    """Return kind, codec, language and disposition of each stream."""
    with av.open(str(path)) as container:
        return [
            f"{s.type} {s.codec_context.name if s.codec_context else '-'} "
            f"{s.metadata.get('language', '-')} {int(s.disposition)}"
            for s in container.streams
        ]


def _chapter(index: int, row: tuple[str, int, int]) -> "av.container.core.Chapter":
    title, start, end = row
    return {
        "id": index + 1,
        "start": start,
        "end": end,
        "time_base": Fraction(1, 1000),
        "metadata": {"title": title},
    }


def _audio(
    container: OutputContainer, language: str, disposition: Disposition
) -> Callable[[], None]:
    stream = container.add_stream("aac", rate=8000)
    assert isinstance(stream, AudioStream)
    stream.layout = "mono"
    _describe(stream, language, disposition)

    def write() -> None:
        tone = np.sin(np.arange(8000, dtype=np.float32) * 0.2)[None] * 0.3
        frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        frame.sample_rate = 8000
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())

    return write


def _subtitles(container: OutputContainer, codec: str) -> Callable[[], None]:
    stream = container.add_mux_stream(codec)
    stream.time_base = Fraction(1, 1000)
    _describe(stream, "fra", Disposition.forced)

    def write() -> None:
        for start, text in ((100, "Bonjour"), (600, "Au revoir")):
            data = text.encode()
            if codec == "mov_text":
                data = len(data).to_bytes(2, "big") + data
            packet = av.Packet(data)
            packet.stream = stream
            packet.time_base = Fraction(1, 1000)
            packet.pts = packet.dts = start
            packet.duration = 300
            container.mux(packet)

    return write


def _video(
    container: OutputContainer, codec: str, disposition: Disposition, num_frames: int
) -> Callable[[], None]:
    stream = container.add_stream(codec, rate=25, width=32, height=32)
    assert isinstance(stream, VideoStream)
    stream.pix_fmt = "rgb24" if codec == "png" else "yuv420p"
    _describe(stream, "und", disposition)

    def write() -> None:
        for index in range(num_frames):
            picture = np.full((32, 32, 3), 40 + index, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())

    return write


def _describe(stream: Stream, language: str, disposition: Disposition) -> None:
    stream.metadata["language"] = language
    stream.disposition = disposition


def _png() -> bytes:
    context = av.CodecContext.create("png", "w")
    assert isinstance(context, av.video.codeccontext.VideoCodecContext)
    context.width = context.height = 16
    context.pix_fmt = "rgb24"
    context.time_base = Fraction(1, 25)
    picture = np.full((16, 16, 3), 90, np.uint8)
    frame = av.VideoFrame.from_ndarray(picture, "rgb24")
    return b"".join(bytes(p) for p in context.encode(frame) + context.encode())
