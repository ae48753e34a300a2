"""Samples become a stream of sound in a container."""

from fractions import Fraction
from typing import Final

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from rtstyle_streams.sound.feed import SOUND_RATE, Samples

CODECS: Final = {
    "matroska": "aac",
    "mp4": "aac",
    "mov": "aac",
    "mpegts": "aac",
    "flv": "aac",
    "rtsp": "aac",
    "avi": "libmp3lame",
    "webm": "libopus",
}
"""By FFmpeg's name of the container; others hold no sound."""
BIT_RATE: Final = 160_000
"""Bits a second."""
TICK: Final = Fraction(1, SOUND_RATE)


class SoundEncoder:
    """Encodes samples that follow each other into one stream of `container`.

    Args:
        container: Open to be written, of a format in `CODECS`; nothing was written yet.
    """

    def __init__(self, container: OutputContainer) -> None:
        codec = CODECS[container.format.name]
        stream = container.add_stream(codec, rate=SOUND_RATE, layout="stereo")
        assert isinstance(stream, AudioStream)
        stream.bit_rate = BIT_RATE
        self._stream = stream
        self._resampler = av.AudioResampler(
            format=stream.codec_context.format, layout="stereo", rate=SOUND_RATE
        )

    def encode(self, samples: Samples, *, begin: int) -> "list[Packet[AudioStream]]":
        """Encode samples.

        Args:
            samples: Shape ``(N, 2)``.
            begin: Position of the first one, in samples from the container's time 0.
        """
        if not len(samples):
            return []
        packed = np.ascontiguousarray(samples).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="s16", layout="stereo")
        frame.rate, frame.time_base, frame.pts = SOUND_RATE, TICK, begin
        return [
            packet
            for part in self._resampler.resample(frame)
            for packet in self._stream.encode(part)
        ]

    def flush(self) -> "list[Packet[AudioStream]]":
        """Return what the encoder still holds."""
        parts = self._resampler.resample(None)
        packets = [packet for part in parts for packet in self._stream.encode(part)]
        return packets + list(self._stream.encode(None))
