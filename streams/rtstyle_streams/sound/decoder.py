"""Decoded sound of any form becomes samples."""

import av
import numpy as np

from rtstyle_streams.sound.feed import SOUND_RATE, Samples


class Resampler:
    """Turns frames of sound of any rate and layout into `Samples`."""

    def __init__(self) -> None:
        self._kind: tuple[str, str, int] | None = None
        self._resampler = _new()

    def __call__(self, frame: av.AudioFrame) -> Samples:
        """Return what can be had of `frame` and those before; shape ``(N, 2)``."""
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind != self._kind:
            self._kind, self._resampler = kind, _new()
        parts = [part.to_ndarray() for part in self._resampler.resample(frame)]
        if not parts:
            return np.zeros((0, 2), np.int16)
        return np.concatenate(parts, axis=1).reshape(-1, 2).astype(np.int16)


def _new() -> av.AudioResampler:
    return av.AudioResampler(format="s16", layout="stereo", rate=SOUND_RATE)
