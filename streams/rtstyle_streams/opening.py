"""From the text that a user writes to a source or a sink.

=============================  ====================================================
``clip.mp4``                   a video file
``photo.jpg``                  a still picture; of a moving one the first, or a film
``photos/``                    a folder of pictures, or of a film's frames
``frames/%05d.png``            numbered pictures, or a film's frames
``-``                          standard input or output
``sample:``                    the built-in scene; ``sample:1280x720@30x90`` says
                               width x height @ frames per second x frames
``null:``                      sink only: frames are counted and forgotten
``webcam:0``, ``webcam:NAME``  source: a camera
``virtualcam:NAME``            sink: a virtual camera
``screen:``, ``screen:2``      source: a screen; ``screen:LEFT,TOP,WxH`` a part,
                               ``screen:TITLE`` a window
``rtmp://``, ``rtsp://``,      a stream; as a source with ``?listen=1`` others connect
``udp://``, ``tcp://``         to us; ``http(s)://`` (HLS, MJPEG) as a source only
=============================  ====================================================
"""

import os
import re
import weakref
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, TypeVar

from rtstyle_streams.errors import SinkError, SourceError, SpecError
from rtstyle_streams.memory import NullSink
from rtstyle_streams.network.urls import (
    MISSING,
    SOURCE_SCHEMES,
    without_credentials,
)
from rtstyle_streams.protocols import Bits, Sink, Source, StreamInfo, ToneMap
from rtstyle_streams.sound.feed import SoundFeed

_SCHEME = re.compile(r"([a-z]{2,}):(.*)", re.DOTALL)  # two letters: not a drive


_OpenSink = Callable[[str, StreamInfo, SoundFeed | None], Sink]
Kind = Literal["any", "film", "pictures"]
"""What a file that may be both is taken for: a moving picture, a folder of pictures."""


def open_source(
    spec: str | os.PathLike[str],
    *,
    kind: Kind = "any",
    rate: Fraction | None = None,
    tone_map: ToneMap | None = None,
    bits: Bits = "8",
) -> Source:
    """Open what `spec` names, see the table above.

    Args:
        spec: the text.
        kind: what pictures are taken for; "any": a folder and all stills are pictures,
            a GIF is a film.
        rate: pictures a second, for a film that lies in pictures; None for the default.
        tone_map: what makes SDR of HDR films; None refuses those.
        bits: of the film that will be written; other than "8": frames bring their rest.

    Raises:
        SpecError: `spec` makes no sense.
        SourceError: it cannot be opened.
    """
    if spec == "-":
        return _standard_input(kind, tone_map, bits)
    scheme, rest = _split(spec)
    if scheme and (scheme in _SOURCES or not os.path.exists(spec)):
        source = _lookup(_SOURCES, scheme, spec)(rest)
    else:
        source = _open_file(Path(spec), kind, rate, tone_map, bits)
    from rtstyle_streams.pictures.sequence import FrameSequence

    if rate is not None and not isinstance(source, FrameSequence):
        source.close()
        raise SpecError(
            f"--fps: expected a folder of pictures or numbered ones, got {spec}, "
            "which has times of its own"
        )
    return source


def _open_file(
    path: Path,
    kind: Kind,
    rate: Fraction | None,
    tone_map: ToneMap | None,
    bits: Bits,
) -> Source:
    """Open a film, a picture, a folder or numbered pictures."""
    from rtstyle_streams.pictures.images import ImageSource
    from rtstyle_streams.pictures.names import is_pattern
    from rtstyle_streams.pictures.picture_file import (
        OTHER_PICTURE_SUFFIXES,
        PICTURE_SUFFIXES,
        is_picture,
    )

    is_many = path.is_dir() or (is_pattern(path) and not path.exists())
    if kind == "film" and is_many:
        from rtstyle_streams.pictures.sequence import FrameSequence

        return FrameSequence(path, rate=rate)
    suffix = path.suffix.lower()
    if kind == "film" and suffix in PICTURE_SUFFIXES:
        return _open_moving(path)
    if suffix in OTHER_PICTURE_SUFFIXES and path.is_file():
        raise SourceError(
            f"{path}: expected a film or a picture, got {suffix}, which is not read; "
            "save it as JPEG or PNG"
        )
    if is_many or (suffix in PICTURE_SUFFIXES and (kind, suffix) != ("any", ".gif")):
        return ImageSource(path)
    if kind == "pictures" and is_picture(path):
        return ImageSource(path)
    from rtstyle_streams.video.reader import VideoReader

    return VideoReader(path, tone_map=tone_map, is_deep=bits != "8")


def _open_moving(path: Path) -> Source:
    """Open a picture file as a film, if it holds several pictures."""
    from rtstyle_streams.pictures.images import ImageSource
    from rtstyle_streams.pictures.moving import MovingPicture, num_pictures
    from rtstyle_streams.video.reader import VideoReader

    suffix = path.suffix.lower()
    if suffix == ".gif":
        return VideoReader(path)
    if num_pictures(path) < 2:
        return ImageSource(path)
    return VideoReader(path) if suffix == ".png" else MovingPicture(path)


def _standard_input(kind: Kind, tone_map: ToneMap | None, bits: Bits) -> Source:
    """Open what comes on standard input: a picture or a film."""
    from rtstyle_streams.pictures.images import ImageSource
    from rtstyle_streams.standard.pipes import spool_input
    from rtstyle_streams.video.reader import VideoReader

    folder = TemporaryDirectory(prefix="rtstyle-")
    try:
        path = spool_input(Path(folder.name))
        is_picture = kind == "pictures"
        source: Source = (
            ImageSource(path)
            if is_picture
            else VideoReader(path, tone_map=tone_map, is_deep=bits != "8")
        )
    except BaseException:
        folder.cleanup()
        raise
    weakref.finalize(source, folder.cleanup)
    return source


def open_sink(
    spec: str | os.PathLike[str],
    info: StreamInfo,
    *,
    template: Source | None = None,
    codec: str | None = None,
    crf: int | None = None,
    preset: str | None = None,
    bits: Bits = "auto",
    overwrite: bool = False,
    suffix: str | None = None,
    heard: SoundFeed | None = None,
) -> Sink:
    """Open what `spec` names, see the table above.

    Args:
        spec: the text.
        info: what is known about the frames to come.
        template: the source of the frames: a video file's sound, subtitles and tags
            are carried over, and a folder's file names.
        codec: video files: FFmpeg's name of an encoder; None for the container's.
        crf: video files: constant rate factor; None for the default.
        preset: video files: the encoder's preset; None for the default.
        bits: video files: of each colour, see `Bits`.
        overwrite: whether files that exist may be replaced.
        suffix: of a file that goes to standard output; None: ``.mkv``, or ``.png`` for
            pictures.
        heard: sound that goes with live frames, for video files and streams.

    Raises:
        SpecError: `spec` makes no sense.
        SinkError: it cannot be opened.
    """
    if spec == "-":
        return _standard_output(
            lambda path: open_sink(
                path,
                info,
                template=template,
                codec=codec,
                crf=crf,
                preset=preset,
                bits=bits,
            ),
            info,
            template=template,
            suffix=suffix,
        )
    scheme, rest = _split(spec)
    if scheme and (scheme in _SINKS or not _names_a_file(spec)):
        return _lookup(_SINKS, scheme, spec)(rest, info, heard)
    path = Path(spec)
    from rtstyle_streams.pictures.images import ImageSink, ImageSource
    from rtstyle_streams.pictures.sequence import FrameSequence

    pictures = template if isinstance(template, ImageSource) else None
    is_film = isinstance(template, FrameSequence)
    if (pictures and not is_film) or _is_for_pictures(spec, info):
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
        bits=bits,
        overwrite=overwrite,
        heard=heard,
    )


def _standard_output(
    open_file: Callable[[Path], Sink],
    info: StreamInfo,
    *,
    template: Source | None,
    suffix: str | None,
) -> Sink:
    """Open a file whose bytes go to standard output when it is whole."""
    from rtstyle_streams.pictures.images import ImageSource
    from rtstyle_streams.standard.pipes import StandardOutput

    is_picture = isinstance(template, ImageSource) and info.frame_rate is None
    return StandardOutput(suffix or (".png" if is_picture else ".mkv"), open_file)


def _is_for_pictures(spec: str | os.PathLike[str], info: StreamInfo) -> bool:
    """Return whether `spec` is for pictures; refuse many frames in one."""
    from rtstyle_streams.pictures.names import is_pattern
    from rtstyle_streams.pictures.picture_file import PICTURE_SUFFIXES
    from rtstyle_streams.video.formats import FORMATS

    path = Path(spec)
    if path.is_dir() or os.fspath(spec).endswith(("/", os.sep)) or is_pattern(path):
        return True
    suffix = path.suffix.lower()
    if suffix not in PICTURE_SUFFIXES or (info.num_frames != 1 and suffix in FORMATS):
        return False
    if info.num_frames != 1:
        raise SinkError(
            f"{path}: expected a video file or a folder for many frames, "
            "got one picture"
        )
    return True


def _names_a_file(spec: str | os.PathLike[str]) -> bool:
    """Return whether a text with a colon in it means a file of that name."""
    return os.path.exists(spec) or bool(Path(spec).suffix)


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


def _null(rest: str, info: StreamInfo, heard: SoundFeed | None) -> Sink:
    return NullSink()


def _virtual_camera(rest: str, info: StreamInfo, heard: SoundFeed | None) -> Sink:
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


def _stream_sink(scheme: str) -> _OpenSink:
    def open_one(rest: str, info: StreamInfo, heard: SoundFeed | None) -> Sink:
        from rtstyle_streams.network.sink import NetworkSink

        return NetworkSink(f"{scheme}:{rest}", info, heard=heard)

    return open_one


_SOURCES: dict[str, Callable[[str], Source]] = {
    "sample": _sample,
    "webcam": _webcam,
    "screen": _screen,
    **{scheme: _stream_source(scheme) for scheme in (*SOURCE_SCHEMES, *MISSING)},
}
_SINKS: dict[str, _OpenSink] = {
    "null": _null,
    "virtualcam": _virtual_camera,
    **{scheme: _stream_sink(scheme) for scheme in (*SOURCE_SCHEMES, *MISSING)},
}
