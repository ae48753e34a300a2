"""Malformed pictures: what `rtstyle image` reads and writes, without a network."""

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import cv2
import numpy as np

from rtstyle_streams.errors import StreamError
from rtstyle_streams.pictures.images import ImageSink, ImageSource
from tests.fuzz.films import decode_plainly
from tests.fuzz.mutators import (
    Element,
    iso_boxes,
    jpeg_segments,
    mutated,
    png_chunks,
    riff_chunks,
    tiff_entries,
)
from tests.fuzz.runner import Outcome, Run, Seed

_SEEDS = ("a.png", "a.jpg", "a.webp", "a.bmp", "a.tif", "a.gif", "a.jp2", "a.avif")
_HARMLESS = ("0 bytes left", "trying to decode anyway")
"""How FFmpeg says that a PNG lacks its last chunk, which holds nothing, and that a BMP
gives another size of its file than it has."""
_ELEMENTS: dict[str, Callable[[bytes], Sequence[Element]]] = {
    ".png": png_chunks,
    ".jpg": jpeg_segments,
    ".webp": riff_chunks,
    ".tif": tiff_entries,
    ".avif": iso_boxes,
}


class Pictures:
    """Reads a picture and writes it again."""

    def seeds(self) -> list[Seed]:
        """Encode a small picture in each format."""
        return [Seed(name, _encoded(Path(name).suffix)) for name in _SEEDS]

    def mutated(self, seed: Seed, other: Seed, random: Random) -> bytes:
        """Change bytes and elements."""
        elements = _ELEMENTS.get(Path(seed.name).suffix)
        return mutated(seed.data, random, other=other.data, elements=elements)

    def run(self, path: Path, folder: Path) -> Run:
        """Carry the picture to a PNG."""
        try:
            with ImageSource(path) as source, ImageSink(folder / "out.png") as sink:
                for frame in source:
                    sink.write(frame)
        except StreamError as error:
            return Run(Outcome.CLEAN_ERROR, str(error))
        facts = {"errors": source.num_decode_errors}
        outcome = Outcome.PARTIAL if source.num_decode_errors else Outcome.SUCCESS
        return Run(outcome, "; ".join(source.notices), facts)

    def loss(self, path: Path, run: Run) -> str:
        """Let FFmpeg decode it; formats that it does not read are not judged."""
        if path.suffix not in (".png", ".jpg", ".bmp", ".gif"):
            return ""
        num_frames, errors = decode_plainly(path, most_frames=1)
        errors = [line for line in errors if not line.endswith(_HARMLESS)]
        if errors and num_frames:
            return f"FFmpeg says {errors[0]!r} ({len(errors)} lines)"
        return ""


def _encoded(suffix: str) -> bytes:
    """Return a picture of 64 by 48 pixels with noise on its left side."""
    picture = np.full((48, 64, 3), (200, 40, 30), np.uint8)
    noise = np.random.default_rng(1).integers(0, 255, (48, 32, 3), np.uint8)
    picture[:, :32] = noise
    done, data = cv2.imencode(suffix, picture)
    assert done, suffix
    return data.tobytes()
