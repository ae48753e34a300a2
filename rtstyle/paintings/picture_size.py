"""How large a picture is, read from the first bytes of its file: nothing is decoded."""

import re
import struct
from collections.abc import Callable

Size = tuple[int, int]
"""Width and height, in pixels."""
KINDS = "JPEG, PNG, WebP, AVIF, GIF, TIFF, BMP, JPEG 2000 or PNM"
"""The kinds of picture that are known here."""


def picture_size(data: bytes) -> Size | None:
    """Return width and height of a picture file, in pixels.

    Args:
        data: The whole file.

    Returns:
        None when it is none of `KINDS`, or is cut off before it says its size.

    Source:
        ITU-T T.81 B.2.2 (JPEG); PNG 11.2.1; GIF89a 18; TIFF 6.0 section 2; RFC 9649
        2.7 (WebP); ISO/IEC 23008-12 6.5.3 (AVIF: the largest picture inside).
    """
    for signature, read in _READERS:
        if re.match(signature, data, re.DOTALL):
            try:
                return read(data)
            except (struct.error, IndexError, ValueError):
                return None
    return None


def _png(data: bytes) -> Size:
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _gif(data: bytes) -> Size:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _bmp(data: bytes) -> Size:
    width, height = struct.unpack_from("<ii", data, 18)
    return width, abs(height)  # a negative one means top-down


def _jpeg(data: bytes) -> Size:
    """Walk the marker segments to the frame header."""
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        if marker == 0xFF:  # fill byte
            at += 1
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise ValueError("no frame header")


def _webp(data: bytes) -> Size:
    kind = data[12:16]
    if kind == b"VP8X":
        size = data[24:27], data[27:30]
        width, height = (1 + int.from_bytes(part, "little") for part in size)
        return width, height
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def _avif(data: bytes) -> Size:
    """Return the largest extent of any picture inside (tiles and previews have one)."""
    extents = [
        struct.unpack_from(">II", data, found.end() + 4)
        for found in re.finditer(b"ispe", data[: 1 << 16])
    ]
    width, height = max(extents, key=lambda size: size[0] * size[1])
    return width, height


def _jp2(data: bytes) -> Size:
    at = data.index(b"ihdr") + 4
    height, width = struct.unpack_from(">II", data, at)
    return width, height


def _tiff(data: bytes) -> Size:
    """Look up the tags 256 and 257 of the first directory."""
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, at)
    found: dict[int, int] = {}
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(order + "HH", data, entry)
        form = "H" if kind == 3 else "I"
        (found[tag],) = struct.unpack_from(order + form, data, entry + 8)
    if not {256, 257} <= found.keys():
        raise ValueError("no size")
    return found[256], found[257]


def _pnm(data: bytes) -> Size:
    plain = re.sub(rb"#[^\n]*", b"", data[:4096])
    width, height = (int(word) for word in plain.split(maxsplit=3)[1:3])
    return width, height


_READERS: tuple[tuple[bytes, Callable[[bytes], Size]], ...] = (
    (rb"\xff\xd8\xff", _jpeg),
    (rb"\x89PNG\r\n\x1a\n", _png),
    (rb"RIFF....WEBP", _webp),
    (rb"....ftyp(avif|avis|mif1|heic)", _avif),
    (rb"GIF8[79]a", _gif),
    (rb"II\*\x00|MM\x00\*", _tiff),
    (rb"BM", _bmp),
    (rb"\x00\x00\x00\x0cjP  ", _jp2),
    (rb"P[1-6]\s", _pnm),
)
