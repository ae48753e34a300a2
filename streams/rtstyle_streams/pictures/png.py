"""Whether a PNG is broken where its decoders look away: its checksums."""

import struct
import zlib

_MARK = b"\x89PNG\r\n\x1a\n"
_LARGEST_CHUNK = (1 << 31) - 1


def is_png_damaged(data: bytes) -> bool:
    """Return whether the checksum of a part that holds pixels is wrong.

    Args:
        data: The whole file. What is missing at its end is not looked for: a decoder
            says so where pixels are missing.

    Source:
        PNG (W3C, third edition), 5.3: a CRC-32 of type and data ends each chunk.
    """
    at = len(_MARK)
    while at + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        end = at + 8 + size
        if size > _LARGEST_CHUNK or end + 4 > len(data):
            return False
        kind = data[at + 4 : at + 8]
        if kind in (b"IDAT", b"PLTE", b"tRNS"):
            (checksum,) = struct.unpack_from(">I", data, end)
            if zlib.crc32(memoryview(data)[at + 4 : end]) != checksum:
                return True
        if kind == b"IEND":
            return False
        at = end + 4
    return False
