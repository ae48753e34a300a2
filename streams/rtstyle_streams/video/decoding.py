"""From a demuxer and a decoder to frames: all that can be had, and what is damage."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

import av
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from rtstyle_streams.video.damage import Damage, LogLine, listening
from rtstyle_streams.video.h264 import begins_anew
from rtstyle_streams.video.opening import demux_on
from rtstyle_streams.video.timing import Timing

# Codecs with pictures that code nothing: no frame comes of them, and none is missing.
_MAY_CODE_NOTHING = ("mpeg4", "msmpeg4", "h263", "flv", "wmv", "vc1", "theora", "rv")
_MOST_BEFORE_SEAM = 3
"""Packets between one that is flagged where parts were joined and the next part."""


class Decoding:
    """Decodes a stream to its end, over broken places, and counts those.

    Args:
        container: What to read.
        stream: Which of its streams.
        timing: Knows when the last frame was shown.
        damage: Is told what is broken.
        said_at_opening: What FFmpeg logged while the file was opened.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        timing: Timing,
        damage: Damage,
        *,
        said_at_opening: Sequence[LogLine],
    ) -> None:
        self._container, self._stream = container, stream
        self._timing, self._damage = timing, damage
        self._said_at_opening = said_at_opening
        self.has_late_streams = False
        """Whether packets came of a stream that the file did not have at first."""
        self._flagged: tuple[float, int] | None = None  # and how many came behind it
        self._undecoded: list[Fraction] = []  # when those in the decoder are due

    def frames(self) -> Iterator[av.VideoFrame]:
        """Give out the frames that can be decoded, in the order of their times."""
        is_begun: bool | None = None
        for packet in self._packets():
            self._judge_flag(packet)
            if is_begun is None:
                is_begun = not self._is_cut(packet)
                self._judge_opening(is_cut=not is_begun)
            for frame in self._decode(packet, is_begun=is_begun):
                is_begun = True
                yield frame

    def judge_gap(self, frame: av.VideoFrame) -> None:
        """Count the time before `frame` in which others should have been shown."""
        if gap := self._timing.gap_before(frame):
            name = self._stream.codec_context.name
            lost = any(gap[0] <= seconds < gap[1] for seconds in self._undecoded)
            if lost and not name.startswith(_MAY_CODE_NOTHING):
                self._damage.count_lost(*gap)
            else:
                self._damage.count_gap(*gap)
        if frame.pts is not None and frame.time_base:
            shown = frame.pts * frame.time_base
            self._undecoded = [s for s in self._undecoded if s > shown]

    def _packets(self) -> Iterator["av.Packet[Stream]"]:
        """Demux the stream, over broken places too."""
        packets = demux_on(
            self._container,
            [self._stream],
            self._count_place,
            late=self._remember_late,
        )
        while True:
            with listening() as said:
                packet = next(packets, None)
            if said:
                self._damage.count(self._timing.seconds, said[0].text)
            if packet is None:
                return
            yield packet

    def _remember_late(self) -> None:
        self.has_late_streams = True

    def _count_place(self) -> None:
        self._damage.count(self._timing.seconds)

    def _decode(
        self, packet: "av.Packet[Stream]", *, is_begun: bool
    ) -> list[av.VideoFrame]:
        """Decode a packet and count it if it is broken.

        Args:
            packet: The next one.
            is_begun: Whether what the decoder logs is about pictures of this film.
        """
        words, frames = "", []
        with listening() as said:
            try:
                frames = [f for f in packet.decode() if isinstance(f, av.VideoFrame)]
            except av.error.EOFError:  # flushed already
                pass
            except av.error.FFmpegError as error:
                words = str(error.strerror)
        if said and is_begun:
            words = said[0].text
        if not words and any(frame.is_corrupt for frame in frames):
            words = "a frame flagged as broken"
        if words:
            self._damage.count(self._timing.seconds, words)
        elif packet.is_corrupt:
            if self._flagged is not None:  # two are no seam
                self._damage.count(self._flagged[0], "packets flagged as broken")
            self._flagged = (self._timing.seconds, 0)
        has_time = packet.pts is not None and self._container.format.name != "avi"
        if packet.size and has_time and not packet.is_discard:
            assert packet.pts is not None
            self._undecoded.append(packet.pts * packet.time_base)
        return frames

    def _is_cut(self, first: "av.Packet[Stream]") -> bool:
        """Return whether pictures before the first packet are spoken of behind it."""
        context = self._stream.codec_context
        if context.name != "h264" or not first.is_keyframe:
            return False
        return not begins_anew(bytes(first), context.extradata)

    def _judge_opening(self, *, is_cut: bool) -> None:
        """Count what was said while the file was opened, of the video or all of it.

        Decoders were tried then. Of a film that was cut they speak as they will again
        before its first frame, which is no damage.
        """
        sources = {self._container.format.name}
        if not is_cut:
            sources.add(self._stream.codec_context.name)
        for line in self._said_at_opening:
            if line.source in sources:
                self._damage.count(None, line.text)

    def _judge_flag(self, packet: "av.Packet[Stream]") -> None:
        """Count the last packet that was flagged as broken and still decoded well.

        Where parts are joined, one of the last packets of a part is flagged although it
        is whole; soon behind it comes the key frame that begins the next part.
        """
        if self._flagged is None:
            return
        seconds, num_behind = self._flagged
        if packet.is_keyframe and packet.size:
            self._flagged = None
        elif num_behind == _MOST_BEFORE_SEAM or not packet.size:
            self._damage.count(seconds, "a packet flagged as broken")
            self._flagged = None
        else:
            self._flagged = (seconds, num_behind + 1)
