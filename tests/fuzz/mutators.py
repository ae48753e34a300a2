"""Changes to files: of bytes anywhere, and of the elements a format is made of."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

MOST_CHANGES = 4
"""How many changes an input has at most."""
_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)

Change = Callable[[bytearray, Random], None]
"""Changes data in place."""


@dataclass(frozen=True, slots=True)
class Element:
    """A part of a file with a header: a box, a chunk, a segment, a packet."""

    start: int
    """Of its header."""
    body: int
    """Where its header ends."""
    end: int
    """Behind its last byte."""


def mutated(
    data: bytes,
    random: Random,
    *,
    other: bytes,
    elements: Callable[[bytes], Sequence[Element]] | None = None,
) -> bytes:
    """Return a copy of `data` with one to `MOST_CHANGES` changes.

    Args:
        data: A whole file.
        random: Makes the choices.
        other: A file of which parts may be put in.
        elements: Finds the parts of `data`; half of the changes then are to those.
    """
    changed = bytearray(data)
    for _ in range(random.randint(1, MOST_CHANGES)):
        found = elements(bytes(changed)) if elements and random.random() < 0.5 else ()
        found = [part for part in found if part.body <= part.end]  # some are cut off
        if found:
            change_element(changed, random, random.choice(found), found)
        else:
            random.choice(_CHANGES)(changed, random)
        if random.random() < 0.03:
            _splice(changed, random, other)
    return bytes(changed)


def change_element(
    data: bytearray, random: Random, element: Element, others: Sequence[Element]
) -> None:
    """Drop, repeat, swap, empty, cut or mislabel one element."""
    whole = bytes(data[element.start : element.end])
    kind = random.randrange(7)
    if kind == 0:
        del data[element.start : element.end]
    elif kind == 1:
        data[element.end : element.end] = whole * random.randint(1, 3)
    elif kind == 2:
        place = random.choice(others).start
        data[place:place] = whole
    elif kind == 3:
        data[element.body : element.end] = bytes(element.end - element.body)
    elif kind == 4:
        del data[random.randint(element.body, element.end) : element.end]
    elif kind == 5:
        _extreme(data, random, element.start, max(1, element.body - element.start))
    else:
        body = range(element.body, min(element.end, len(data)))
        for _ in range(min(8, len(body))):
            data[random.choice(body)] = random.randrange(256)


def iso_boxes(data: bytes) -> list[Element]:
    """Return the boxes of an MP4, MOV, AVIF or HEIC, those within others too."""
    found: list[Element] = []
    _iso_boxes(data, 0, len(data), found, depth=0)
    return found


def _iso_boxes(
    data: bytes, start: int, end: int, found: list[Element], *, depth: int
) -> None:
    while start + 8 <= end and len(found) < 500:
        size, kind = struct.unpack_from(">I4s", data, start)
        stop = end if size == 0 else start + size
        if size not in (0, *range(8, end - start + 1)):
            return
        found.append(Element(start, start + 8, stop))
        if kind in _ISO_PARENTS and depth < 8:
            inner = start + (12 if kind in (b"meta", b"dref") else 8)
            _iso_boxes(data, inner, stop, found, depth=depth + 1)
        start = stop


_ISO_PARENTS = frozenset(
    (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"udta", b"dinf")
    + (b"moof", b"traf", b"mvex", b"meta", b"iprp", b"ipco")
)


def ebml_elements(data: bytes) -> list[Element]:
    """Return the elements of a Matroska or WebM file, two levels within segments."""
    found: list[Element] = []
    _ebml(data, 0, len(data), found, depth=0)
    return found


def _ebml(
    data: bytes, start: int, end: int, found: list[Element], *, depth: int
) -> None:
    while start < end and len(found) < 500:
        id_size = 9 - data[start].bit_length() if data[start] else 9
        at = start + id_size
        if id_size > 4 or at >= end or not data[at]:
            return
        size_size = 9 - data[at].bit_length()
        mask = (1 << (7 * size_size)) - 1
        size = int.from_bytes(data[at : at + size_size], "big") & mask
        body = at + size_size
        stop = min(end, body + size)
        found.append(Element(start, body, stop))
        if bytes(data[start:at]) in _EBML_PARENTS and depth < 5:
            _ebml(data, body, stop, found, depth=depth + 1)
        start = stop


_EBML_PARENTS = {
    bytes.fromhex(text)
    for text in ("18538067", "1549A966", "1654AE6B", "AE", "E0", "1F43B675", "A0")
    + ("1C53BB6B", "1254C367", "7373", "1941A469", "114D9B74", "1A45DFA3")
}


def ts_packets(data: bytes) -> list[Element]:
    """Return the packets of 188 bytes of an MPEG transport stream."""
    starts = range(0, len(data) - 187, 188)
    return [Element(start, start + 4, start + 188) for start in starts]


def riff_chunks(data: bytes) -> list[Element]:
    """Return the chunks of an AVI or WebP, those within lists too."""
    found: list[Element] = []
    stack = [(12, len(data))]
    while stack and len(found) < 500:
        start, end = stack.pop()
        if start + 8 > end:
            continue
        name, size = struct.unpack_from("<4sI", data, start)
        stop = min(end, start + 8 + size)
        found.append(Element(start, start + 8, stop))
        stack.append((stop + (size & 1), end))
        if name == b"LIST":
            stack.append((start + 12, stop))
    return found


def png_chunks(data: bytes) -> list[Element]:
    """Return the chunks of a PNG or APNG."""
    found, start = [], 8
    while start + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, start)
        stop = min(len(data), start + 12 + size)
        found.append(Element(start, start + 8, stop))
        start = stop
    return found


def jpeg_segments(data: bytes) -> list[Element]:
    """Return the marker segments of a JPEG up to the scan, and the scan."""
    found, start = [], 2
    while start + 4 <= len(data) and data[start] == 0xFF:
        size = int.from_bytes(data[start + 2 : start + 4], "big")
        is_scan = data[start + 1] == 0xDA
        stop = len(data) if is_scan else min(len(data), start + 2 + size)
        found.append(Element(start, start + 4, stop))
        if is_scan:
            break
        start = stop
    return found


def tiff_entries(data: bytes) -> list[Element]:
    """Return the entries of 12 bytes of the first directory of a TIFF."""
    order = "<" if data[:2] == b"II" else ">"
    if len(data) < 8:
        return []
    (at,) = struct.unpack_from(order + "I", data, 4)
    if at + 2 > len(data):
        return []
    (count,) = struct.unpack_from(order + "H", data, at)
    starts = range(at + 2, min(at + 2 + 12 * count, len(data) - 11), 12)
    return [Element(start, start + 8, start + 12) for start in starts]


def _place(data: bytearray, random: Random) -> int:
    return random.randrange(len(data) + 1)


def _flip(data: bytearray, random: Random) -> None:
    for _ in range(random.randint(1, 8) if data else 0):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _set_run(data: bytearray, random: Random) -> None:
    """Overwrite a run: zeros, ones or noise."""
    place = _place(data, random)
    size = min(len(data) - place, 1 << random.randrange(1, 14))
    fill = random.choice((bytes(size), b"\xff" * size, random.randbytes(size)))
    data[place : place + size] = fill


def _zero_share(data: bytearray, random: Random) -> None:
    """Zero a share of the file in its middle, as a bad disk leaves it."""
    start = random.randrange(20, 90) * len(data) // 100
    size = random.randrange(1, 40) * len(data) // 100
    data[start : start + size] = bytes(len(data[start : start + size]))


def _insert(data: bytearray, random: Random) -> None:
    place = _place(data, random)
    data[place:place] = random.randbytes(1 << random.randrange(1, 10))


def _remove(data: bytearray, random: Random) -> None:
    place = _place(data, random)
    del data[place : place + (1 << random.randrange(1, 13))]


def _truncate(data: bytearray, random: Random) -> None:
    del data[_place(data, random) :]


def _repeat(data: bytearray, random: Random) -> None:
    place = _place(data, random)
    data[place:place] = data[place : place + (1 << random.randrange(1, 12))]


def _extreme_anywhere(data: bytearray, random: Random) -> None:
    _extreme(data, random, 0, min(len(data), 1 << random.choice((6, 10, 30))))


def _extreme(data: bytearray, random: Random, start: int, size: int) -> None:
    """Write an extreme number of 1 to 8 bytes, of either order."""
    place = start + random.randrange(max(1, size))
    width = random.choice((1, 2, 4, 8))
    value = random.choice(_EXTREMES) & ((1 << 8 * width) - 1)
    raw = value.to_bytes(width, "big")
    raw = raw if random.random() < 0.5 else raw[::-1]
    data[place : place + width] = raw[: len(data) - place]


def _splice(data: bytearray, random: Random, other: bytes) -> None:
    """Go on with another file."""
    data[_place(data, random) :] = other[random.randrange(len(other) + 1) :]


_CHANGES: tuple[Change, ...] = (
    _flip,
    _set_run,
    _zero_share,
    _insert,
    _remove,
    _truncate,
    _repeat,
    _extreme_anywhere,
)
