"""The video encoder and the container: what they are asked for."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.codec import Codec
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from rtstyle_streams.errors import SinkError
from rtstyle_streams.protocols import StreamInfo
from rtstyle_streams.video.colour import Colour
from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.tags import wants_key_table

FORMATS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
    ".ts": "mpegts",
}
"""Container by suffix: those that carry a presentation time for every frame."""

_DEFAULT_CRF = 18
_DEFAULT_PRESET = "ultrafast"
_FULL_CHROMA_NOTICE = "yuv444p keeps the colours of every pixel; some players refuse it"


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """What the user may choose about the encoder."""

    codec: str = "libx264"
    """FFmpeg's name of an encoder."""
    crf: int | None = None
    """Constant rate factor, the encoder's scale; None for the default."""
    preset: str | None = None
    """The encoder's preset; None for the default."""


def output_format(path: Path) -> str:
    """Return FFmpeg's name of the container that the suffix of `path` stands for.

    Raises:
        SinkError: an unknown suffix.
    """
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError:
        raise SinkError(
            f"{path}: expected a name that ends in {', '.join(FORMATS)}, "
            f"got {path.suffix or 'no suffix'}"
        ) from None


def output_pixel_format(
    info: StreamInfo, template: VideoReader | None
) -> tuple[str, str]:
    """Return the pixel format to encode and a notice about it (or nothing)."""
    if info.width % 2 or info.height % 2:
        return (
            "yuv444p",
            f"odd size {info.width}x{info.height}: {_FULL_CHROMA_NOTICE}",
        )
    if template is None:
        return "yuv420p", ""
    source = av.VideoFormat(template.pixel_format, 16, 16)
    if source.name.startswith("gray") or source.chroma_height(16) < 16:
        return "yuv420p", ""
    if source.chroma_width(16) < 16:
        return "yuv420p", f"{source.name} is written as yuv420p"
    return "yuv444p", f"{source.name}: {_FULL_CHROMA_NOTICE}"


def container_options(
    format_name: str, info: StreamInfo, template: VideoReader | None
) -> dict[str, str]:
    """Return the muxer's options.

    Times are never shifted; a live recording is written out every second.
    """
    options = {"avoid_negative_ts": "disabled"}
    if format_name == "matroska":
        options["write_crc32"] = "0"  # of the header, part of which is put right later
    if format_name == "mpegts":
        options["mpegts_copyts"] = "1"
    if wants_key_table(format_name, template):
        options["movflags"] = "+use_metadata_tags"
    if not info.is_live:
        return options
    options["flush_packets"] = "1"
    if format_name in ("matroska", "webm"):
        options["cluster_time_limit"] = "1000"
    elif format_name in ("mp4", "mov"):
        options["movflags"] = "+frag_keyframe+empty_moov+default_base_moof"
        options["frag_duration"] = "1000000"
    return options


def add_video_stream(
    container: OutputContainer,
    info: StreamInfo,
    *,
    settings: EncoderSettings,
    pixel_format: str,
    colour: Colour,
    sample_aspect_ratio: Fraction | None,
) -> VideoStream:
    """Add the stylized stream, tagged, its encoder opened.

    Raises:
        SinkError: no such encoder, or it refuses the settings.
    """
    codec = _encoder(settings.codec, pixel_format)
    stream = container.add_stream(
        settings.codec,
        rate=info.frame_rate or Fraction(30),
        width=info.width,
        height=info.height,
        time_base=info.time_base,
    )
    assert isinstance(stream, VideoStream)
    stream.pix_fmt = pixel_format
    stream.time_base = info.time_base
    context = stream.codec_context
    if sample_aspect_ratio:
        context.sample_aspect_ratio = sample_aspect_ratio
    colour.tag(context)
    context.options = _options(settings, context)
    if info.is_live:
        context.gop_size = max(1, round(info.frame_rate or 30))
    try:
        context.open()
    except (av.error.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SinkError(
            f"{codec.name}: expected an encoder that takes {pixel_format}, "
            f"{settings}, got: {reason}"
        ) from error
    return stream


def _encoder(name: str, pixel_format: str) -> Codec:
    try:
        codec = Codec(name, "w")
    except (ValueError, av.error.FFmpegError):
        raise SinkError(
            f"--codec: expected a video encoder of FFmpeg, got {name!r}"
        ) from None
    formats = [known.name for known in codec.video_formats or ()]
    if codec.type != "video" or (formats and pixel_format not in formats):
        raise SinkError(
            f"--codec {name}: expected a video encoder that takes {pixel_format}, "
            f"got one for {', '.join(formats) or codec.type}"
        )
    return codec


def _options(settings: EncoderSettings, context: VideoCodecContext) -> dict[str, str]:
    """Return the encoder's private options; defaults only where it knows them.

    Raises:
        SinkError: a setting was asked for that this encoder does not have.
    """
    known = {option.name for option in context.supported_options.private}
    options: dict[str, str] = {}
    for name, asked, default in (
        ("crf", settings.crf, _DEFAULT_CRF),
        ("preset", settings.preset, _DEFAULT_PRESET),
    ):
        if asked is not None and name not in known:
            raise SinkError(
                f"--{name} {asked}: expected a codec with this setting, "
                f"got {settings.codec}"
            )
        is_x264 = settings.codec.startswith("libx26")
        if asked is not None or (is_x264 and name in known):
            options[name] = str(default if asked is None else asked)
    return options
