"""Read a webcam and survive its loss: unplugged, frozen, in use or asleep."""

import logging
import time
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final

from rtstyle_streams.camera.capture import Capture, CaptureRequest, OpenCVCapture, Shot
from rtstyle_streams.camera.devices import find_camera, list_cameras
from rtstyle_streams.camera.keeper import CameraKeeper
from rtstyle_streams.camera.model import Camera, CameraMode
from rtstyle_streams.errors import SourceError
from rtstyle_streams.fitting import fit
from rtstyle_streams.frame import Frame
from rtstyle_streams.live_frame import LiveFrame
from rtstyle_streams.managed import ManagedSource
from rtstyle_streams.protocols import StreamInfo

log = logging.getLogger(__name__)

TIME_BASE: Final = Fraction(1, 90_000)
"""Ticks of a live frame's time, counted from the first frame."""
WATCHDOG_SECONDS: Final = 1.5
"""A camera that delivers nothing for this long counts as lost."""
PLACEHOLDER_SECONDS: Final = 0.2
"""Time between placeholders while the camera is lost."""
OPEN_SECONDS: Final = 10.0
"""How long to wait for the first frame."""
CLOSE_SECONDS: Final = 1.5
"""How long `close` waits for the driver."""


class Webcam(ManagedSource):
    """Yields the camera's frames, and placeholders with a notice while it is lost.

    Frames always have the size of the first one; if the camera comes back with another
    size, its frames are fitted into it. It is found again by id, else by name, under
    any number; a camera of the same name that was there before is not used instead.

    Args:
        wanted: Id, number, name or a part of it; None for the first camera.
        request: Size and rate to request.
        cameras: Returns the cameras that are plugged in.
        open_capture: Opens a camera.
        watchdog_seconds: A camera that delivers nothing for this long counts as lost.

    Raises:
        SourceError: there is no such camera, or it is busy or not allowed.
    """

    def __init__(
        self,
        wanted: str | None = None,
        request: CaptureRequest | None = None,
        *,
        cameras: Callable[[], Sequence[Camera]] = list_cameras,
        open_capture: Callable[[Camera, CaptureRequest], Capture] = OpenCVCapture,
        watchdog_seconds: float = WATCHDOG_SECONDS,
    ) -> None:
        self._request = request or CaptureRequest()
        self._cameras, self._open_capture = cameras, open_capture
        self._watchdog_seconds = watchdog_seconds
        self._mode: CameraMode | None = None
        self._given_up: CameraKeeper | None = None
        listed = cameras()
        self.camera = find_camera(wanted, listed)
        """The camera in use."""
        self._others = _ids_beside(self.camera, listed)
        self._keeper = CameraKeeper(self._open)
        self._last = self._first_shot()
        self.info = self._describe(self._last)
        """Size, and the rate that the driver reports."""
        self._say_mode()

    def _open(self) -> Capture:
        """Open the camera at its present place; called by the keeper's thread."""
        listed = self._cameras()
        camera = _find_again(self.camera, listed, others=self._others)
        capture = self._open_capture(camera, self._request)
        self.camera, self._mode = camera, capture.mode
        self._others = _ids_beside(camera, listed)
        return capture

    def _first_shot(self) -> Shot:
        """Return the first frame, or raise the error that prevents it."""
        answer = self._keeper.shots.take(OPEN_SECONDS)
        if isinstance(answer, Shot):
            return answer
        self.close()
        if answer is None or "stopped" in str(answer):
            raise SourceError(
                f"camera {self.camera}: expected a frame within {OPEN_SECONDS:g} s, "
                "got none; is its shutter closed, or does it hang? plug it in again"
            )
        raise answer

    def _describe(self, shot: Shot) -> StreamInfo:
        rates = self._mode.rates if self._mode else ()
        height, width = shot.pixels.shape[:2]
        return StreamInfo(
            width=width,
            height=height,
            time_base=TIME_BASE,
            frame_rate=rates[0] if rates else None,
            is_live=True,
            matrix="bt601",
        )

    def _say_mode(self) -> None:
        """Log the camera's mode, and the requested one where it differs."""
        assert self._mode is not None
        granted, request = self._mode, self._request
        log.info("camera %s: %s", self.camera, granted)
        asked_size = (request.width or granted.width, request.height or granted.height)
        rate = float(granted.rates[0]) if granted.rates else None
        if asked_size != (granted.width, granted.height):
            sizes = dict.fromkeys(
                f"{mode.width}x{mode.height}" for mode in self.camera.modes
            )
            log.warning(
                "camera %s: asked for %dx%d, got %dx%d; it offers %s",
                self.camera,
                *asked_size,
                granted.width,
                granted.height,
                ", ".join(sizes) or "sizes that it does not list",
            )
        if request.rate and rate and abs(rate - request.rate) > 0.5:
            log.warning(
                "camera %s: asked for %g fps, got %g", self.camera, request.rate, rate
            )

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames until `close`; while the camera is lost, placeholders."""
        start_ns = self._last.captured_ns
        for index, answer in enumerate(self._answers()):
            if isinstance(answer, Shot):
                self._last = self._fitted(answer)
                taken_ns = answer.captured_ns
                pts = ticks(taken_ns - start_ns)
                yield Frame(self._last.pixels, pts, TIME_BASE, index, taken_ns)
            else:
                pts = ticks(time.monotonic_ns() - start_ns)
                pixels = self._last.pixels
                yield LiveFrame(pixels, pts, TIME_BASE, index, notice=answer)

    def _answers(self) -> Iterator[Shot | str]:
        """Yield shots; while there are none, yield the notice for the viewer."""
        heard, reason = time.monotonic(), ""
        while not self._keeper.shots.is_closed:
            answer = self._keeper.shots.take(PLACEHOLDER_SECONDS)
            if isinstance(answer, Shot):
                if reason:
                    log.warning("camera %s is back: %s", self.camera, self._mode)
                heard, reason = time.monotonic(), ""
                yield answer
                continue
            why = str(answer) if answer is not None else reason
            if time.monotonic() - heard > self._watchdog_seconds:
                why = why or "it gives no more frames"
                self._replace_hung_keeper()
            if not why:
                continue
            if why != reason:
                log.warning("camera %s is lost, looking for it: %s", self.camera, why)
            reason = why
            yield f"camera {self.camera.name} is lost; looking for it"

    def _replace_hung_keeper(self) -> None:
        """Start a second keeper if the driver does not respond, but never a third."""
        if self._keeper.hung_seconds() <= self._watchdog_seconds:
            return
        if self._given_up is not None and not self._given_up.join(0):
            return
        self._keeper.give_up()
        self._given_up, self._keeper = self._keeper, CameraKeeper(self._open)

    def _fitted(self, shot: Shot) -> Shot:
        """Return the shot at the size of the first one, letterboxed if necessary."""
        height, width = shot.pixels.shape[:2]
        if (width, height) == (self.info.width, self.info.height):
            return shot
        return replace(shot, pixels=fit(shot.pixels, self.info.width, self.info.height))

    def close(self) -> None:
        """Release the camera."""
        self._keeper.give_up()
        if not self._keeper.join(CLOSE_SECONDS):
            log.warning(
                "camera %s does not respond; its thread is abandoned", self.camera
            )


def ticks(duration_ns: int) -> int:
    """Return nanoseconds as ticks of `TIME_BASE`."""
    return duration_ns * TIME_BASE.denominator // 1_000_000_000


def _ids_beside(camera: Camera, cameras: Sequence[Camera]) -> set[str]:
    return {other.id for other in cameras} - {camera.id}


def _find_again(
    camera: Camera, cameras: Sequence[Camera], *, others: Container[str]
) -> Camera:
    """Return the present entry of `camera`: the same id, else the same name.

    Args:
        camera: As it was when last opened.
        cameras: All cameras now.
        others: Ids of the other cameras at that time; the same name does not match
            them.

    Raises:
        SourceError: it is not plugged in.
    """
    real = [other for other in cameras if not other.is_virtual]
    by_id = [other for other in real if other.id == camera.id]
    by_name = [
        other for other in real if other.name == camera.name and other.id not in others
    ]
    if not (matches := by_id or by_name):
        raise SourceError("it is not plugged in")
    return matches[0]
