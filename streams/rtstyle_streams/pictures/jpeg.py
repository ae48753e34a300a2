"""Whether a JPEG is broken where libjpeg paints over it without a word."""

import struct

import av

from rtstyle_streams.video.damage import listening

_TAIL, _SHORTEST_SCAN = 3, 32
_STANDALONE = (0x01, *range(0xD0, 0xD9))
_SCAN, _END = 0xDA, 0xD9
_ABOUT_PIXELS = (*range(0xC0, 0xD0), 0xDB, 0xDD, 0xEE)  # EE: Adobe's colour transform


def is_jpeg_damaged(data: bytes) -> bool:
    """Return whether the pixels of a JPEG are broken, as far as FFmpeg decodes it.

    Either FFmpeg says so; or data are left when all blocks are decoded, because codes
    were lost on the way: then it is all the same what the last bytes are.

    Args:
        data: The whole file; tags, previews and what follows its end are left out.
    """
    pixels = _with_whole_blocks(_pixels_only(data))
    decoded = _decoded(pixels)
    if decoded is None:
        return False  # a kind of JPEG that FFmpeg does not decode
    planes, has_errors = decoded
    if has_errors:
        return True
    changed = _with_other_end(pixels)
    other = _decoded(changed) if changed else None
    return other is not None and not other[1] and other[0] == planes


def _with_whole_blocks(data: bytes) -> bytes:
    """Return a baseline JPEG that shows its last blocks whole; others as they are.

    Source:
        ITU-T T.81, B.2.2 and A.2.4.
    """
    frame = data.find(b"\xff\xc0")
    if frame < 0 or frame + 19 > len(data) or data.count(b"\xff\xda") != 1:
        return data
    height, width, count = struct.unpack_from(">HHB", data, frame + 5)
    factors = data[frame + 11 : frame + 10 + 3 * count : 3]
    across = 8 * max((factor >> 4 for factor in factors), default=1)
    down = 8 * max((factor & 15 for factor in factors), default=1)
    if not across or not down or max(width, height) > 65000:
        return data
    size = -(-height // down) * down, -(-width // across) * across
    return data[: frame + 5] + struct.pack(">HH", *size) + data[frame + 9 :]


def _decoded(data: bytes) -> tuple[list[bytes], bool] | None:
    """Return the planes of a JPEG and whether FFmpeg finds errors; None without one."""
    context = av.CodecContext.create("mjpeg", "r")
    assert isinstance(context, av.VideoCodecContext)
    with listening() as said:
        try:
            frames = [*context.decode(av.Packet(data)), *context.decode(None)]
        except (av.error.FFmpegError, ValueError):
            return None
    if not frames:
        return None
    return [bytes(plane) for plane in frames[0].planes], bool(said)


def _with_other_end(data: bytes) -> bytes | None:
    """Return a JPEG with other bytes at the end of its last scan.

    None when the scan is too short, ends with bytes that some cameras fill it with, or
    is one of many that refine the picture.
    """
    if b"\xff\xc0" not in data or data.count(b"\xff\xda") != 1:
        return None
    end = len(data.rstrip(b"\xff\xd9"))
    tail = data[end - _TAIL : end]
    scan = data.rfind(b"\xff\xda")
    if end - scan < _SHORTEST_SCAN or tail in (bytes(_TAIL), b"\xff\0\xff"):
        return None
    if any(data[at] == 0xFF or data[at - 1] == 0xFF for at in range(end - _TAIL, end)):
        return None  # stuffed bytes
    other = bytes(byte ^ (0x54 if byte == 0xAA else 0x55) for byte in tail)
    return data[: end - _TAIL] + other + b"\xff\xd9"


def _pixels_only(data: bytes) -> bytes:
    """Return a JPEG with nothing but what its pixels need.

    Source:
        ITU-T T.81, B.1.1.
    """
    kept, at = [data[:2]], 2
    while at + 4 <= len(data):
        if (
            data[at] != 0xFF or data[at + 1] == 0
        ):  # entropy-coded data, or garbage: up to the next marker
            end = _next_marker(data, at)
            kept.append(data[at:end])
        elif data[at + 1] in (0xFF, *_STANDALONE):
            end = at + (1 if data[at + 1] == 0xFF else 2)
            kept.append(data[at:end])
        elif data[at + 1] == _END:
            break
        else:
            end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
            if data[at + 1] in (_SCAN, *_ABOUT_PIXELS):
                kept.append(data[at:end])
        at = end
    return b"".join([*kept, b"\xff\xd9"])


def _next_marker(data: bytes, at: int) -> int:
    """Return where the next marker is that is no stuffed byte."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        if data[at + 1] != 0:
            return at
        at += 2
    return len(data)
