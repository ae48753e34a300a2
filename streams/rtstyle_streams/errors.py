"""What can go wrong between the outside world and a frame."""


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
