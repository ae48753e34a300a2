"""Makes what people really have: cut, joined, odd and broken files, by code."""

import io
import struct
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.writer import VideoWriter
from tests.streams.clips import Picture, write_clip


def noise(index: int, *, width: int = 64, height: int = 48) -> Picture:
    """Return a picture that needs bits."""
    generator = np.random.default_rng(index)
    return generator.integers(0, 255, (height, width, 3), np.uint8)


def moving(index: int, *, width: int = 64, height: int = 48) -> Picture:
    """Return a picture of a bar that moves over stripes."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, ::4] = 80
    picture[:, index * 2 % width :][:, :8] = (250, 200, 30)
    return picture


def cut(source: Path, target: Path, *, first: int) -> Path:
    """Copy a film from packet `first` of its video on, as a cutter does."""
    with av.open(str(source)) as film, av.open(str(target), "w") as copy:
        stream = copy.add_stream_from_template(film.streams.video[0])
        for index, packet in enumerate(film.demux(video=0)):
            if packet.size and index >= first:
                packet.stream = stream
                copy.mux(packet)
    return target


def key_packets(path: Path) -> list[int]:
    """Return the positions of the key packets."""
    with av.open(str(path)) as film:
        packets = [p for p in film.demux(video=0) if p.size]
        return [k for k, packet in enumerate(packets) if packet.is_keyframe]


def overwritten(path: Path, start: float, end: float, *, fill: str = "zeros") -> Path:
    """Overwrite, cut out or fill with noise a share of a file."""
    data = bytearray(path.read_bytes())
    first, last = int(start * len(data)), int(end * len(data))
    if fill == "zeros":
        data[first:last] = bytes(last - first)
    elif fill == "noise":
        data[first:last] = np.random.default_rng(3).bytes(last - first)
    else:
        del data[first:last]
    path.write_bytes(data)
    return path


def read(path: Path) -> tuple[int, VideoReader]:
    """Read a film to its end; return how many frames came, and the reader."""
    with VideoReader(path) as reader:
        return sum(1 for _ in reader), reader


def carried(source: Path, target: Path, *, codec: str | None = None) -> list[str]:
    """Copy a film as the program does; return all that was said."""
    with VideoReader(source) as reader:
        writer = VideoWriter(target, reader.info, template=reader, codec=codec)
        with writer:
            for frame in reader:
                writer.write(frame)
    return [*reader.notices, *writer.notices]


def with_sound(path: Path, codec: str, *, rate: int = 48000) -> Path:
    """Write ten frames with half a second of a tone."""
    finish: list[Iterator[None]] = []

    def prepare(container: OutputContainer, _: VideoStream) -> None:
        stream = container.add_stream(codec, rate=rate, bit_rate=64_000)
        assert isinstance(stream, AudioStream)
        stream.layout = "mono"
        finish.append(_tone(container, stream, rate))
        next(finish[0])

    return write_clip(
        path,
        [moving(k) for k in range(10)],
        codec="mpeg4",
        prepare=prepare,
        before_end=lambda _: [None for part in finish for _ in part].clear(),
    )


def _tone(container: OutputContainer, stream: AudioStream, rate: int) -> Iterator[None]:
    yield
    samples = (np.sin(np.arange(rate // 2) * 0.05) * 8000).astype(np.int16)[None]
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
    frame.sample_rate, frame.pts = rate, 0
    container.mux(stream.encode(frame))
    container.mux(stream.encode())


def sound_of(path: Path) -> tuple[str, bytes]:
    """Return the codec of the first sound track and what is decoded of it."""
    with av.open(str(path)) as film:
        stream = film.streams.audio[0]
        frames = [frame.to_ndarray().tobytes() for frame in film.decode(stream)]
        return stream.codec_context.codec.canonical_name, b"".join(frames)


def codecs(path: Path) -> list[str]:
    """Return type and codec of each stream."""
    with av.open(str(path)) as film:
        return [f"{stream.type} {_codec_of(stream)}" for stream in film.streams]


def _codec_of(stream: Stream) -> str:
    context = stream.codec_context
    return context.codec.canonical_name if context else "-"


def with_matrix(path: Path, numbers: Sequence[float]) -> Path:
    """Write a b c d into the display matrix of the first track of an mp4."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 4 + 4 * 5 + 8 + 8  # version 0
    a, b, c, d = (round(number * 65536) for number in numbers)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def with_sphere(path: Path) -> Path:
    """Say in an mp4 whose index comes last that it is 360-degree video.

    Source:
        Google, Spherical Video V1: a ``uuid`` box in the track.
    """
    namespace = "http://ns.google.com/videos/1.0/spherical/"
    xml = (
        '<?xml version="1.0"?><rdf:SphericalVideo xmlns:rdf="http://www.w3.org/1999/02'
        f'/22-rdf-syntax-ns#" xmlns:GSpherical="{namespace}"><GSpherical:Spherical>true'
        "</GSpherical:Spherical><GSpherical:Stitched>true</GSpherical:Stitched>"
        "<GSpherical:StitchingSoftware>test</GSpherical:StitchingSoftware>"
        "<GSpherical:ProjectionType>equirectangular</GSpherical:ProjectionType>"
        "</rdf:SphericalVideo>"
    ).encode()
    body = bytes.fromhex("ffcc8263f8554a938814587a02521fdd") + xml
    box = struct.pack(">I4s", len(body) + 8, b"uuid") + body
    data = bytearray(path.read_bytes())
    index = data.index(b"moov") - 4
    track = data.index(b"trak", index) - 4
    end = track + int.from_bytes(data[track : track + 4], "big")
    data[end:end] = box
    for at in (index, track):
        size = int.from_bytes(data[at : at + 4], "big") + len(box)
        data[at : at + 4] = size.to_bytes(4, "big")
    path.write_bytes(data)
    return path


def raw_dv(path: Path, *, width: int, height: int, rate: Fraction) -> Path:
    """Write two frames of raw DV, as a camcorder sends them."""
    pixel_format = "yuv411p" if height == 480 else "yuv420p"
    return write_clip(
        path,
        [moving(k, width=width, height=height) for k in range(2)],
        rate=rate,
        time_base=1 / rate,
        codec="dvvideo",
        pixel_format=pixel_format,
    )


def with_telephone_sound(path: Path, kind: str) -> Path:
    """Write ten frames with sound of an old recorder: ``gsm_ms`` or ``speex``.

    FFmpeg has no encoders of its own for them: the packets are written by hand.
    """
    number, rate, size, samples, extra = _TELEPHONE[kind]
    speed = size * rate // samples
    head = struct.pack("<HHIIHHH", number, 1, rate, speed, size, 0, len(extra))
    chunks = b"WAVEfmt " + struct.pack("<I", len(head + extra)) + head + extra
    chunks += b"data" + struct.pack("<I", size) + bytes(size)
    wave = io.BytesIO(b"RIFF" + struct.pack("<I", len(chunks)) + chunks)
    copies: list[Stream] = []
    with av.open(wave, format="wav") as template:

        def prepare(container: OutputContainer, _: VideoStream) -> None:
            stream = container.add_stream_from_template(template.streams[0])
            copies.append(stream)

        def finish(container: OutputContainer) -> None:
            for index in range(20):
                packet: av.Packet[Stream] = av.Packet(
                    bytes((index * k) % 7 for k in range(size))
                )
                packet.stream, packet.time_base = copies[0], Fraction(1, rate)
                packet.pts = packet.dts = index * samples
                packet.duration = samples
                container.mux_one(packet)

        pictures = [moving(k) for k in range(10)]
        return write_clip(
            path, pictures, codec="mpeg4", prepare=prepare, before_end=finish
        )


_SPEEX_HEAD = struct.pack(
    "<8s20s13i", b"Speex   ", b"1.2", 1, 80, 16000, 1, 4, 1, -1, 320, 0, 1, 0, 0, 0
)
_TELEPHONE = {
    "gsm_ms": (0x31, 8000, 65, 320, struct.pack("<H", 320)),
    "speex": (0xA109, 16000, 70, 320, _SPEEX_HEAD),
}
"""Number in a wave header, samples a second, bytes and samples a packet, the rest."""
