"""The video encoder and the container: what they are asked for."""

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.codec import Codec
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from rtstyle_streams.errors import SinkError
from rtstyle_streams.protocols import Bits, StreamInfo
from rtstyle_streams.video.colour import Colour
from rtstyle_streams.video.deep import DEEP_FORMATS
from rtstyle_streams.video.formats import Format
from rtstyle_streams.video.hardware import advice, defaults_of, hwaccel_of
from rtstyle_streams.video.muxer import can_hold_codec
from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.tags import wants_key_table

_DEFAULTS: dict[str, dict[str, str]] = {
    "libx264": {"crf": "18", "preset": "ultrafast"},
    "libx265": {"crf": "18", "preset": "ultrafast", "x265-params": "log-level=error"},
    "libvpx-vp9": {
        "crf": "24",
        "deadline": "realtime",
        "cpu-used": "6",
        "row-mt": "1",
    },
    "libvpx": {"crf": "10", "deadline": "realtime", "cpu-used": "6"},
    "libsvtav1": {"crf": "24", "preset": "10"},
    "libwebp_anim": {"quality": "90"},
}
"""Settings of encoders that nobody has asked for others of."""
_ALWAYS = {
    "mpegts": {"mpegts_copyts": "1"},
    "gif": {"loop": "0"},
    "webp": {"loop": "0"},
    "apng": {"plays": "0"},
}
"""Options of muxers: times as they are, moving pictures that go on for ever."""
_LEAST_WIDTH = {"libx265": 64}
"""Columns below which an encoder writes beyond its memory (x265 4.2)."""
_QUALITY_SCALE = {"mpeg4": 2, "mjpeg": 2, "mpeg2video": 2, "wmv2": 2, "flv": 2}
"""Encoders without a rate factor: their quantizer, 1 is the finest."""
_FORMAT_ORDER = {  # pixel formats from the best to the worst stand-in for a wanted one
    "yuv420p": ("yuv420p", "nv12", "yuv422p", "yuv422p10le", "yuv444p", "yuv444p10le"),
    "yuv444p": ("yuv444p", "yuv444p10le", "yuv422p", "yuv422p10le", "yuv420p", "nv12"),
}
_RGB_FORMATS = ("rgb24", "pal8", "bgra", "rgba", "bgr0")
_LAMBDA_PER_SCALE = 118  # FF_QP2LAMBDA
_FULL_CHROMA_NOTICE = "yuv444p keeps the colours of every pixel; some players refuse it"


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """What the user may choose about the encoder."""

    codec: str
    """FFmpeg's name of an encoder, or of a codec it has one for."""
    crf: int | None = None
    """Constant rate factor, the encoder's scale; None for the default."""
    preset: str | None = None
    """The encoder's preset; None for the default."""

    def asked(self) -> dict[str, str]:
        """Return the settings that the user has chosen, by their names."""
        chosen = {"crf": self.crf, "preset": self.preset}
        return {name: str(value) for name, value in chosen.items() if value is not None}


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
    options |= _ALWAYS.get(format_name, {})
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


def find_encoder(name: str, file_format: Format, path: Path) -> Codec:
    """Return the encoder of that name, if a container can hold what it makes.

    Raises:
        SinkError: there is none, or the container `path` stands for cannot hold it.
    """
    os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 writes pages to stderr otherwise
    try:
        codec = Codec(name, "w")
    except (ValueError, av.error.FFmpegError):
        raise SinkError(
            f"--codec: expected a video encoder of FFmpeg, got {name!r}{advice(name)}"
        ) from None
    if codec.type != "video":
        raise SinkError(f"--codec {name}: expected a video encoder, got {codec.type}")
    if not can_hold_codec(file_format.name, codec.name):
        raise SinkError(
            f"{path}: expected a codec that {file_format.name} can hold, "
            f"{file_format.codec} for example, got {name}; leave --codec out"
        )
    return codec


def encoder_pixel_format(codec: Codec, wanted: str) -> str:
    """Return the pixel format of an encoder that keeps most of a picture.

    Args:
        codec: The encoder.
        wanted: ``yuv420p`` or ``yuv444p``.

    Raises:
        SinkError: it takes none that a picture can be turned into.
    """
    known = [known.name for known in codec.video_formats or ()]
    if "yuvj420p" in known[:1]:  # full range is the only one it is made for
        return wanted.replace("yuv", "yuvj")
    if known == ["vaapi"]:  # its own pictures, which PyAV makes of these
        return "nv12"
    for name in (*_FORMAT_ORDER[wanted], *_RGB_FORMATS):
        if name in known or not known:
            return name
    raise SinkError(
        f"--codec {codec.name}: expected a video encoder that takes {wanted}, "
        f"got one for {', '.join(known)}"
    )


def chosen_pixel_format(
    codec: Codec, wanted: str, bits: Bits, template: VideoReader | None
) -> tuple[str, str]:
    """Return the pixel format that keeps most of a picture, and a notice (or nothing).

    Args:
        codec: The encoder.
        wanted: ``yuv420p`` or ``yuv444p``.
        bits: What was asked for.
        template: The source.

    Raises:
        SinkError: the encoder takes no such picture, or no 10 bits where those are
            asked for.
    """
    is_deep = template is not None and template.num_bits > 8
    if bits == "8" or (bits == "auto" and not is_deep):
        return encoder_pixel_format(codec, wanted), ""
    known = [known.name for known in codec.video_formats or ()]
    deep = [name for name in DEEP_FORMATS[wanted] if name in known]
    if deep:
        is_rare = codec.name == "libx264"
        return deep[0], (
            "10 bits, as in the input; some players refuse H.264 of 10 bits, and then "
            "--codec libx265 or --bits 8 helps"
            if is_rare
            else ""
        )
    if bits == "10":
        raise SinkError(
            f"--bits 10: expected an encoder that takes 10 bits, got {codec.name}; use "
            "--codec libx265, or libsvtav1 for .webm"
        )
    return encoder_pixel_format(codec, wanted), (
        f"written with 8 bits, which is all that {codec.name} takes; --codec libx265 "
        "(libsvtav1 for .webm) keeps 10"
    )


def add_video_stream(
    container: OutputContainer,
    info: StreamInfo,
    *,
    codec: Codec,
    settings: EncoderSettings,
    pixel_format: str,
    time_base: Fraction,
    colour: Colour,
    sample_aspect_ratio: Fraction | None,
) -> VideoStream:
    """Add the stylized stream, tagged, its encoder opened.

    Raises:
        SinkError: the encoder refuses the settings.
    """
    least = _LEAST_WIDTH.get(codec.name, 0)
    if info.width < least:
        raise SinkError(
            f"--codec {codec.name}: expected at least {least} columns, got {info.width}"
        )
    stream = container.add_stream(
        codec.name,
        hwaccel=hwaccel_of(codec.name),
        rate=info.frame_rate or Fraction(30),
        width=info.width,
        height=info.height,
        time_base=time_base,
    )
    assert isinstance(stream, VideoStream)
    stream.pix_fmt = pixel_format
    stream.time_base = time_base
    context = stream.codec_context
    if sample_aspect_ratio:
        context.sample_aspect_ratio = sample_aspect_ratio
    if not av.VideoFormat(pixel_format, 16, 16).is_rgb and pixel_format != "pal8":
        colour.tag(context)
    context.options = _options(codec.name, settings, context)
    if codec.name in _QUALITY_SCALE:
        context.qscale = True
        context.global_quality = _QUALITY_SCALE[codec.name] * _LAMBDA_PER_SCALE
    if info.is_live:
        context.gop_size = max(1, round(info.frame_rate or 30))
    try:
        context.open()
    except (av.error.FFmpegError, ValueError) as error:
        said = getattr(error, "log", None)  # FFmpeg's last line: level, name, text
        text = said[2] if said else getattr(error, "strerror", None) or str(error)
        reason = " ".join(text.split())
        asked = ", ".join(f"--{k} {v}" for k, v in settings.asked().items())
        raise SinkError(
            f"{codec.name}: expected an encoder that takes {info.width}x{info.height} "
            f"{pixel_format}{' with ' if asked else ''}{asked}, got: {reason}"
            f"{advice(codec.name)}"
        ) from error
    return stream


def _options(
    codec: str, settings: EncoderSettings, context: VideoCodecContext
) -> dict[str, str]:
    """Return the encoder's private options; defaults only where it knows them.

    Raises:
        SinkError: a setting was asked for that this encoder does not have.
    """
    known = {option.name for option in context.supported_options.private}
    for name, value in settings.asked().items():
        if name not in known:
            raise SinkError(
                f"--{name} {value}: expected a codec with this setting, got {codec}"
            )
    return _DEFAULTS.get(codec, {}) | defaults_of(codec) | settings.asked()
