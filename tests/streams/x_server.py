"""An X server without a screen, keys for its windows, and what it shows."""

import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

CLICK_AWAY = """
import ctypes, sys
x11 = ctypes.CDLL("libX11.so.6")
x11.XOpenDisplay.restype = ctypes.c_void_p
x11.XInternAtom.restype = ctypes.c_ulong
display = ctypes.c_void_p(x11.XOpenDisplay(None))

class ClientMessage(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("sent", ctypes.c_int),
        ("display", ctypes.c_void_p), ("window", ctypes.c_ulong),
        ("kind", ctypes.c_ulong), ("format", ctypes.c_int),
        ("data", ctypes.c_long * 5), ("padding", ctypes.c_long * 24),
    ]

def atom(name):
    return x11.XInternAtom(display, name, 0)

window = int(sys.argv[1])
message = ClientMessage(
    type=33, window=window, kind=atom(b"WM_PROTOCOLS"), format=32
)
message.data[0] = atom(b"WM_DELETE_WINDOW")
x11.XSendEvent(display, ctypes.c_ulong(window), 0, 0, ctypes.byref(message))
x11.XSync(display, 0)
"""


WAIT_SECONDS = 100
"""How long anything may take on a busy machine; what is awaited ends the wait."""
Screen = npt.NDArray[np.uint8]
"""What the screen shows: RGB, shape ``(H, W, 3)``."""


class Program:
    """A running program; what it says goes to files, so that it can be awaited."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path):
        self._out, self._err = log.with_suffix(".out"), log.with_suffix(".err")
        with self._out.open("w") as out, self._err.open("w") as err:
            self.process = subprocess.Popen(
                command, env=environment, stdout=out, stderr=err
            )

    @property
    def said(self) -> str:
        """Return its standard output so far."""
        return self._out.read_text()

    @property
    def told(self) -> str:
        """Return its standard error so far."""
        return self._err.read_text()

    def wait_until(self, is_so: Callable[[], bool], what: str) -> None:
        """Wait until something is so; fail when the program ends before."""
        end = time.monotonic() + WAIT_SECONDS
        while not is_so():
            code = self.process.poll()
            assert code is None, f"ended with {code} before {what}: {self.told}"
            assert time.monotonic() < end, f"waited in vain for {what}: {self.told}"
            time.sleep(0.05)

    def wait_until_it_tells(self, text: str) -> None:
        """Wait until its standard error holds `text`."""
        self.wait_until(lambda: text in self.told, text)

    def wait_until_it_says(self, text: str) -> None:
        """Wait until its standard output holds `text`."""
        self.wait_until(lambda: text in self.said, text)

    def end(self) -> int:
        """Wait for its end and return the exit status."""
        return self.process.wait(WAIT_SECONDS)


class XServer:
    """A running Xvfb."""

    def __init__(self, display: str, framebuffer: Path) -> None:
        self.display = display
        self._framebuffer = framebuffer
        self.environment = os.environ | {"DISPLAY": display}
        self.environment.pop("WAYLAND_DISPLAY", None)

    def xdotool(self, *words: str) -> str:
        done = subprocess.run(
            ["xdotool", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
            check=False,
        )
        return done.stdout.strip()

    @contextmanager
    def program(self, *command: str) -> Iterator[Program]:
        """Run a Python program on this display; it is killed in the end."""
        paths = os.pathsep.join(path for path in sys.path if path)
        environment = self.environment | {"PYTHONPATH": paths}
        log = self._framebuffer.with_name("program")
        program = Program([sys.executable, *command], environment, log)
        try:
            yield program
        finally:
            program.process.kill()
            program.process.wait()

    def window(self, name: str, of: Program) -> str:
        """Wait for a window of this name and return its id."""
        found: list[str] = []

        def is_there() -> bool:
            found[:] = self.xdotool("search", "--name", name).splitlines()
            return bool(found)

        of.wait_until(is_there, f"a window {name!r}")
        return found[0]

    def press(self, window: str, key: str) -> None:
        """Give the window the focus, as no window manager does here, and a key.

        Await its effect before the next one: HighGUI keeps only the latest key.
        """
        self.xdotool("windowfocus", "--sync", window)
        self.xdotool("key", "--window", window, key)

    def click_away(self, window: str) -> None:
        """Ask a window to close, as the cross in its title bar does."""
        command = [sys.executable, "-c", CLICK_AWAY, window]
        subprocess.run(command, env=self.environment, timeout=WAIT_SECONDS, check=True)

    def wait_until_seen(
        self, is_so: Callable[[Screen], bool], what: str, of: Program
    ) -> Screen:
        """Wait for a picture of which `is_so` is true and return it."""
        seen = [self.screenshot()]

        def is_seen() -> bool:
            seen[0] = self.screenshot()
            return is_so(seen[0])

        of.wait_until(is_seen, what)
        return seen[0]

    def screenshot(self) -> Screen:
        """Return what the screen shows."""
        data = self._framebuffer.read_bytes()
        header = struct.unpack_from(">25I", data)
        width, height, stride, num_colours = (header[n] for n in (4, 5, 12, 19))
        start = header[0] + 12 * num_colours
        lines = np.frombuffer(data, np.uint8, height * stride, start)
        pixels = lines.reshape(height, stride // 4, 4)[:, :width, 2::-1]
        return np.ascontiguousarray(pixels)


@contextmanager
def x_server(folder: Path, *, width: int = 800, height: int = 600) -> Iterator[XServer]:
    """Run an Xvfb; skip, or fail in CI, where it or xdotool is not installed."""
    for tool in ("Xvfb", "xdotool"):
        if shutil.which(tool) is None:
            text = f"{tool} is not installed"
            pytest.fail(text) if os.environ.get("CI") else pytest.skip(text)
    reading, writing = os.pipe()
    process = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-fbdir", str(folder)]
        + ["-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp", "-noreset"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        number = os.read(reading, 16).decode().strip()
        assert number, "Xvfb did not start"
        yield XServer(f":{number}", folder / "Xvfb_screen0")
    finally:
        os.close(reading)
        process.terminate()
        process.wait(10)
