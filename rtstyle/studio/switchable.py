"""A sink that is opened and closed while frames flow."""

from collections.abc import Callable

from rtstyle_streams.errors import StreamError
from rtstyle_streams.frame import Frame
from rtstyle_streams.managed import ManagedSink
from rtstyle_streams.protocols import Sink


class Switchable(ManagedSink):
    """Frames go to another sink while it is on; its failure ends nothing else.

    Args:
        open_sink: Opens the other sink; called from the thread that writes.
        say: Told one line when it fails, and when it is on.
    """

    def __init__(
        self, open_sink: Callable[[], Sink], *, say: Callable[[str], None]
    ) -> None:
        self.is_on = False
        """Whether frames go there; may be set from any thread."""
        self.problem = ""
        """Why it went off by itself."""
        self._open_sink, self._say = open_sink, say
        self._sink: Sink | None = None

    def write(self, frame: Frame) -> None:
        """Hand a frame on, if it is on."""
        try:
            if self.is_on and self._sink is None:
                self.problem = ""
                self._sink = self._open_sink()
            elif not self.is_on:
                self._finish()
            if self._sink is not None:
                self._sink.write(frame)
        except StreamError as error:
            self.is_on, self.problem = False, str(error)
            self._say(str(error))
            self.close()

    def _finish(self) -> None:
        if self._sink is not None:
            sink, self._sink = self._sink, None
            sink.finish()

    def finish(self) -> None:
        """Complete what is open."""
        try:
            self._finish()
        except StreamError as error:
            self._say(str(error))

    def close(self) -> None:
        """Let go of what is open; may be called twice."""
        if self._sink is not None:
            sink, self._sink = self._sink, None
            sink.close()
