"""Moving WebP as a film; FFmpeg does not read it."""

import io
import os
import warnings
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from rtstyle_streams.errors import SourceError
from rtstyle_streams.frame import Frame
from rtstyle_streams.managed import ManagedSource
from rtstyle_streams.pictures.picture_file import MOST_PIXELS, read_file
from rtstyle_streams.protocols import StreamInfo

_MILLISECOND = Fraction(1, 1000)
_BROKEN = (OSError, ValueError, SyntaxError, EOFError)
_DEFAULT_MS = 100
"""How long a picture stands whose file does not say it, as in browsers."""


def num_pictures(path: Path) -> int:
    """Return how many pictures a file holds; 0 when it is none that is read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(read_file(path)))
            return int(getattr(image, "n_frames", 1))
    except Exception:  # whatever a malformed file makes of Pillow's readers
        return 0


class MovingPicture(ManagedSource):
    """Gives out the pictures of one file, each with its own time.

    Args:
        path: A picture file that holds several.

    Raises:
        SourceError: it cannot be read, or is too large.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._notices: list[str] = []
        self._num_broken = 0
        try:
            self._image = Image.open(io.BytesIO(read_file(self.path)))
            width, height = self._image.size
            count = int(getattr(self._image, "n_frames", 1))
        except SourceError:
            raise
        except (Image.DecompressionBombError, *_BROKEN) as error:
            raise SourceError(
                f"{self.path}: expected a picture, got: {error}"
            ) from error
        if width * height > MOST_PIXELS:
            raise SourceError(
                f"{self.path}: expected pictures of at most {MOST_PIXELS // 10**6} "
                f"megapixels, got {width}x{height}"
            )
        self.info = StreamInfo(
            width=width,
            height=height,
            time_base=_MILLISECOND,
            frame_rate=Fraction(1000, self._duration_ms()),
            num_frames=count,
        )
        self._frames = self._read(count)

    @property
    def notices(self) -> list[str]:
        """Return what was left out, a line each."""
        return self._notices

    @property
    def num_decode_errors(self) -> int:
        """Return how many pictures could not be read, so far."""
        return self._num_broken

    def __iter__(self) -> Iterator[Frame]:
        """Give out the pictures that are left."""
        yield from self._frames

    def close(self) -> None:
        """Let go of the file; may be called twice."""
        self._image.close()

    def _read(self, count: int) -> Iterator[Frame]:
        pts = 0
        for index in range(count):
            try:
                self._image.seek(index)
                shown = self._image.convert("RGBA")
            except _BROKEN as error:
                self._num_broken += 1
                self._notices.append(
                    f"{self.path.name}: {count - index} of {count} pictures are "
                    f"missing: {' '.join(str(error).split())}"
                )
                return
            if index == 0 and shown.getchannel("A").getextrema()[0] != 255:
                self._notices.append(f"{self.path.name}: the alpha channel is left out")
            pixels = np.array(shown.convert("RGB"), np.uint8)
            yield Frame(pixels, pts=pts, time_base=_MILLISECOND, index=index)
            pts += self._duration_ms()

    def _duration_ms(self) -> int:
        """Return how long the present picture stands."""
        duration = self._image.info.get("duration")
        return max(1, round(duration)) if duration else _DEFAULT_MS
