"""What FFmpeg attaches to a decoded frame, and what of it a copy cannot hold."""

import av
from av.buffer import Buffer
from av.video.stream import VideoStream

_ALPHA_TAG = "alpha_mode"
"""Of a VP8 or VP9 stream in WebM whose alpha is beside it, where decoders skip it."""


def side_data(frame: av.VideoFrame, name: str) -> bytes | None:
    """Return the side data of a kind, for example ``DISPLAYMATRIX``; None without."""
    try:
        data = frame.side_data.get(name)
    except ValueError:  # a kind newer than PyAV is beside it
        return None
    return bytes(data) if isinstance(data, Buffer) else None


def left_out(first: av.VideoFrame, stream: VideoStream) -> list[str]:
    """Return what of the pictures no copy holds: alpha, more than 8 bits, a sphere.

    Args:
        first: A decoded frame.
        stream: Where it is from.
    """
    lines = []
    components = first.format.components
    bits = max(component.bits for component in components)
    tags = {key.lower(): value for key, value in stream.metadata.items()}
    has_alpha = any(c.is_alpha for c in components)
    if has_alpha and stream.codec_context.name == "gif":  # decoded so, whatever it is
        has_alpha = bool(first.to_ndarray(format="rgba")[..., 3].min() < 255)
    if has_alpha or tags.get(_ALPHA_TAG) == "1":
        lines.append("the alpha channel is left out")
    if bits > 8:
        lines.append(f"{bits} bits per sample rounded to 8")
    if side_data(first, "SPHERICAL") is not None:
        lines.append(
            "what says that this is 360-degree video is left out; players show it flat"
        )
    return lines


def is_stereo(first: av.VideoFrame) -> bool:
    """Return whether a frame holds two views, for the left and the right eye."""
    data = side_data(first, "STEREO3D")
    return data is not None and int.from_bytes(data[:4], "little") != 0
