"""Run one session until a better one is ready, so that live frames do not wait."""

import logging
import threading
from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from rtstyle.errors import RtstyleError
from rtstyle.runtime.protocol import Arrays, Session

log = logging.getLogger(__name__)


class SwitchingSession:
    """Runs frames on one session while another is being made, then on the other.

    The first session is closed only when no frame is running in it.
    """

    def __init__(self, first: Session, make: Callable[[], Session]) -> None:
        """Start making the other session in a new thread.

        Args:
            first: Runs until the other is ready.
            make: Makes the other session, in minutes; if it fails, `first` goes on.
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
        """Return the library of the current session."""
        return self._session.runtime

    @property
    def device(self) -> str:
        """Return the device of the current session."""
        return self._session.device

    def run(self, inputs: Arrays) -> dict[str, npt.NDArray[Any]]:
        """Run the graph once; see `Session.run`."""
        with self._lock:
            return self._session.run(inputs)

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait for the other session; return whether it is ready or has failed."""
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def close(self) -> None:
        """Close the current session; may be called twice; a build continues."""
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
