"""Makes tiny video files with PyAV, feature by feature, for the tests of `streams`."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.container import OutputContainer
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream

Picture = npt.NDArray[np.uint8]
WIDTH, HEIGHT = 64, 48
TWENTY_FIFTH = Fraction(1, 25)
EXACT = (
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)
"""swscale's flags for an exact conversion."""
Prepare = Callable[[OutputContainer, VideoStream], None]


def grey_level(index: int) -> int:
    """Return the grey that marks frame `index`; neighbours differ by 17 at least."""
    return 20 + index * 17 % 200


def numbered(index: int, *, width: int = WIDTH, height: int = HEIGHT) -> Picture:
    """Return the picture that is told from its neighbours after encoding too."""
    return np.full((height, width, 3), grey_level(index), np.uint8)


def encode(picture: Picture, pixel_format: str, tags: dict[str, int]) -> av.VideoFrame:
    """Convert by swscale, with its exact flags: an opinion other than our own."""
    frame = av.VideoFrame.from_ndarray(picture, "rgb24")
    if pixel_format == "rgb24":
        return frame
    return frame.reformat(
        format=pixel_format,
        dst_colorspace={1: 1, 9: 9}.get(tags.get("colorspace", 6), 5),
        src_color_range=2,
        dst_color_range=tags.get("color_range", 1),
        interpolation=EXACT,
        threads=1,
    )


def write_clip(
    path: Path,
    pictures: Sequence[Picture],
    *,
    pts: Sequence[int] | None = None,
    time_base: Fraction = TWENTY_FIFTH,
    rate: Fraction = Fraction(25),
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    tags: dict[str, int] | None = None,
    convert: bool = True,
    container_options: dict[str, str] | None = None,
    prepare: Prepare | None = None,
    before_end: Callable[[OutputContainer], None] | None = None,
) -> Path:
    """Write `pictures` to a file and return its path.

    Args:
        tags: ``colorspace``, ``color_range``, ``color_trc``, ``color_primaries``.
        convert: whether the conversion follows the tags; else 601, limited.
        prepare: called before the first frame, with container and video stream.
        before_end: called after the last frame.
    """
    tags = tags or {}
    height, width = pictures[0].shape[:2]
    with av.open(
        str(path), "w", container_options=container_options or {}
    ) as container:
        stream = container.add_stream(
            codec, rate=rate, width=width, height=height, time_base=time_base
        )
        assert isinstance(stream, VideoStream)
        stream.pix_fmt = pixel_format
        stream.time_base = time_base
        wanted = {"crf": "4", "preset": "ultrafast"} if codec == "libx264" else {}
        stream.codec_context.options = {**wanted, **(options or {})}
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        if prepare:
            prepare(container, stream)
        for index, picture in enumerate(pictures):
            frame = encode(picture, pixel_format, tags if convert else {})
            frame.pts = pts[index] if pts else index
            frame.time_base = time_base
            for name, value in tags.items():
                setattr(frame, name, value)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if before_end:
            before_end(container)
    return path


def numbered_clip(path: Path, num_frames: int = 10) -> Path:
    """Write a plain clip of `num_frames` told-apart frames."""
    return write_clip(path, [numbered(i) for i in range(num_frames)])


def frame_times(path: Path, stream: int = 0) -> list[Fraction]:
    """Return the time of every frame, in seconds."""
    with av.open(str(path)) as container:
        frames = container.decode(container.streams.video[stream])
        return [Fraction((f.pts or 0) * (f.time_base or 0)) for f in frames]


def packets(path: Path, index: int) -> list[tuple[bytes, Fraction | None]]:
    """Return bytes and time in seconds of all packets of a stream."""
    with av.open(str(path)) as container:
        return [
            (bytes(p), None if p.pts is None else p.pts * p.time_base)
            for p in container.demux(container.streams[index])
            if p.size
        ]
