"""The live run behind the page: camera, styles and sinks; begins anew when asked."""

import logging
import threading
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np

from rtstyle.choices import Mirror
from rtstyle.errors import RtstyleError
from rtstyle.gallery.spec import StyleSpec
from rtstyle.live.keys import RECORDER, KeyControls
from rtstyle.live.loop import Live
from rtstyle.live.messages import Messages
from rtstyle.live.meters import LiveMeters
from rtstyle.live.style_loader import LiveStyles
from rtstyle.live.style_switcher import StyleSwitcher
from rtstyle.live.webcam import open_sound
from rtstyle.looks.control_table import CONTROLS, Value
from rtstyle.masks import Mask, mask_of
from rtstyle.studio.broadcast import Broadcast
from rtstyle.studio.cameras import CameraChoice, open_chosen
from rtstyle.studio.page_camera import PageCamera
from rtstyle.studio.page_sound import PageSound
from rtstyle.studio.settings import StudioSettings
from rtstyle.studio.switchable import Switchable
from rtstyle.stylizer.controls import Controls, controls_of
from rtstyle_streams.camera.virtual_camera import VirtualCamera
from rtstyle_streams.errors import StreamError
from rtstyle_streams.opening import open_sink
from rtstyle_streams.protocols import Sink, Source, StreamInfo
from rtstyle_streams.recorder import Recorder
from rtstyle_streams.sound.feed import SoundFeed

log = logging.getLogger(__name__)

OF_STYLIZER = {
    "strength": "strength",
    "style_strength": "style_strength",
    "style_scale": "scale",
    "smooth": "smooth",
    "height": "height",
    "keep_colors": "keep_colors",
    "mask": "mask",
}
"""Controls of the table that the stylizer has, and what it calls them."""
PAUSE_SECONDS = 0.5
"""Between a run that broke and the next that was asked for."""


class LiveSession:
    """Runs on a thread of its own until `close`; what is asked takes effect at once.

    Args:
        settings: What is fixed.
        spec: The first style.
        camera: The first camera.
    """

    def __init__(
        self, settings: StudioSettings, spec: StyleSpec, camera: CameraChoice
    ) -> None:
        self.settings, self.spec, self.camera = settings, spec, camera
        self.request = settings.request
        """Size and rate to ask the next camera for."""
        self.broadcast, self.messages = Broadcast(), Messages()
        self.controls: Controls = controls_of(settings.look, smooth=settings.smooth)
        """Shared with all stylizers."""
        self.values: dict[str, Value] = {n: c.default for n, c in CONTROLS.items()}
        """Where every control of the table stands."""
        for name, field in OF_STYLIZER.items():
            self.values[name] = getattr(self.controls, field)
        self.meters = LiveMeters()
        self.error = ""
        """Why there is no picture; empty while there is one."""
        self.has_mask = settings.look.mask is not None
        self.keys: KeyControls | None = None
        self.recorder: Recorder | None = None
        self.virtual_camera: Switchable | None = None
        self.page_camera: PageCamera | None = None
        self.page_sound = PageSound()
        """The page's microphone; expected while it is to be recorded."""
        self.files: list[Path] = []
        """Recordings and snapshots of earlier runs."""
        self.num_runs = 0
        self._again, self._stop_run = threading.Event(), threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="rtstyle-session")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End the run; recordings are completed."""
        self._closing.set()
        self._stop_run.set()
        self._again.set()
        if self._thread.ident is not None:
            self._thread.join(20)

    def set_control(self, name: str, value: Value) -> None:
        """Turn a control; the value was checked by the table."""
        self.values[name] = value
        if name in OF_STYLIZER:
            setattr(self.controls, OF_STYLIZER[name], value)
        elif name == "split":
            self.broadcast.split = float(cast(float, value))
        self._hand_to_keys()

    def show(self, spec: StyleSpec) -> None:
        """Show another style or mixture; paintings change without a new session."""
        self.spec = spec
        if self.keys is not None:
            switcher = self.keys.switcher
            is_mixture = len(spec.parts) > 1 and len(switcher.spec.parts) > 1
            switcher.show(spec, is_drift=is_mixture)

    def use_camera(self, camera: CameraChoice) -> None:
        """Take another camera; begins a new run."""
        self.camera = camera
        self.begin_again()

    def begin_again(self) -> None:
        """End the present run, if there is one, and begin another."""
        self._again.set()
        self._stop_run.set()

    @property
    def all_files(self) -> list[Path]:
        """Return recordings and snapshots, oldest first."""
        return self.files + (self.recorder.files if self.recorder else [])

    def _hand_to_keys(self) -> None:
        if self.keys is not None:
            self.keys.mirror = cast(Mirror, self.values["mirror"])
            self.keys.is_paused = bool(self.values["paused"])
        self.broadcast.is_mirrored = self.values["mirror"] == "preview"

    def _work(self) -> None:
        while not self._closing.is_set():
            self._again.clear()
            self._stop_run.clear()
            if self._closing.is_set():
                break
            try:
                self.error = ""
                self._run_once()
            except (RtstyleError, StreamError) as error:
                self._broke(" ".join(str(error).split()))
            except Exception as error:  # a fault of ours ends the picture, not the page
                log.exception("the live run broke")
                self._broke(f"{type(error).__name__}: {error}")
            if not self._again.is_set() and not self._closing.is_set():
                self.error = self.error or f"{self.camera.title}: it has ended"
            self._again.wait()

    def _broke(self, text: str) -> None:
        log.warning("%s", text)
        self.error = text
        self._closing.wait(PAUSE_SECONDS)

    def _run_once(self) -> None:
        with ExitStack() as stack:
            began = time.monotonic()
            source = stack.enter_context(open_chosen(self.camera, self.request))
            self.page_camera = source if isinstance(source, PageCamera) else None
            mask = stack.enter_context(mask_of(self.settings.look))
            keys = self._open_keys(source, mask, stack)
            sound = open_sound(self.settings.microphone, source, stack)
            sinks = self._sinks(source.info, sound)
            stack.callback(self._forget_run)
            stages = {"stylize": keys.stylize, "smooth": keys.smooth}
            self.meters = LiveMeters()
            live = Live(source, stages, sinks, meters=self.meters)
            self.num_runs += 1
            log.debug("live after %.2f s", time.monotonic() - began)
            live.run(stop=self._stop_run)

    def _open_keys(
        self, source: Source, mask: Mask | None, stack: ExitStack
    ) -> KeyControls:
        styles = LiveStyles(
            look=self.settings.look,
            controls=self.controls,
            runtime=self.settings.runtime,
            device=self.settings.device,
            matrix=source.info.matrix,
            mask=mask,
        )
        spec = self.spec
        switcher = StyleSwitcher(
            [spec],
            styles.build,
            fade_seconds=0.25,
            go_on=styles.go_on,
            say=self.messages.say,
        )
        stack.callback(switcher.close)
        info = source.info
        switcher.warm_up(np.full((info.height, info.width, 3), 127, np.uint8))
        keys = KeyControls(switcher, self.controls, has_mask=mask is not None)
        self.keys = keys
        self._hand_to_keys()
        if self.spec != spec:  # chosen meanwhile
            switcher.show(self.spec)
        return keys

    def _sinks(self, info: StreamInfo, sound: SoundFeed | None) -> dict[str, Sink]:
        self.settings.folder.mkdir(parents=True, exist_ok=True)
        say = self.messages.say

        def heard() -> SoundFeed | None:
            return self.page_sound if self.page_sound.is_expected else sound

        self.recorder = Recorder(
            self.settings.folder,
            lambda path: open_sink(path, info, heard=heard()),
            say=say,
            has_sound=lambda: heard() is not None,
        )
        camera = partial(
            VirtualCamera,
            width=info.width,
            height=info.height,
            rate=float(info.frame_rate or 30),
        )
        self.virtual_camera = Switchable(camera, say=say)
        return {
            "page": self.broadcast,
            RECORDER: self.recorder,
            "virtualcam": self.virtual_camera,
        }

    def _forget_run(self) -> None:
        if self.recorder is not None:
            self.files += self.recorder.files
        self.keys = self.recorder = self.virtual_camera = self.page_camera = None
