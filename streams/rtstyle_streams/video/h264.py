"""The little of an H.264 packet that must be known before it is decoded."""

import re
from collections.abc import Iterator

_IDR = 5
"""A picture with which decoding can begin, and on which nothing before it depends."""


def begins_anew(packet: bytes, extradata: bytes | None) -> bool:
    """Return whether an H.264 packet holds a picture that needs no earlier one.

    Key frames of another kind, where a film was cut, are followed by packets that speak
    of pictures before the cut; decoders complain of those.

    Args:
        packet: As demuxed.
        extradata: Of the stream; says how its packets are divided.

    Source:
        ITU-T H.264, 7.4.1 and table 7-1; ISO/IEC 14496-15, 5.3.3.1.
    """
    return _IDR in _unit_types(packet, extradata)


def _unit_types(packet: bytes, extradata: bytes | None) -> Iterator[int]:
    """Give out the types of the NAL units of a packet."""
    if not extradata or extradata[0] != 1 or len(extradata) < 5:
        for start in re.finditer(rb"\x00\x00\x01(.)", packet, re.DOTALL):
            yield start[1][0] & 31
        return
    size_bytes, at = (extradata[4] & 3) + 1, 0
    while at + size_bytes < len(packet):
        size = int.from_bytes(packet[at : at + size_bytes], "big")
        yield packet[at + size_bytes] & 31
        at += size_bytes + size
