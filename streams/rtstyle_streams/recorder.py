"""Make recordings and snapshots during a live run, in a separate thread."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from rtstyle_streams.errors import SinkError, StreamError
from rtstyle_streams.frame import Frame
from rtstyle_streams.live_frame import LiveFrame
from rtstyle_streams.managed import ManagedSink
from rtstyle_streams.pictures.picture_file import encode_picture
from rtstyle_streams.protocols import Sink

log = logging.getLogger(__name__)


class Recorder(ManagedSink):
    """Receives every frame and writes those between two key presses to a file.

    An error with a file is reported and ends that recording, not the live run.

    Args:
        folder: Where the files go.
        open_recording: Opens a video file for the frames to come.
        say: Called with one line about each file.
        has_sound: Returns whether a recording that is opened now has sound.
    """

    def __init__(
        self,
        folder: Path,
        open_recording: Callable[[Path], Sink],
        *,
        say: Callable[[str], None] = log.info,
        has_sound: Callable[[], bool] = lambda: False,
    ) -> None:
        self.say = say
        """Called with one line about each file."""
        self.files: list[Path] = []
        """Complete recordings and snapshots, in the order in which they were made."""
        self._folder, self._open_recording = folder, open_recording
        self._has_sound = has_sound
        self._wants_recording = False
        self._wants_snapshot = threading.Event()
        self._path = Path()
        self._recording: Sink | None = None

    @property
    def is_recording(self) -> bool:
        """Return whether frames are recorded, or will be from the next one."""
        return self._wants_recording

    def toggle_recording(self) -> None:
        """Start a recording with the next frame, or end the present one."""
        self._wants_recording = not self._wants_recording

    def snapshot(self) -> None:
        """Write the next frame to a PNG file."""
        self._wants_snapshot.set()

    def write(self, frame: Frame) -> None:
        """Record `frame` or write a snapshot of it, as requested."""
        if self._wants_snapshot.is_set():
            self._wants_snapshot.clear()
            self._try_snapshot(frame)
        try:
            if self._wants_recording and self._recording is None:
                self._path = self._free_path(".mkv")
                self._recording = self._open_recording(self._path)
                word = "with" if self._has_sound() else "without"
                self.say(f"recording to {self._path}, {word} sound")
            elif not self._wants_recording:
                self._end_recording()
            if self._recording is not None:
                self._recording.write(frame)
        except StreamError as error:
            self._wants_recording = False
            self.say(str(error))
            self._drop_recording()

    def _try_snapshot(self, frame: Frame) -> None:
        """Write a snapshot, or report why not; a recording continues."""
        try:
            self._write_snapshot(frame)
        except StreamError as error:
            self.say(str(error))

    def _write_snapshot(self, frame: Frame) -> None:
        if isinstance(frame, LiveFrame) and frame.notice:
            raise SinkError("snapshot: expected a camera, got one that is lost")
        path = self._free_path(".png")
        data = encode_picture(frame.pixels, suffix=".png")
        try:
            path.write_bytes(data)
        except OSError as error:
            raise SinkError(
                f"{path}: could not be written: {error.strerror}"
            ) from error
        self.files.append(path)
        self.say(f"snapshot {path}")

    def _free_path(self, suffix: str) -> Path:
        """Return an unused path named after the time of day."""
        now = datetime.now().astimezone()
        stem = f"rtstyle-{now:%Y%m%d-%H%M%S}"
        path, count = self._folder / f"{stem}{suffix}", 2
        while path.exists():
            path, count = self._folder / f"{stem}-{count}{suffix}", count + 1
        return path

    def _end_recording(self) -> None:
        if self._recording is not None:
            self._recording.finish()
            self._recording = None
            self.files.append(self._path)
            self.say(f"recorded {self._path}")

    def _drop_recording(self) -> None:
        """Stop a recording without completing it, and report where it is."""
        if self._recording is not None:
            recording, self._recording = self._recording, None
            recording.close()
            for line in recording.notices:
                self.say(line)

    def finish(self) -> None:
        """Complete the present recording."""
        try:
            self._end_recording()
        except StreamError:
            self._drop_recording()
            raise

    def close(self) -> None:
        """Stop a recording without completing it; may be called twice."""
        self._drop_recording()
