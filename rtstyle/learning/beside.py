"""Learn a painting while the camera shows it: better weights come in as they are made.

The network for any painting is shown at once. Pictures of the camera are put aside for
half a minute, then a process of low priority learns on them and writes its style anew
every half minute; each is loaded aside and takes over between two frames.
"""

import logging
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import cv2

from rtstyle.learning.process import check_can_learn, learn_words
from rtstyle.untrusted.names import style_name
from rtstyle_streams.frame import Frame, Pixels
from rtstyle_streams.managed import ManagedSource
from rtstyle_streams.protocols import Source

log = logging.getLogger(__name__)

NUM_PICTURES: Final = 32
"""Pictures of the camera to learn on."""
EVERY_SECONDS: Final = 1.0
"""Between two of them."""
LONGEST_SIDE: Final = 960
"""Of a picture to learn on, in pixels."""
SAVE_SECONDS: Final = 30.0
"""Between two styles."""
POLL_SECONDS: Final = 0.5
"""How often it is looked for a new one."""


class LearnBeside:
    """Collects pictures, learns in a process of its own, and tells of new styles."""

    def __init__(
        self,
        painting: Path,
        *,
        minutes: float,
        more: Sequence[str] = (),
    ) -> None:
        """Prepare; nothing runs before there are pictures.

        Args:
            painting: A picture file.
            minutes: How long to learn.
            more: Further options of `rtstyle learn`.

        Raises:
            UsageError: no training is installed.
        """
        check_can_learn()
        self.folder = Path(tempfile.mkdtemp(prefix="rtstyle-learn-"))
        (self.folder / "pictures").mkdir()
        self._painting, self._minutes, self._more = painting, minutes, more
        self._on_better: Callable[[Path], None] | None = None
        self._say: Callable[[str], None] = log.info
        name = style_name(painting.stem, default="painting")
        self.target = self.folder / f"{name}.onnx"
        """The newest style; it may not exist yet."""
        self._num_pictures, self._next_seconds = 0, 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closed = threading.Event()
        self._thread = threading.Thread(
            target=self._watch, name="rtstyle-learn", daemon=True
        )

    def begin(
        self, *, on_better: Callable[[Path], None], say: Callable[[str], None]
    ) -> None:
        """Say who wants to know.

        Args:
            on_better: Called, from a thread of its own, with each new style file,
                which stays until `forget`.
            say: Told one line when something happens.
        """
        self._on_better, self._say = on_better, say

    def see(self, pixels: Pixels, seconds: float) -> None:
        """Take a picture of the camera, if one is due.

        Args:
            pixels: RGB, shape ``(H, W, 3)``, uint8.
            seconds: Of the camera's own time.
        """
        if self._num_pictures == NUM_PICTURES or seconds < self._next_seconds:
            return
        self._next_seconds = seconds + EVERY_SECONDS
        scale = LONGEST_SIDE / max(pixels.shape[:2])
        if scale < 1:
            pixels = cv2.resize(pixels, None, fx=scale, fy=scale)  # type: ignore[assignment]
        data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1]
        name = f"{self._num_pictures:03}.jpg"
        (self.folder / "pictures" / name).write_bytes(data.tobytes())
        self._num_pictures += 1
        if self._num_pictures == NUM_PICTURES:
            self._thread.start()

    def _watch(self) -> None:
        """Run the learning, and look for what it writes."""
        more = ["--low-priority", "--save-every", f"{SAVE_SECONDS:g}", *self._more]
        words = learn_words(
            self._painting,
            self.target,
            on=str(self.folder / "pictures"),
            minutes=self._minutes,
            more=more,
        )
        if self._is_closed.is_set():
            return
        errors = self.folder / "errors.txt"
        with errors.open("wb") as stderr:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,  # Ctrl-C is for the camera
            )
        self._say(f"learning {self._painting.name} for {self._minutes:g} minutes")
        seen = 0
        while not self._is_closed.wait(POLL_SECONDS):
            status = self._process.poll()
            stamp = self.target.stat().st_mtime_ns if self.target.exists() else 0
            if stamp > seen:
                seen = stamp
                if self._on_better is not None:
                    self._on_better(self._put_aside())
            if status is not None:
                line = _last_line(errors)
                self._say("learned" if status == 0 else f"learning ended: {line}")
                return

    def _put_aside(self) -> Path:
        """Return a copy of the newest style that the next one does not replace."""
        number = 1 + len(list(self.folder.glob("better-*")))
        path = self.folder / f"better-{number}" / self.target.name
        path.parent.mkdir()
        shutil.copyfile(self.target, path)
        return path

    def close(self) -> Path | None:
        """End the learning; return the newest style, None where there is none yet."""
        self._is_closed.set()
        if self._thread.ident is not None:
            self._thread.join()  # it may be about to start the process
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()  # it writes what it has
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        return self.target if self.target.exists() else None

    def forget(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.folder, ignore_errors=True)


class SeenSource(ManagedSource):
    """A camera whose frames are shown to somebody as they pass."""

    def __init__(self, source: Source, see: Callable[[Pixels, float], None]) -> None:
        self._source, self._see = source, see
        self.info = source.info

    @property
    def notices(self) -> Sequence[str]:
        """Return those of the source below."""
        return self._source.notices

    @property
    def num_decode_errors(self) -> int:
        """Return that of the source below."""
        return self._source.num_decode_errors

    def __iter__(self) -> Iterator[Frame]:
        """Give out the frames."""
        for frame in self._source:
            self._see(frame.pixels, frame.pts_seconds)
            yield frame


def _last_line(path: Path) -> str:
    """Return the last line of a file in which bars were drawn over themselves."""
    lines = path.read_text("utf-8", "replace").replace("\r", "\n").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "no word")[:300]
