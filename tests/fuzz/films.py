"""Malformed films: what `rtstyle video` reads and writes of them, without a network."""

import tempfile
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from random import Random

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

from rtstyle_streams.errors import StreamError
from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.writer import VideoWriter
from tests.fuzz.mutators import (
    Element,
    ebml_elements,
    iso_boxes,
    mutated,
    riff_chunks,
    ts_packets,
)
from tests.fuzz.runner import Outcome, Run, Seed

NUM_FRAMES = 24
_SEEDS: tuple[
    tuple[str, str, str, str, dict[str, str]], ...
] = (  # name, video codec, pixel format, audio codec, options of the container
    ("h264.mp4", "libx264", "yuv420p", "aac", {}),
    ("fragments.mp4", "libx264", "yuv420p", "aac", {"movflags": "frag_keyframe"}),
    ("faststart.mov", "libx264", "yuv420p", "pcm_s16le", {"movflags": "faststart"}),
    ("prores.mov", "prores_ks", "yuv422p10le", "", {}),
    ("h264.mkv", "libx264", "yuv420p", "flac", {}),
    ("hevc.mkv", "libx265", "yuv420p", "", {}),
    ("vp9.webm", "libvpx-vp9", "yuv420p", "libopus", {}),
    ("h264.ts", "libx264", "yuv420p", "aac", {}),
    ("mpeg2.ts", "mpeg2video", "yuv420p", "mp2", {}),
    ("mpeg4.avi", "mpeg4", "yuv420p", "pcm_s16le", {}),
    ("mjpeg.avi", "mjpeg", "yuvj420p", "", {}),
    ("flv.flv", "flv", "yuv420p", "", {}),
    ("moving.gif", "gif", "rgb8", "", {}),
    ("to_mp4_aac.ts", "libx264", "yuv420p", "aac", {}),
    ("to_mp4_ac3.ts", "mpeg2video", "yuv420p", "ac3", {}),
    ("to_mp4_eac3.mkv", "libx264", "yuv420p", "eac3", {}),
    ("to_mp4_alac.mov", "mpeg4", "yuv420p", "alac", {}),
    ("to_mp4_opus.mkv", "libx264", "yuv420p", "libopus", {}),
    ("to_avi_adpcm.avi", "mpeg4", "yuv420p", "adpcm_ms", {}),
    ("to_avi_mp3.mkv", "mpeg4", "yuv420p", "libmp3lame", {}),
    ("to_ts_aac.mp4", "libx264", "yuv420p", "aac", {}),
    ("to_ts_wma.wmv", "wmv2", "yuv420p", "wmav2", {}),
)
"""``to_mp4_…`` says what they are written to; the others to Matroska, it to mp4."""
_ELEMENTS: dict[str, Callable[[bytes], Sequence[Element]]] = {
    ".mp4": iso_boxes,
    ".mov": iso_boxes,
    ".mkv": ebml_elements,
    ".webm": ebml_elements,
    ".ts": ts_packets,
    ".avi": riff_chunks,
}


class Films:
    """Reads a film and writes it again, of another kind than it was."""

    def seeds(self) -> list[Seed]:
        """Encode a short clip in each container."""
        return [Seed(row[0], _clip(*row)) for row in _SEEDS]

    def mutated(self, seed: Seed, other: Seed, random: Random) -> bytes:
        """Change bytes and elements."""
        elements = _ELEMENTS.get(Path(seed.name).suffix)
        return mutated(seed.data, random, other=other.data, elements=elements)

    def run(self, path: Path, folder: Path) -> Run:
        """Carry all frames to a film; count them and what was broken."""
        words = path.stem.removeprefix("kept_").split("_")
        other = "mp4" if path.suffix == ".mkv" else "mkv"
        target = folder / f"out.{words[1] if words[0] == 'to' else other}"
        num_frames = 0
        try:
            with (
                VideoReader(path) as reader,
                VideoWriter(target, reader.info, template=reader) as writer,
            ):
                for frame in reader:
                    writer.write(frame)
                    num_frames += 1
        except StreamError as error:
            return Run(Outcome.CLEAN_ERROR, str(error), {"frames": 0})
        errors = reader.num_decode_errors + writer.num_decode_errors
        outcome = Outcome.PARTIAL if errors else Outcome.SUCCESS
        notices = "; ".join([*reader.notices, *writer.notices])
        return Run(outcome, notices, {"frames": num_frames, "errors": errors})

    def loss(self, path: Path, run: Run) -> str:
        """Decode with nothing but FFmpeg, and compare."""
        num_frames, errors = decode_plainly(path)
        if run.outcome is Outcome.CLEAN_ERROR:
            is_lost = num_frames > 0 and "an encoder that takes" not in run.text
            return f"{num_frames} frames; {run.text}" if is_lost else ""
        if errors:
            return f"FFmpeg says {errors[0]!r} ({len(errors)} lines)"
        if run.facts["frames"] < num_frames:
            return f"{run.facts['frames']} of {num_frames} frames"
        return ""


def decode_plainly(
    path: Path, *, most_frames: int | None = None
) -> tuple[int, list[str]]:
    """Return how many frames FFmpeg decodes of the main stream, and its error lines.

    The judge knows nothing of the program: it opens, demuxes and decodes with PyAV, and
    counts each line that FFmpeg logs at the level of errors.
    """
    av.logging.set_level(av.logging.ERROR)
    num_frames = 0
    errors: list[str] = []
    flags: list[tuple[bool, bool]] = []
    sources: set[str] = set()  # other decoders speak of what is copied as it is
    with av.logging.Capture(local=False) as logs:
        try:
            with av.open(str(path), metadata_errors="replace") as container:
                stream = container.streams.best("video")
                sources |= {container.format.name, stream.codec_context.name}  # type: ignore[union-attr]
                stream.thread_count = 1  # type: ignore[union-attr]
                while True:
                    try:
                        for packet in container.demux(stream):
                            num_frames += len(_decoded(packet, errors))
                            flags.append((packet.is_corrupt, packet.is_keyframe))
                            if most_frames and num_frames >= most_frames:
                                break
                        break
                    except av.error.InvalidDataError as error:
                        errors.append(str(error))
                        if len(errors) > 100:
                            break
        except (av.error.FFmpegError, AttributeError) as error:
            errors.append(str(error))
    for place, (is_corrupt, _) in enumerate(flags):
        behind = flags[place + 1 : place + 5]
        if is_corrupt and not any(is_key for _, is_key in behind):  # no seam of parts
            errors.append("a packet is flagged as corrupt")
    errors += [
        f"[{name}] {' '.join(text.split())}"
        for _, name, text in logs
        if name in sources and not text.startswith("Warning")  # said without threads
    ]
    return num_frames, errors


def _decoded(packet: "av.Packet[av.stream.Stream]", errors: list[str]) -> list[object]:
    try:
        return list(packet.decode())
    except av.error.FFmpegError as error:
        errors.append(str(error))
        return []


def _clip(
    name: str, codec: str, pixel_format: str, audio: str, options: dict[str, str]
) -> bytes:
    """Return a clip of a moving edge and, for most, a tone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        with av.open(str(path), "w", container_options=options) as container:
            _write(container, codec, pixel_format, audio)
        return path.read_bytes()


def _write(
    container: OutputContainer, codec: str, pixel_format: str, audio: str
) -> None:
    video = container.add_stream(codec, rate=25, width=64, height=48)
    assert isinstance(video, VideoStream)
    video.pix_fmt = pixel_format
    video.time_base = Fraction(1, 25)
    video.codec_context.gop_size = 8
    if codec == "libx265":
        video.codec_context.options = {"x265-params": "log-level=error"}
    tone = _tone(container, audio) if audio else None
    for index in range(NUM_FRAMES):
        frame = av.VideoFrame.from_ndarray(_picture(index), "rgb24")
        frame = frame.reformat(format=pixel_format)
        frame.pts, frame.time_base = index, Fraction(1, 25)
        container.mux(video.encode(frame))
    container.mux(video.encode())
    if tone:
        tone()


def _picture(index: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    noise = np.random.default_rng(index).integers(0, 64, (48, 64, 3), np.uint8)
    noise[:, : index * 2] += 128
    return noise


def _tone(container: OutputContainer, codec: str) -> Callable[[], None]:
    stream = container.add_stream(codec, rate=48000, bit_rate=64_000)
    assert isinstance(stream, AudioStream)
    stream.layout = "mono"

    def write() -> None:
        samples = (np.sin(np.arange(24000) * 0.05) * 8000).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())

    return write
