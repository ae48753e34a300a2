"""Video encoders in hardware: which this FFmpeg has, and which open on this machine."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import av
from av.codec import Codec
from av.codec.hwaccel import HWAccel
from av.video.codeccontext import VideoCodecContext

from rtstyle_streams.video.damage import listening

AUTO: Final = "auto-hw"
"""Name of a codec that stands for the first encoder in hardware that opens."""
MAKERS: Final = {
    "nvenc": "NVENC (NVIDIA)",
    "qsv": "QSV (Intel)",
    "amf": "AMF (AMD)",
    "videotoolbox": "VideoToolbox (Apple)",
    "vaapi": "VAAPI (Linux)",
}
"""How names of encoders end, the one to prefer first, and what people call them."""
KINDS: Final = ("h264", "hevc", "av1")
"""How names of encoders begin."""
SOFTWARE: Final = {"h264": "libx264", "hevc": "libx265", "av1": "libsvtav1"}
"""What makes the same kind on the CPU."""
TRIED_SIZE: Final = 256
"""Width and height of the picture that encoders are tried with: some refuse less."""
FAMILIES: Final = {"webm": ("av1",), "gif": (), "apng": (), "webp": ()}
"""Kinds that a container holds, by FFmpeg's name of it; all where it is not here."""
DEFAULTS: Final = {
    "nvenc": {"preset": "p4", "rc": "vbr", "cq": "19"},
    "qsv": {"preset": "medium"},
    "amf": {"quality": "balanced", "rc": "cqp", "qp_i": "20", "qp_p": "22"},
    "videotoolbox": {"allow_sw": "0"},
    "vaapi": {"rc_mode": "CQP"},
}
"""Settings that nobody has asked for others of, by maker; not run on any of them."""
SURFACES: Final = ("vaapi",)
"""Encoders that take pictures of their device alone; PyAV uploads ours."""


@dataclass(frozen=True, slots=True)
class HardwareEncoder:
    """One encoder of this FFmpeg."""

    name: str
    """FFmpeg's name."""
    fault: str
    """Why it does not open here; empty when it does."""


def is_hardware(name: str) -> bool:
    """Return whether an encoder of that name is one in hardware, here or elsewhere."""
    kind, _, maker = name.partition("_")
    return kind in KINDS and maker in MAKERS


def built_in(kinds: tuple[str, ...] = KINDS) -> list[str]:
    """Return the encoders in hardware that this FFmpeg was built with."""
    names = [f"{kind}_{maker}" for kind in kinds for maker in MAKERS]
    return [name for name in names if _codec(name) is not None]


def tried(names: list[str]) -> list[HardwareEncoder]:
    """Return every encoder with what happens when it encodes a picture."""
    return [HardwareEncoder(name, fault_of(name)) for name in names]


def fault_of(name: str) -> str:
    """Return why an encoder does not encode a picture here; empty when it does."""
    codec = _codec(name)
    if codec is None:
        return "this FFmpeg was built without it"
    with listening() as lines:  # an error alone is a number with a general name
        fault = _error_of(name, codec)
    if fault and lines:
        fault = lines[0].text
    return " ".join(fault.split())[:160].rstrip(".")


def _error_of(name: str, codec: Codec) -> str:
    """Encode a picture, and return the error that comes of it; empty for none."""
    pixel_format = upload_format(codec)
    try:
        context = VideoCodecContext.create(codec, "w", hwaccel=hwaccel_of(name))
        assert isinstance(context, VideoCodecContext)
        context.width = context.height = TRIED_SIZE
        context.time_base, context.pix_fmt = Fraction(1, 30), pixel_format
        frame = av.VideoFrame(TRIED_SIZE, TRIED_SIZE, pixel_format)
        frame.pts = 0
        packets = [*context.encode(frame), *context.encode(None)]
    except (av.error.FFmpegError, ValueError, RuntimeError, NotImplementedError) as e:
        return str(getattr(e, "strerror", None) or e)
    return "" if packets else "it made no packet"


def first_that_opens(
    kinds: tuple[str, ...], fault: Callable[[str], str] = fault_of
) -> str | None:
    """Return the first encoder of these kinds that works here, or None.

    Args:
        kinds: Some of `KINDS`, the one to prefer first.
        fault: As `fault_of`.
    """
    return next((name for name in built_in(kinds) if not fault(name)), None)


def encoder_for(format_name: str, software: str) -> tuple[str, str]:
    """Return which encoder `AUTO` stands for, and a notice about it.

    Args:
        format_name: FFmpeg's name of the container.
        software: What is taken where nothing in hardware opens.
    """
    kinds = FAMILIES.get(format_name, KINDS)
    if chosen := first_that_opens(kinds):
        return chosen, f"--codec {AUTO}: {chosen} encodes in hardware"
    return software, (
        f"--codec {AUTO}: no encoder in hardware opens here for {format_name}; "
        f"{software} is taken (rtstyle doctor says why)"
    )


def defaults_of(name: str) -> dict[str, str]:
    """Return the settings of an encoder that nobody has asked for others of."""
    return dict(DEFAULTS[name.partition("_")[2]]) if is_hardware(name) else {}


def advice(name: str) -> str:
    """Return what to do where an encoder did not open; empty for those on the CPU."""
    return f"; use --codec {next_to_try(name)}" if is_hardware(name) else ""


def next_to_try(name: str, fault: Callable[[str], str] = fault_of) -> str:
    """Return an encoder of the same kind that works here, where `name` does not.

    Args:
        name: An encoder in hardware.
        fault: As `fault_of`.
    """
    kind = name.partition("_")[0]
    others = [other for other in built_in((kind,)) if other != name]
    return next((other for other in others if not fault(other)), SOFTWARE[kind])


def upload_format(codec: Codec) -> str:
    """Return the pixel format that an encoder in hardware is given."""
    known = [known.name for known in codec.video_formats or ()]
    return "yuv420p" if "yuv420p" in known else "nv12"


def hwaccel_of(name: str) -> HWAccel | None:
    """Return the device that PyAV uploads pictures to, for encoders that want that.

    Raises:
        RuntimeError: There is no such device.
    """
    maker = name.partition("_")[2]
    if maker not in SURFACES:
        return None
    return HWAccel(maker, allow_software_fallback=False)


def _codec(name: str) -> Codec | None:
    try:
        return Codec(name, "w")
    except (ValueError, av.error.FFmpegError):
        return None
