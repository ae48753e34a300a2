"""Opens a video file and says in one line why it cannot be one."""

import codecs
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from rtstyle_streams.errors import HEAD_BYTES, SourceError, accident
from rtstyle_streams.video.damage import LogLine, listening

# Demuxers that take almost anything (text becomes teletype pictures), that read other
# files than the one named, or that are for still pictures (`ImageSource` reads those).
_REFUSED = frozenset(
    """tty image2 concat concatf hls dash sdp bin lavfi imf rtp rtsp sap ffmetadata
    webm_dash_manifest avisynth vapoursynth""".split()
)
_PLAYLISTS = frozenset("hls dash concat concatf sdp imf rtp rtsp sap".split())

_MOST_BROKEN_PLACES = 1000
# What a demuxer returns at a broken place behind which it can go on: a hole in a
# transport stream is EAGAIN, an absurd size of a packet ENOMEM.
_BROKEN = (
    av.error.InvalidDataError,
    av.error.BlockingIOError,
    av.error.MemoryError,
    av.error.PatchWelcomeError,
)
_TAG_ERRORS = "rtstyle_tags"


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    """Read bytes of a tag that are no UTF-8 as old programs wrote them."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    raw = error.object[error.start : error.end]
    return raw.decode("cp1252", "replace"), error.end


codecs.register_error(_TAG_ERRORS, _as_windows_1252)


def open_video(path: Path, *, heard: list[LogLine] | None = None) -> InputContainer:
    """Open the file `path` for demuxing.

    Args:
        path: what to open.
        heard: is given what FFmpeg logs as errors meanwhile.

    Raises:
        SourceError: it is missing, empty, a directory, no video or cut off.
    """
    check_file(path)
    options = {"protocol_whitelist": "file", "format_whitelist": _allowed_formats()}
    container: InputContainer | None = None
    with said_in_one_line(path), listening() as said, suppress(av.error.ArgumentError):
        container = av.open(
            f"file:{path}", "r", metadata_errors=_TAG_ERRORS, options=options
        )
    if heard is not None:
        heard += said
    if container is not None:
        return container
    refused = ""
    for line in said:
        if line.source in _REFUSED or line.source.endswith("_pipe"):
            refused = line.source
    raise SourceError(
        f"{path}: expected a video file, got {_kind(refused)}"
        if refused
        else f"{path}: expected a readable video file, got one FFmpeg refuses"
    )


@lru_cache
def _allowed_formats() -> str:
    """Return the demuxers that may open a file; others never see what is beside it."""
    names = (name for known in av.formats_available for name in known.split(","))
    return ",".join(
        sorted(n for n in names if n not in _REFUSED and not n.endswith("_pipe"))
    )


def main_video_stream(container: InputContainer, path: Path) -> VideoStream:
    """Return the stream to stylize: the default one, else the first; no cover art.

    One without anything to decode, as an empty track, only if there is no other.

    Raises:
        SourceError: there is none, or no decoder for it.
    """
    attached = av.stream.Disposition.attached_pic
    moving = [s for s in container.streams.video if not s.disposition & attached]
    if not moving:
        kinds = sorted({stream.type for stream in container.streams})
        raise SourceError(
            f"{path}: expected a file with video, got {', '.join(kinds) or 'nothing'}"
        )
    known = [stream for stream in moving if stream.codec_context is not None]
    if not known:
        raise SourceError(f"{path}: expected a video codec that FFmpeg can decode")
    seen = [s for s in known if s.codec_context.pix_fmt] or known
    default = av.stream.Disposition.default
    return next((s for s in seen if s.disposition & default), seen[0])


def demux_on(
    container: InputContainer,
    streams: Sequence[Stream],
    broken: Callable[[], None],
    *,
    late: Callable[[], None] = lambda: None,
) -> Iterator["av.Packet[Stream]"]:
    """Demux to the end, over broken places too; the last packets flush.

    Args:
        container: what to read.
        streams: whose packets to give out; at least one.
        broken: called at each place that cannot be read.
        late: called at each packet of a stream that the file did not have at first.
    """
    num_broken = 0
    while num_broken < _MOST_BROKEN_PLACES:
        try:
            yield from container.demux(list(streams))
            return
        except _BROKEN:
            num_broken += 1
            broken()
        except IndexError:  # PyAV knows only the streams it began with
            late()


def check_file(path: Path) -> None:
    """Refuse what is no file with something in it.

    Raises:
        SourceError: missing, a directory, empty or not readable.
    """
    if path.is_dir():
        raise SourceError(f"{path}: expected a video file, got a directory")
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise SourceError(f"{path}: expected a file, found none") from None
    except OSError as error:
        raise SourceError(
            f"{path}: expected a readable file, got: {error.strerror}"
        ) from error
    if not path.is_file():
        raise SourceError(f"{path}: expected a file, got a device or a pipe")
    if not size:
        raise SourceError(f"{path}: expected a video file, got an empty file")


@contextmanager
def said_in_one_line(path: Path) -> Iterator[None]:
    """Turn FFmpeg's errors into a `SourceError` of one line."""
    try:
        yield
    except SourceError:
        raise
    except (av.error.InvalidDataError, av.error.EOFError) as error:
        found = kind_of(path) or (
            "something FFmpeg cannot read (another kind of file, or cut off)"
        )
        raise SourceError(f"{path}: expected a video file, got {found}") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(
            f"{path}: expected a readable video file, got: {reason}"
        ) from error


def kind_of(path: Path) -> str | None:
    """Return what a file is that is no film, as `accident` says it."""
    try:
        with path.open("rb") as file:
            return accident(file.read(HEAD_BYTES))
    except OSError:
        return None


def _kind(name: str) -> str:
    if name == "tty":
        return "text"
    if name in _PLAYLISTS:
        return "a playlist"
    return "a still picture or raw data"
