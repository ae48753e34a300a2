"""Files that the page sends: counted while they come, whole or not at all."""

import contextlib
import shutil
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from rtstyle.errors import UsageError
from rtstyle.studio.jobs import VIDEO_SUFFIXES
from rtstyle.studio.shelf import PAINTING_SUFFIXES

MEGABYTE: Final = 1 << 20
LARGEST: Final = {
    "painting": 64 * MEGABYTE,
    "style": 64 * MEGABYTE,
    "film": 8192 * MEGABYTE,
}
"""Bytes of an upload of each kind."""
SUFFIXES: Final = {
    "painting": PAINTING_SUFFIXES,
    "style": frozenset({".onnx"}),
    "film": VIDEO_SUFFIXES | PAINTING_SUFFIXES,
}
"""Suffixes of each kind, in lower case."""
LEFT_FREE: Final = 1024 * MEGABYTE
"""Bytes of the disk that no upload may take."""


class TooLargeError(UsageError):
    """An upload of more bytes than its kind may have, or than the disk holds."""


def suffix_for(kind: str, name: str) -> str:
    """Return the suffix of a file that is sent.

    Raises:
        UsageError: the kind takes no such file.
    """
    if kind not in SUFFIXES:
        raise UsageError(f"upload: expected {', '.join(SUFFIXES)}, got {kind!r:.40}")
    suffix = Path(name[-255:].replace("\\", "/")).suffix.lower()
    if suffix not in SUFFIXES[kind]:
        known = ", ".join(sorted(SUFFIXES[kind]))
        raise UsageError(
            f"upload {name[-80:]!r}: expected a file of {known}, got {suffix!r}"
        )
    return suffix


def check_size(kind: str, told: str | None, folder: Path) -> None:
    """Refuse an upload by the size that it tells, before it comes.

    Raises:
        TooLargeError: it is too large.
        UsageError: it tells no size that makes sense.
    """
    if told is None:
        return
    if not told.isdecimal() or len(told) > 18:
        raise UsageError(f"upload: expected a size in bytes, got {told!r:.40}")
    _check(kind, int(told), folder)


def _check(kind: str, num_bytes: int, folder: Path) -> None:
    if num_bytes > LARGEST[kind]:
        raise TooLargeError(
            f"upload: expected at most {LARGEST[kind] // MEGABYTE} MB, got more"
        )
    free = shutil.disk_usage(folder).free
    if free - num_bytes < LEFT_FREE:
        raise TooLargeError(
            f"upload: expected 1 GB to stay free in {folder}, {free // MEGABYTE} MB are"
        )


async def receive(
    kind: str, name: str, told: str | None, body: AsyncIterator[bytes], folder: Path
) -> Path:
    """Write an upload under a name of ours and return where it is.

    Args:
        kind: One of `SUFFIXES`.
        name: What the sender calls it; only its suffix counts.
        told: The size that was told, in bytes.
        body: The bytes.
        folder: Made if need be, for this user alone.

    Raises:
        UsageError: it is refused; nothing is left.
    """
    suffix = suffix_for(kind, name)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    check_size(kind, told, folder)
    part = folder / f"{uuid.uuid4().hex}.part"
    count, checked = 0, 0
    try:
        with part.open("xb") as file:
            async for piece in body:
                count += len(piece)
                if count - checked > MEGABYTE or count > LARGEST[kind]:
                    _check(kind, count, folder)
                    checked = count
                file.write(piece)
        if not count:
            raise UsageError(f"upload {name[-80:]!r}: expected a file, got nothing")
        return part.rename(part.with_suffix(suffix))
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
