"""A microphone of this computer, through FFmpeg's own devices."""

import logging
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

import av

from rtstyle_streams.errors import SourceError
from rtstyle_streams.sound.decoder import Resampler
from rtstyle_streams.sound.feed import SOUND_RATE, Sound, SoundFeed

log = logging.getLogger(__name__)

DEFAULT: Final = "default"
"""The system's own choice."""
DEVICES: Final = {"linux": "alsa", "darwin": "avfoundation", "win32": "dshow"}
"""FFmpeg's input device by `sys.platform`."""
ALSA_SETTINGS: Final = Path("/usr/share/alsa")
"""The system's; the ALSA in PyAV's wheel looks for its own, which nobody has."""
SOUND_CARDS: Final = Path("/proc/asound/pcm")
"""What the sound cards of Linux can do, a line each."""
NAMES: Final = {"alsa": "; 'arecord -L' lists names, hw:1 is one"}
"""What to do about a name that does not work, by device."""
OPEN_SECONDS: Final = 5.0
"""How long the first sound may take."""


class Microphone:
    """Puts what a microphone hears into `sound` until it is closed.

    Args:
        name: What the system calls it; `DEFAULT` is its own choice.
        device: FFmpeg's input device; None for the system's.

    Raises:
        SourceError: it cannot be opened, or nothing comes of it.
    """

    def __init__(self, name: str = DEFAULT, *, device: str | None = None) -> None:
        self.sound = SoundFeed()
        """What is heard."""
        self.sound.is_expected = True
        self._name = name
        self._closing, self._heard = threading.Event(), threading.Event()
        kind = device or DEVICES.get(sys.platform, "")
        if kind not in av.formats_available:
            raise SourceError(
                f"microphone {name}: expected sound devices in PyAV's FFmpeg, got none "
                f"for {sys.platform}; record the sound with another program"
            )
        if kind == "alsa" and not _records(SOUND_CARDS):
            raise SourceError(
                f"microphone {name}: expected a sound card that records, got none"
            )
        if ALSA_SETTINGS.exists():
            os.environ.setdefault("ALSA_CONFIG_DIR", str(ALSA_SETTINGS))
        try:
            self._container: Any = av.open(_address(name, kind), format=kind)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise SourceError(
                f"microphone {name}: expected one that can be heard, got "
                f"{getattr(error, 'strerror', None) or error}{NAMES.get(kind, '')}"
            ) from error
        self._thread = threading.Thread(
            target=self._listen, name="rtstyle-microphone", daemon=True
        )
        self._thread.start()
        if not self._heard.wait(OPEN_SECONDS):
            self.close()
            raise SourceError(f"microphone {name}: expected sound, got none")

    def _listen(self) -> None:
        resample = Resampler()
        try:
            for frame in self._container.decode(audio=0):
                if self._closing.is_set():
                    return
                samples = resample(frame)
                taken_ns = time.monotonic_ns()
                lasted_ns = len(samples) * 1_000_000_000 // SOUND_RATE
                self.sound.put(Sound(samples, taken_ns - lasted_ns))
                self._heard.set()
        except (av.error.FFmpegError, OSError, ValueError) as error:
            if not self._closing.is_set():
                log.warning("microphone %s: lost (%s)", self._name, error)

    def close(self) -> None:
        """Hear no more; may be called twice."""
        self._closing.set()
        self._thread.join(2)
        if not self._thread.is_alive():
            self._container.close()


def _records(cards: Path) -> bool:
    """Return whether one of the sound cards records; asking ALSA writes to stderr."""
    try:
        return "capture" in cards.read_text("utf-8", "replace")
    except OSError:
        return False


def _address(name: str, device: str) -> str:
    """Return what FFmpeg calls a microphone."""
    if device == "avfoundation":
        return f":{name}"
    if device == "dshow":
        return f"audio={name}"
    return name
