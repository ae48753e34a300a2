"""Keep a camera open in a thread: read it, and reopen it after it was lost."""

import threading
import time
from collections.abc import Callable
from typing import Final

from rtstyle_streams.camera.capture import Capture, Shot
from rtstyle_streams.errors import SourceError
from rtstyle_streams.pacing import Latest

FIRST_FRAME_SECONDS: Final = 5.0
"""How long a camera may take to its first frame; some need a second or two."""
BACKOFF_SECONDS: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Pauses between attempts to open it; the last one repeats."""


class CameraKeeper:
    """Puts shots into `shots`, or the error that explains why there are none.

    Only this thread touches the camera. If it hangs in the driver it can be given up:
    it then closes the camera as soon as the call into the driver returns.
    """

    def __init__(self, open_capture: Callable[[], Capture]) -> None:
        self.shots: Latest[Shot | SourceError] = Latest()
        """The newest frame, or the reason that there is none."""
        self._open_capture = open_capture
        self._reading_since: float | None = None
        self._given_up = threading.Event()
        self._thread = threading.Thread(
            target=self._keep, name="rtstyle-camera-keeper", daemon=True
        )
        self._thread.start()

    def hung_seconds(self) -> float:
        """Return how long it has been waiting for the driver; 0.0 if it is not."""
        since = self._reading_since
        return 0.0 if since is None else time.monotonic() - since

    def give_up(self) -> None:
        """Ask the thread to close the camera and end; returns at once."""
        self._given_up.set()
        self.shots.close()

    def join(self, timeout_seconds: float) -> bool:
        """Wait for the thread to end; False if it still hangs."""
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def _keep(self) -> None:
        """Open, read until lost and close, repeatedly until given up."""
        attempt = 0
        while not self._given_up.is_set():
            try:
                if self._read_until_lost():
                    attempt = 0
            except Exception as error:  # includes OpenCV's own classes
                self.shots.put(_as_source_error(error))
            pause = BACKOFF_SECONDS[min(attempt, len(BACKOFF_SECONDS) - 1)]
            self._given_up.wait(pause)
            attempt += 1

    def _read_until_lost(self) -> bool:
        """Open the camera and read until it is lost; return whether any frame came."""
        capture = self._open_capture()
        try:
            return self._read_all(capture) > 0
        finally:
            capture.close()

    def _read_all(self, capture: Capture) -> int:
        """Read until no frame comes; return the number of frames."""
        start, num_frames = time.monotonic(), 0
        while not self._given_up.is_set():
            self._reading_since = time.monotonic()
            try:
                shot = capture.read()
            finally:
                self._reading_since = None
            if shot is not None:
                num_frames += 1
                self.shots.put(shot)
            elif num_frames or time.monotonic() - start > FIRST_FRAME_SECONDS:
                break
            else:
                self._given_up.wait(0.05)
        if not self._given_up.is_set():
            self.shots.put(SourceError("it stopped giving frames"))
        return num_frames


def _as_source_error(error: Exception) -> SourceError:
    """Return `error` if it is ours, else a `SourceError` with its text in one line."""
    if isinstance(error, SourceError):
        return error
    return SourceError(" ".join(f"{type(error).__name__}: {error}".split()))
