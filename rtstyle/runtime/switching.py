"""One session now, a better one when it is ready: live frames do not wait."""

import logging
import threading
from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from rtstyle.errors import RtstyleError
from rtstyle.runtime.protocol import Arrays, Session

log = logging.getLogger(__name__)


class SwitchingSession:
    """Runs frames on one session while another is being made, then on that one.

    The first session is closed only when no frame is on its way through it.
    """

    def __init__(self, first: Session, make: Callable[[], Session]) -> None:
        """Begin to make the other session in a thread of its own.

        Args:
            first: Runs until then.
            make: Takes minutes; when it fails, `first` goes on.
        """
        self._session = first
        self._lock = threading.Lock()
        self._is_closed = False
        self._thread = threading.Thread(
            target=self._switch, args=(make,), name="engine", daemon=True
        )
        self._thread.start()

    @property
    def runtime(self) -> str:
        """Return the library that runs now."""
        return self._session.runtime

    @property
    def device(self) -> str:
        """Return where it runs now."""
        return self._session.device

    def run(self, inputs: Arrays) -> dict[str, npt.NDArray[Any]]:
        """Run the graph once; see `Session.run`."""
        with self._lock:
            return self._session.run(inputs)

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait for the other session; return whether the making of it has ended."""
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def close(self) -> None:
        """Let go of what runs; may be called twice; a build goes on until its end."""
        with self._lock:
            self._is_closed = True
            self._session.close()

    def _switch(self, make: Callable[[], Session]) -> None:
        try:
            better = make()
        except RtstyleError as error:
            log.warning("%s; going on with %s", error, self.runtime)
            return
        with self._lock:
            if self._is_closed:
                better.close()
                return
            old, self._session = self._session, better
            old.close()
        log.info("switched to %s on %s", better.runtime, better.device)
