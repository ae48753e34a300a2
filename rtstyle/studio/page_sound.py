"""The microphone of the page: its samples on their way into recordings."""

import time
from typing import Final

import numpy as np

from rtstyle.errors import UsageError
from rtstyle.studio.broadcast import HEAD, VERSION
from rtstyle.studio.page_camera import taken_ns
from rtstyle_streams.sound.feed import SOUND_RATE, Sound, SoundFeed

KIND_SOUND: Final = 3
"""Of a message with samples: the head's height is their rate, its width is 1."""
MOST_SAMPLES: Final = SOUND_RATE // 2
"""In one message."""


class PageSound(SoundFeed):
    """Hands on what a page hears while that is expected: one channel of int16."""

    def feed(self, message: bytes) -> None:
        """Take one message: a head as of the pictures, then samples.

        Raises:
            UsageError: it is no such message.
        """
        data = message[HEAD.size :]
        if len(message) <= HEAD.size or len(data) % 2:
            raise UsageError("sound: expected a head and samples, got other bytes")
        kind, version, channels, rate, _, _, at_ms = HEAD.unpack(message[: HEAD.size])
        if (kind, version, channels, rate) != (KIND_SOUND, VERSION, 1, SOUND_RATE):
            raise UsageError(f"sound: expected one channel at {SOUND_RATE} Hz")
        if len(data) // 2 > MOST_SAMPLES:
            raise UsageError(f"sound: expected at most {MOST_SAMPLES} samples at once")
        if not self.is_expected:
            return
        mono = np.frombuffer(data, "<i2").astype(np.int16)
        stereo = np.repeat(mono[:, None], 2, axis=1)
        self.put(Sound(stereo, taken_ns(at_ms, time.monotonic_ns())))
