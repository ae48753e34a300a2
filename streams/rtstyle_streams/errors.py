"""What can go wrong between the outside world and a frame."""

from typing import Final


class StreamError(Exception):
    """A source or a sink could not do its work; the text is one line for the user."""


class FrameError(StreamError, ValueError):
    """Pixels of the wrong type or shape."""


class SourceError(StreamError, OSError):
    """A source could not be opened or read."""


class SinkError(StreamError, OSError):
    """A sink could not be opened or written."""


class NoFramesError(SinkError):
    """A sink was finished before it was given a frame."""


class TargetExistsError(SinkError, FileExistsError):
    """A file is where the result should go, and may not be replaced."""


class SpecError(StreamError, ValueError):
    """The text that names a source or a sink ("webcam:0") makes no sense."""


def printable(text: str) -> str:
    """Return text of a file with a sign in place of what a terminal would act on."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


BEGINNINGS: Final = (
    (
        b"version https://git-lfs.github.com/spec/",
        "a Git LFS pointer; run git lfs pull",
    ),
    (b"/annex/objects/", "a git-annex pointer; run git annex get"),
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"%PDF-", "a PDF"),
    (b"\x1f\x8b", "a file compressed by gzip; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"PK\x03\x04", "a zip archive, or a checkpoint of torch"),
    (b"\x80\x02", "a pickle, an old checkpoint of torch"),
    (b"\x89HDF\r\n", "an HDF5 file of Keras; save the network as ONNX"),
)
"""First bytes of files that people give by mistake, and what to call them."""
PAGE: Final = (b"<!doctype html", b"<html", b"<head", b"<?xml", b"<script")
"""First bytes, in lower case, of what a browser saves in place of a download."""
HEAD_BYTES: Final = 512
"""How much of a file is looked at."""


def accident(data: bytes, *, is_for_picture: bool = False) -> str | None:
    """Return what a file is that cannot be what was expected; None if nobody knows.

    Args:
        data: The whole file, or at least its first `HEAD_BYTES`.
        is_for_picture: Whether a picture was expected, so that one is a broken one.

    Returns:
        ``a Git LFS pointer; run git lfs pull``, ``a web page; …`` and the like.
    """
    head = data[:HEAD_BYTES]
    if not head:
        return "an empty file"
    if not head.strip(b"\0"):
        return "nothing but zeros, as of a download that was broken off"
    for beginning, kind in BEGINNINGS:
        if head.startswith(beginning):
            is_broken = is_for_picture and kind.endswith(" picture")
            return f"a broken {kind.removeprefix('a ')}" if is_broken else kind
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(PAGE):
        return "a web page; download the file itself, not the page about it"
    if text.startswith((b"{", b"[")) and head.isascii():
        return "a JSON text"
    return None
