"""When the frames of a film are shown, read from its packets without decoding."""

from pathlib import Path

from rtstyle_streams.errors import SourceError
from rtstyle_streams.video.opening import (
    demux_on,
    main_video_stream,
    open_video,
    said_in_one_line,
)


def packet_times(path: Path) -> list[int]:
    """Return the times of all frames in order, in ticks of the main video stream.

    Raises:
        SourceError: a packet is broken, has no time of its own or the time of another;
            then only decoding tells which frames there are.
    """
    times: list[int] = []
    num_broken = 0

    def count() -> None:
        nonlocal num_broken
        num_broken += 1

    with said_in_one_line(path), open_video(path) as container:
        stream = main_video_stream(container, path)
        for packet in demux_on(container, [stream], count):
            if packet.size and not packet.is_discard:
                num_broken += int(packet.is_corrupt or packet.pts is None)
                times.append(packet.pts or 0)
    if num_broken or len(set(times)) < len(times) or not times:
        raise SourceError(
            f"{path}: expected whole packets, each with a time of its own, got others"
        )
    return sorted(times)
