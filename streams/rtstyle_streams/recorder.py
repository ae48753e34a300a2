"""Recordings and snapshots during a live run, made on a thread of their own."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import cv2

from rtstyle_streams.errors import SinkError, StreamError
from rtstyle_streams.frame import Frame
from rtstyle_streams.live_frame import LiveFrame
from rtstyle_streams.managed import ManagedSink
from rtstyle_streams.protocols import Sink

log = logging.getLogger(__name__)


class Recorder(ManagedSink):
    """Takes every frame, and writes those between two presses of a key to a file.

    What goes wrong with a file is said and ends that recording, not the live run.

    Args:
        folder: where the files go.
        open_recording: opens a video file for the frames to come.
        say: told one line about each file.
    """

    def __init__(
        self,
        folder: Path,
        open_recording: Callable[[Path], Sink],
        *,
        say: Callable[[str], None] = log.info,
    ) -> None:
        self.say = say
        """Told one line about each file."""
        self.files: list[Path] = []
        """Complete recordings and snapshots, in the order in which they were made."""
        self._folder, self._open_recording = folder, open_recording
        self._wants_recording = False
        self._wants_snapshot = threading.Event()
        self._path = Path()
        self._recording: Sink | None = None

    @property
    def is_recording(self) -> bool:
        """Return whether frames are, or will now be, recorded."""
        return self._wants_recording

    def toggle_recording(self) -> None:
        """Begin a recording with the next frame, or end the present one."""
        self._wants_recording = not self._wants_recording

    def snapshot(self) -> None:
        """Write the next frame to a PNG file."""
        self._wants_snapshot.set()

    def write(self, frame: Frame) -> None:
        """Do with `frame` what was asked for."""
        if self._wants_snapshot.is_set():
            self._wants_snapshot.clear()
            self._try_snapshot(frame)
        try:
            if self._wants_recording and self._recording is None:
                self._path = self._free_path(".mkv")
                self._recording = self._open_recording(self._path)
                self.say(f"recording to {self._path}, without sound")
            elif not self._wants_recording:
                self._end_recording()
            if self._recording is not None:
                self._recording.write(frame)
        except StreamError as error:
            self._wants_recording = False
            self.say(str(error))
            self._drop_recording()

    def _try_snapshot(self, frame: Frame) -> None:
        """Write a snapshot, or say why there is none; a recording goes on."""
        try:
            self._write_snapshot(frame)
        except StreamError as error:
            self.say(str(error))

    def _write_snapshot(self, frame: Frame) -> None:
        if isinstance(frame, LiveFrame) and frame.notice:
            raise SinkError("snapshot: expected a camera, got one that is lost")
        path = self._free_path(".png")
        okay, data = cv2.imencode(".png", cv2.cvtColor(frame.pixels, cv2.COLOR_RGB2BGR))
        try:
            path.write_bytes(data.tobytes() if okay else b"")
        except OSError as error:
            raise SinkError(
                f"{path}: could not be written: {error.strerror}"
            ) from error
        self.files.append(path)
        self.say(f"snapshot {path}")

    def _free_path(self, suffix: str) -> Path:
        """Return a new name made of the time of day."""
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
        """Leave a recording as it is, and say where that is."""
        if self._recording is not None:
            recording, self._recording = self._recording, None
            recording.close()
            for line in getattr(recording, "notices", ()):
                self.say(line)

    def finish(self) -> None:
        """Complete a recording that is under way."""
        try:
            self._end_recording()
        except StreamError:
            self._drop_recording()
            raise

    def close(self) -> None:
        """Leave a recording as it is; may be called twice."""
        self._drop_recording()
