"""Runs inside the camera machine: one rtstyle, one reader, and what happens to them.

Each check prints one JSON line; the tests on the host read them. No part of the
project is imported here but through its command line.
"""

import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

WORK = Path(tempfile.gettempdir()) / "guest"
RTSTYLE = [sys.executable, "-m", "rtstyle"]
STYLE = ["--style", "invert.onnx", "--smooth", "off"]
CAMERA = ["--camera", "vivid", "--size", "320x180", "--fps", "30"]
PATTERNS = {"red": 7, "green": 8, "blue": 9}
GREY_RAMP = 20
UNBIND = Path("/sys/bus/platform/drivers/vivid/unbind")
BIND = Path("/sys/bus/platform/drivers/vivid/bind")


def tell(check: str, **found: object) -> None:
    print(json.dumps({"check": check, **found}), flush=True)


def control(name: str, value: int) -> None:
    """Set a control of vivid, wherever it is now."""
    for folder in sorted(Path("/sys/class/video4linux").glob("video*")):
        if "vivid" in (folder / "name").read_text():
            node = f"/dev/{folder.name}"
            subprocess.run(["v4l2-ctl", "-d", node, "-c", f"{name}={value}"])
            return


class Running:
    """A running rtstyle with what it says."""

    def __init__(self, name: str, *arguments: str) -> None:
        self.log = WORK / f"{name}.log"
        self._num_forgotten = 0
        with self.log.open("w") as file:
            self.process = subprocess.Popen(
                [*RTSTYLE, "webcam", *STYLE, *arguments],
                stderr=file,
                stdout=subprocess.DEVNULL,
            )

    def text(self) -> str:
        """Return what it said since the last `forget`."""
        return self.log.read_text()[self._num_forgotten :]

    def seconds_until_it_says(self, pattern: str, limit: float = 60) -> float | None:
        """Wait until the log holds `pattern`; return how long that took, or None."""
        start = time.monotonic()
        while time.monotonic() - start < limit:
            if re.search(pattern, self.text()):
                return round(time.monotonic() - start, 2)
            if self.process.poll() is not None:
                return None
            time.sleep(0.05)
        return None

    def forget(self) -> None:
        """Let `text` hold only what is said from now on."""
        self._num_forgotten = len(self.log.read_text())

    def end(self, number: int) -> tuple[int, float]:
        """Send a signal; return exit status and how long it took."""
        start = time.monotonic()
        self.process.send_signal(number)
        try:
            code = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = -999
        return code, round(time.monotonic() - start, 2)


@contextmanager
def running(name: str, *arguments: str) -> Iterator[Running]:
    made = Running(name, *arguments)
    try:
        yield made
    finally:
        if made.process.poll() is None:
            made.process.kill()
            made.process.wait()


def read_virtual_camera(count: int) -> dict[str, object]:
    """Let another process read `count` frames; return what it saw."""
    return read(str(count))


def read(what: str) -> dict[str, object]:
    """Let another process read a film, or so many frames of the virtual camera."""
    done = subprocess.run(
        [sys.executable, "reader.py", what],
        capture_output=True,
        text=True,
        timeout=90,
    )
    if done.returncode:
        return {"error": done.stderr[-300:]}
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def check_list() -> None:
    done = subprocess.run([*RTSTYLE, "cameras", "--json"], capture_output=True)
    cameras = json.loads(done.stdout or "[]")
    for camera in cameras:
        camera["modes"] = camera["modes"][:8]  # vivid has hundreds
    tell("list", code=done.returncode, cameras=cameras)


def check_refusals() -> None:
    for name, camera in (("own", "VirtualCam"), ("missing", "gopro")):
        command = [*RTSTYLE, "webcam", *STYLE, "--camera", camera, "--output", "null:"]
        done = subprocess.run(command, capture_output=True, text=True)
        tell(f"refuse {name}", code=done.returncode, said=done.stderr)


def check_colours(run: Running) -> None:
    for name, pattern in PATTERNS.items():
        control("test_pattern", pattern)
        time.sleep(1.0)
        tell(f"colour {name}", **read_virtual_camera(12))


def check_order(run: Running) -> None:
    with moving_ramp():
        time.sleep(1.0)
        tell("order virtual camera", **read_virtual_camera(60))


@contextmanager
def moving_ramp() -> Iterator[None]:
    """Let vivid number its frames: each shows a grey ramp two columns further on."""
    control("test_pattern", GREY_RAMP)
    control("horizontal_movement", 4)
    yield
    control("horizontal_movement", 3)
    control("test_pattern", PATTERNS["red"])


def check_loss(run: Running, name: str, lose: Callable[[], object]) -> None:
    """Lose the camera by `lose`, which may also bring it back, and look again."""
    run.forget()
    lose()
    lost = run.seconds_until_it_says("is lost, looking for it", 15)
    meanwhile = read_virtual_camera(6)
    if name == "unbind":
        BIND.write_text("vivid.0")
        control("osd_text_mode", 2)
        control("test_pattern", PATTERNS["red"])
    if name == "freeze":
        control("percentage_of_dropped_buffers", 0)
    back = run.seconds_until_it_says("is back", 30)
    time.sleep(1.0)
    tell(
        f"loss {name}",
        lost_after=lost,
        back_after=back,
        meanwhile=meanwhile,
        after=read_virtual_camera(12),
        said=run.text(),
        alive=run.process.poll() is None,
    )


def check_losses(run: Running) -> None:
    check_loss(run, "disconnect", lambda: control("disconnect", 1))
    check_loss(run, "stream error", lambda: control("inject_fatal_streaming_error", 1))
    check_loss(run, "freeze", lambda: control("percentage_of_dropped_buffers", 100))
    check_loss(run, "unbind", lambda: UNBIND.write_text("vivid.0"))


def check_busy() -> None:
    command = [*RTSTYLE, "webcam", *STYLE, *CAMERA, "--output", "null:"]
    done = subprocess.run(command, capture_output=True, text=True)
    tell("busy", code=done.returncode, said=done.stderr)


def check_recorded_order() -> None:
    """Record a moving ramp: the order without the virtual camera's driver."""
    film = WORK / "order.mkv"
    command = [*RTSTYLE, "webcam", *STYLE, *CAMERA, "--seconds", "4"]
    with moving_ramp():
        done = subprocess.run([*command, "--output", str(film)], capture_output=True)
    tell("order recording", code=done.returncode, **read(str(film)))


def check_signal(name: str, number: int) -> None:
    """End a run by a signal; what it had open must be free, its recording whole."""
    film = WORK / f"{name}.mkv"
    with running(name, *CAMERA, "--output", "virtualcam", "--output", str(film)) as run:
        started = run.seconds_until_it_says("sync offset")
        code, took = run.end(number)
    probe = (
        "import av, sys\n"
        "with av.open(sys.argv[1]) as film:\n"
        "    print(sum(1 for frame in film.decode(video=0)))\n"
    )
    frames = subprocess.run(
        [sys.executable, "-c", probe, str(film)], capture_output=True, text=True
    )
    holders = subprocess.run(
        ["fuser", "/dev/video0", "/dev/video10"], capture_output=True, text=True
    )
    tell(
        f"signal {name}",
        started=started,
        code=code,
        took=took,
        said=run.text(),
        frames=frames.stdout.strip(),
        holders=holders.stdout.strip(),
        parts=[path.name for path in WORK.glob("*.part*")],
    )


def check_exclusive_caps() -> None:
    """With exclusive_caps=1 a second producer is refused by the driver: explained?"""
    subprocess.run(["rmmod", "v4l2loopback"], check=True)
    module = ["modprobe", "v4l2loopback", "video_nr=10", "card_label=VirtualCam"]
    subprocess.run([*module, "exclusive_caps=1", "max_buffers=8"], check=True)
    arguments = [*CAMERA, "--output", "virtualcam", "--seconds", "3"]
    command = [*RTSTYLE, "webcam", *STYLE, *arguments]
    first = subprocess.run(command, capture_output=True, text=True)
    second = subprocess.run(command, capture_output=True, text=True)
    tell(
        "exclusive caps",
        first_code=first.returncode,
        first_said=first.stderr,
        code=second.returncode,
        said=second.stderr,
    )


def check_doctor() -> None:
    done = subprocess.run(
        [*RTSTYLE, "doctor", "--json"], capture_output=True, text=True
    )
    tell("doctor", code=done.returncode, text=done.stdout, said=done.stderr[-500:])


def main() -> None:
    WORK.mkdir(exist_ok=True)
    control("osd_text_mode", 2)
    control("test_pattern", PATTERNS["red"])
    check_list()
    check_refusals()
    with running("main", *CAMERA, "--output", "virtualcam", "--output", "null:") as run:
        started = run.seconds_until_it_says("sync offset")
        tell("start", seconds=started, said=run.text())
        if started is not None:
            check_colours(run)
            check_order(run)
            check_busy()
            check_losses(run)
    check_recorded_order()
    check_signal("sigint", signal.SIGINT)
    check_signal("sigterm", signal.SIGTERM)
    check_doctor()
    check_exclusive_caps()
    tell("end")


if __name__ == "__main__":
    main()
