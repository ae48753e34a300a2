"""Sound that Matroska holds as Windows does (WMA, ADPCM, mu-law …), by its wave header.

FFmpeg's muxer writes ``A_MS/ACM`` only when it may go beyond the standard, which PyAV
does not let us ask for. So the stream is added under a name of the same length that the
muxer is sure of, with the wave header as its private data, and the name is put right in
the finished file.

Source:
    RFC 9559, 27.3 and Matroska codec mappings, A_MS/ACM: the private data is a
    WAVEFORMATEX; RFC 8794 7.4: zeros behind a string are not part of it.
"""

import io
import struct
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Stream

_STAND_IN, _STAND_IN_TAG = b"A_MPEG/L3", 0x55
_NAME = b"A_MS/ACM\0"
_HEADER_BYTES = 1 << 22
"""Of the file, in which the tracks are described."""
_NEAR = 1024
"""Bytes from the name of a track's codec to its private data, at most."""
assert len(_STAND_IN) == len(_NAME)


def wave_header(stream: Stream) -> bytes | None:
    """Return the WAVEFORMATEX of a sound stream, as FFmpeg writes it; None without."""
    if stream.type != "audio" or stream.codec_context is None:
        return None
    file = io.BytesIO()
    try:
        with av.open(file, "w", format="wav") as container:
            container.add_stream_from_template(stream, opaque=True)
            container.start_encoding()
    except (ValueError, OSError, av.error.FFmpegError):
        return None
    data = file.getvalue()
    at = data.index(b"fmt ") + 4
    (size,) = struct.unpack_from("<I", data, at)
    header = data[at + 4 : at + 4 + size]
    return header if size >= 18 else header.ljust(18, b"\0")


def open_stand_in(header: bytes) -> InputContainer:
    """Return a file whose only stream the muxer is sure of, `header` as private data.

    Args:
        header: A WAVEFORMATEX.
    """
    shape = struct.pack("<H", _STAND_IN_TAG) + header[2:16]
    chunk = shape + struct.pack("<H", len(header)) + header
    chunk += bytes(len(chunk) % 2)
    body = b"WAVEfmt " + struct.pack("<I", len(chunk)) + chunk + b"data" + bytes(4)
    return av.open(io.BytesIO(b"RIFF" + struct.pack("<I", len(body)) + body), "r")


def put_names_right(path: Path, headers: list[bytes]) -> None:
    """Call the tracks of a finished file whose private data are `headers` ACM.

    Raises:
        ValueError: one of them is not there.
    """
    with path.open("r+b") as file:
        data = file.read(_HEADER_BYTES)
        for header in headers:
            at = _find(data, header)
            file.seek(at)
            file.write(_NAME)
            data = data[:at] + _NAME + data[at + len(_NAME) :]


def _find(data: bytes, header: bytes) -> int:
    at = data.find(_STAND_IN)
    while at >= 0:
        if header in data[at : at + _NEAR + len(header)]:
            return at
        at = data.find(_STAND_IN, at + 1)
    raise ValueError("a track for ACM sound is missing")
