"""Small pictures for the gallery: a scene in each style, made aside and kept."""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from rtstyle.errors import RtstyleError
from rtstyle.gallery.find import load_style
from rtstyle.paintings.picture import read_painting
from rtstyle.studio.gentle import be_gentle
from rtstyle.studio.shelf import ShelfStyle
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle.user_files import DamagedEntryError, DiskCache, cache_folder
from rtstyle_streams.errors import StreamError
from rtstyle_streams.fitting import fit
from rtstyle_streams.frame import Pixels
from rtstyle_streams.sample.source import SampleSource

log = logging.getLogger(__name__)

WIDTH, HEIGHT = 320, 180
"""Of a thumbnail, in pixels."""
SCENE_FRAME: Final = 40
"""Of the sample scene, which is shown."""
REST_SECONDS: Final = 0.3
"""Between two pictures, so that the camera's keep the cores."""


class Thumbnails:
    """Makes what is missing on a thread of its own, in the order of the gallery."""

    def __init__(self) -> None:
        self.version = 0
        """Changes whenever a picture is new."""
        self.of_camera = False
        """Whether they show the camera's picture instead of the scene."""
        self._scene: Pixels | None = None
        self._pictures: dict[str, bytes] = {}
        self._wanted: list[ShelfStyle] = []
        self._wake, self._closing = threading.Event(), threading.Event()
        self._cache = DiskCache(
            cache_folder() / "thumbnails",
            mark=b"rtstyle.thumbnail.1\n",
            suffix=".webp",
            limit_bytes=32 << 20,
        )
        self._thread = threading.Thread(
            target=self._work, name="rtstyle-thumbnails", daemon=True
        )
        self._thread.start()

    def get(self, style_id: str) -> bytes | None:
        """Return a style's picture as WebP, None while there is none."""
        return self._pictures.get(style_id)

    @property
    def ids(self) -> list[str]:
        """Return the styles that have a picture."""
        return [key for key, picture in self._pictures.items() if picture]

    def want(self, styles: Sequence[ShelfStyle]) -> None:
        """Make the pictures of these styles that are missing."""
        self._wanted = list(styles)
        self._wake.set()

    def show(self, scene: Pixels | None) -> None:
        """Show another picture in each style.

        Args:
            scene: RGB, shape ``(H, W, 3)``, uint8; None is the built-in scene.
        """
        self._scene = None if scene is None else fit(scene, WIDTH, HEIGHT)
        self.of_camera = scene is not None
        self._pictures = {}
        self._wake.set()

    def close(self) -> None:
        """Make no more."""
        self._closing.set()
        self._wake.set()
        self._thread.join(5)

    def _work(self) -> None:
        be_gentle()
        while not self._closing.is_set():
            missing = [s for s in self._wanted if s.id not in self._pictures]
            if not missing:
                self._wake.wait()
                self._wake.clear()
                continue
            style, scene = missing[0], self._scene
            picture, is_fresh = self._made(style, scene)
            if scene is self._scene:
                self._pictures[style.id] = picture
                self.version += 1
            if is_fresh:
                self._closing.wait(REST_SECONDS)

    def _made(self, style: ShelfStyle, scene: Pixels | None) -> tuple[bytes, bool]:
        """Return a picture, and whether it was not in the cache."""
        key = f"{style.sha256} {WIDTH}x{HEIGHT}"
        if scene is None and (kept := self._kept(key)) is not None:
            return kept, False
        began = time.monotonic()
        try:
            picture = webp(
                thumbnail(style, sample_picture() if scene is None else scene)
            )
        except (RtstyleError, StreamError, OSError) as error:
            log.debug("thumbnail of %s: %s", style.title, error)
            return b"", True
        log.debug("thumbnail of %s: %.2f s", style.title, time.monotonic() - began)
        if scene is None:
            try:
                self._cache.write(key, picture)
            except OSError as error:
                log.debug("thumbnails are not kept: %s", error)
        return picture, True

    def _kept(self, key: str) -> bytes | None:
        try:
            return self._cache.read(key)
        except DamagedEntryError:
            return None


def thumbnail(style: ShelfStyle, scene: Pixels) -> Pixels:
    """Return `scene` in a style; of a dropped painting with itself in the corner.

    Args:
        style: Which.
        scene: RGB, shape ``(H, W, 3)``, uint8.
    """
    loaded = load_style(style.name)
    with Stylizer(loaded, device="cpu", runtime="onnxruntime", workers=2) as stylizer:
        stylized = stylizer(scene).copy()
    if style.is_painting:
        from pathlib import Path

        painting = read_painting(Path(style.name)).pixels
        lines = scene.shape[0] * 2 // 5
        columns = max(8, round(painting.shape[1] * lines / painting.shape[0]))
        columns = min(columns, scene.shape[1] // 2)
        small = cv2.resize(painting, (columns, lines), interpolation=cv2.INTER_AREA)
        stylized[-lines - 3 :, -columns - 3 :] = 255
        stylized[-lines:, -columns:] = small
    return stylized


def sample_picture(*, width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    """Return a frame of the sample scene, RGB, shape ``(height, width, 3)``."""
    with SampleSource(width=width, height=height, num_frames=SCENE_FRAME) as source:
        frame = next(frame for frame in source if frame.index == SCENE_FRAME - 1)
    return frame.pixels


def webp(pixels: Pixels) -> bytes:
    """Return RGB pixels as a WebP file; empty when OpenCV cannot make one."""
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    okay, data = cv2.imencode(".webp", bgr, [cv2.IMWRITE_WEBP_QUALITY, 82])
    return np.asarray(data).tobytes() if okay else b""
