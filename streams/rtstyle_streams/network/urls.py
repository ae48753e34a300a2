"""What is known about the URLs of streams: options, formats, and what is not there."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from rtstyle_streams.errors import SpecError

SOURCE_SCHEMES: Final = (
    "rtmp",
    "rtmps",
    "rtsp",
    "rtsps",
    "udp",
    "tcp",
    "http",
    "https",
)
"""Of streams that can be read."""
SINK_FORMATS: Final = {
    "rtmp": "flv",
    "rtmps": "flv",
    "rtsp": "rtsp",
    "udp": "mpegts",
    "tcp": "mpegts",
}
"""Of streams that can be written, and FFmpeg's name of what goes into them."""
MISSING: Final = {
    "srt": "SRT is not in PyAV's FFmpeg; use rtmp://, or ffmpeg beside rtstyle",
    "rist": "RIST is not in PyAV's FFmpeg; use udp:// or rtmp://",
    "ndi": "NDI needs a library that is not free; in OBS use the page /obs of the "
    "studio, or NDI's own OBS plug-in",
    "whip": "WHIP did not connect with PyAV's FFmpeg; use rtmp://",
    "whep": "WHEP is not in PyAV's FFmpeg; use rtsp:// or rtmp://",
}
"""Schemes that people ask for and that cannot be had."""
NO_BUFFER: Final = {"fflags": "nobuffer", "flags": "low_delay"}
"""Nothing is held back to make a stream even."""
SHORT_PROBE: Final = {"analyzeduration": "0", "probesize": "32768"}
"""Frames come at once instead of after a second (RTMP: 6 ms instead of 1.4 s old)."""
TIME_BASE: Final = Fraction(1, 90_000)
"""Ticks of a live frame's time, read or sent."""


@dataclass(frozen=True, slots=True)
class StreamUrl:
    """One stream."""

    url: str
    """As FFmpeg takes it; may hold a password and is never shown."""
    scheme: str
    """``rtmp``, ``udp`` and so on."""
    is_listening: bool
    """Whether others connect to us."""
    shown: str
    """Without user, password and key."""


def stream_url(text: str) -> StreamUrl:
    """Read the URL of a stream; ``?listen=1`` waits for others to connect.

    Raises:
        SpecError: it has no host, or its scheme is none that can be had.
    """
    shown = without_credentials(text)
    parts = urlsplit(text)
    if parts.scheme in MISSING:
        raise SpecError(f"{shown}: {MISSING[parts.scheme]}")
    try:
        has_port = parts.port is not None
    except ValueError as error:
        raise SpecError(f"{shown}: expected a port of 0 to 65535") from error
    if not parts.hostname and not has_port:
        raise SpecError(f"{shown}: expected {parts.scheme}://HOST…, got no host")
    query = parse_qsl(parts.query, keep_blank_values=True)
    is_listening = ("listen", "1") in query
    if is_listening and parts.scheme not in ("tcp", "udp"):  # which read it themselves
        rest = urlencode([pair for pair in query if pair[0] != "listen"])
        text = urlunsplit(parts._replace(query=rest))
    if parts.scheme == "udp" and parts.hostname in ("0.0.0.0", ""):
        is_listening = True
    return StreamUrl(text, parts.scheme, is_listening, shown)


def sink_url(text: str) -> StreamUrl:
    """Read the URL of a stream that is sent to.

    Raises:
        SpecError: as `stream_url`, or nothing can be sent by its scheme.
    """
    stream = stream_url(text)
    if stream.scheme not in SINK_FORMATS:
        known = ", ".join(f"{scheme}://" for scheme in SINK_FORMATS)
        raise SpecError(f"{stream.shown}: expected one of {known} to send to")
    return stream


def source_options(stream: StreamUrl, *, seconds: float) -> dict[str, str]:
    """Return FFmpeg's options for reading a stream with little delay.

    Args:
        stream: Which.
        seconds: How long a listener waits for somebody.
    """
    if stream.scheme in ("rtsp", "rtsps"):
        if stream.is_listening:
            limit = str(max(1, round(seconds)))
            return {"rtsp_flags": "listen", "listen_timeout": limit}
        return {"rtsp_transport": "tcp", **NO_BUFFER}
    if stream.scheme in ("http", "https"):  # HLS needs to look at its pieces
        return {"fflags": "nobuffer"}
    options = {**NO_BUFFER, **SHORT_PROBE}
    if stream.is_listening and stream.scheme in ("rtmp", "rtmps"):
        options["listen"] = "1"
    return options


def without_credentials(text: str) -> str:
    """Return a text that may be a URL, to be shown: no user, password or key."""
    match = re.fullmatch(r"([A-Za-z]+)://(?:.*@)?([^/?#@]*)(.*)", text, re.DOTALL)
    if match is None:
        return text
    rest = "/…" if len(match[3]) > 1 else ""
    return f"{match[1]}://{match[2]}{rest}"
