"""From the text that a user writes to a source or a sink.

=============================  ====================================================
``clip.mp4``                   a video file
``photo.jpg``                  a still picture
``photos/``                    a folder of pictures
``sample:``                    the built-in scene; ``sample:1280x720@30x90`` says
                               width x height @ frames per second x frames
``null:``                      sink only: frames are counted and forgotten
``webcam:0``, ``webcam:NAME``  source: a camera
``virtualcam:NAME``            sink: a virtual camera
``screen:``, ``screen:2``      source: a screen; ``screen:LEFT,TOP,WxH`` a part
``rtmp://``, ``rtsp://``,      a stream; as a source with ``?listen=1`` others connect
``udp://``, ``tcp://``         to us; ``http(s)://`` (HLS, MJPEG) as a source only
=============================  ====================================================
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from rtstyle_streams.errors import SinkError, SpecError
from rtstyle_streams.memory import NullSink
from rtstyle_streams.network.urls import (
    MISSING,
    SOURCE_SCHEMES,
    without_credentials,
)
from rtstyle_streams.protocols import Sink, Source, StreamInfo

_SCHEME = re.compile(r"([a-z]{2,}):(.*)", re.DOTALL)  # two letters: not a drive


def open_source(spec: str | os.PathLike[str]) -> Source:
    """Open what `spec` names, see the table above.

    Raises:
        SpecError: `spec` makes no sense.
        SourceError: it cannot be opened.
    """
    scheme, rest = _split(spec)
    if scheme:
        return _lookup(_SOURCES, scheme, spec)(rest)
    path = Path(spec)
    from rtstyle_streams.pictures.images import ImageSource
    from rtstyle_streams.pictures.picture_file import PICTURE_SUFFIXES

    if path.is_dir() or path.suffix.lower() in PICTURE_SUFFIXES:
        return ImageSource(path)
    from rtstyle_streams.video.reader import VideoReader

    return VideoReader(path)


def open_sink(
    spec: str | os.PathLike[str],
    info: StreamInfo,
    *,
    template: Source | None = None,
    codec: str = "libx264",
    crf: int | None = None,
    preset: str | None = None,
    overwrite: bool = False,
) -> Sink:
    """Open what `spec` names, see the table above.

    Args:
        spec: the text.
        info: what is known about the frames to come.
        template: the source of the frames: a video file's sound, subtitles and tags
            are carried over, and a folder's file names.
        codec: video files: FFmpeg's name of an encoder.
        crf: video files: constant rate factor; None for the default.
        preset: video files: the encoder's preset; None for the default.
        overwrite: whether files that exist may be replaced.

    Raises:
        SpecError: `spec` makes no sense.
        SinkError: it cannot be opened.
    """
    scheme, rest = _split(spec)
    if scheme:
        return _lookup(_SINKS, scheme, spec)(rest, info)
    path = Path(spec)
    from rtstyle_streams.pictures.images import ImageSink, ImageSource

    pictures = template if isinstance(template, ImageSource) else None
    if pictures is not None or _is_for_pictures(spec, info):
        return ImageSink(spec, template=pictures, overwrite=overwrite)
    from rtstyle_streams.video.reader import VideoReader
    from rtstyle_streams.video.writer import VideoWriter

    return VideoWriter(
        path,
        info,
        template=template if isinstance(template, VideoReader) else None,
        codec=codec,
        crf=crf,
        preset=preset,
        overwrite=overwrite,
    )


def _is_for_pictures(spec: str | os.PathLike[str], info: StreamInfo) -> bool:
    """Return whether `spec` is a folder or a picture; refuse many frames in one."""
    from rtstyle_streams.pictures.picture_file import PICTURE_SUFFIXES

    path = Path(spec)
    if path.is_dir() or os.fspath(spec).endswith(("/", os.sep)):
        return True
    if path.suffix.lower() not in PICTURE_SUFFIXES:
        return False
    if info.num_frames != 1:
        raise SinkError(
            f"{path}: expected a video file or a folder for many frames, "
            "got one picture"
        )
    return True


def _split(spec: str | os.PathLike[str]) -> tuple[str, str]:
    """Return scheme and rest, or two empty texts for a path."""
    text = os.fspath(spec)
    if not text:
        raise SpecError("expected a file, a folder or a name like sample:, got nothing")
    match = _SCHEME.fullmatch(text) if isinstance(spec, str) else None
    return (match[1], match[2]) if match else ("", "")


_T = TypeVar("_T")


def _lookup(table: Mapping[str, _T], scheme: str, spec: str | os.PathLike[str]) -> _T:
    try:
        return table[scheme]
    except KeyError:
        known = ", ".join(f"{name}:" for name in table if name not in MISSING)
        shown = without_credentials(os.fspath(spec))
        raise SpecError(
            f"{shown}: expected a path or one of {known} got {scheme}:"
        ) from None


def _sample(rest: str) -> Source:
    from rtstyle_streams.sample.source import SampleSource

    return SampleSource.from_spec(rest)


def _webcam(rest: str) -> Source:
    from rtstyle_streams.camera.webcam import Webcam

    return Webcam(rest or None)


def _null(rest: str, info: StreamInfo) -> Sink:
    return NullSink()


def _virtual_camera(rest: str, info: StreamInfo) -> Sink:
    from rtstyle_streams.camera.virtual_camera import VirtualCamera

    rate = float(info.frame_rate or 30)
    return VirtualCamera(
        width=info.width, height=info.height, rate=rate, device=rest or None
    )


def _screen(rest: str) -> Source:
    from rtstyle_streams.camera.screen import ScreenSource

    return ScreenSource(rest)


def _stream_source(scheme: str) -> Callable[[str], Source]:
    def open_one(rest: str) -> Source:
        from rtstyle_streams.network.source import NetworkSource

        return NetworkSource(f"{scheme}:{rest}")

    return open_one


def _stream_sink(scheme: str) -> Callable[[str, StreamInfo], Sink]:
    def open_one(rest: str, info: StreamInfo) -> Sink:
        from rtstyle_streams.network.sink import NetworkSink

        return NetworkSink(f"{scheme}:{rest}", info)

    return open_one


_SOURCES: dict[str, Callable[[str], Source]] = {
    "sample": _sample,
    "webcam": _webcam,
    "screen": _screen,
    **{scheme: _stream_source(scheme) for scheme in (*SOURCE_SCHEMES, *MISSING)},
}
_SINKS: dict[str, Callable[[str, StreamInfo], Sink]] = {
    "null": _null,
    "virtualcam": _virtual_camera,
    **{scheme: _stream_sink(scheme) for scheme in (*SOURCE_SCHEMES, *MISSING)},
}
