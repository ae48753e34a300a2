"""Interlaced frames become whole ones, one for one."""

from collections.abc import Iterator

import av
from av.filter import Graph


class Deinterlacer:
    """Passes frames through FFmpeg's ``bwdif``; frames marked progressive stay.

    One frame comes out for each that goes in, with its time, one frame later: the
    filter looks at the next frame too.

    Source:
        Weston 3-field deinterlacing with yadif's edges (FFmpeg, libavfilter/vf_bwdif).
    """

    def __init__(self, first: av.VideoFrame) -> None:
        self._graph = Graph()
        self._kind = _kind(first)
        colours = {1: "tv", 2: "pc"}.get(first.color_range, "unknown")
        source = self._graph.add(
            "buffer",
            video_size=f"{first.width}x{first.height}",
            pix_fmt=first.format.name,
            time_base=str(first.time_base),
            pixel_aspect="1/1",
            colorspace=str(first.colorspace),
            range=colours,
        )
        bwdif = self._graph.add(
            "bwdif", mode="send_frame", parity="auto", deint="interlaced"
        )
        sink = self._graph.add("buffersink")
        self._graph.link_nodes(source, bwdif, sink)
        self._graph.configure()

    def takes(self, frame: av.VideoFrame) -> bool:
        """Return whether `frame` has the size and format of the first."""
        return _kind(frame) == self._kind

    def push(self, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        """Take a frame, or None at the end; give out those that are ready."""
        self._graph.vpush(frame)
        while True:
            try:
                yield self._graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return


def _kind(frame: av.VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name
