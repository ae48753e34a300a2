"""An X server without a screen, keys for its windows, and what it shows."""

import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
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


WINDOW_SECONDS = 100
"""How long a program may take to open its window on a busy machine."""


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
            timeout=30,
            check=False,
        )
        return done.stdout.strip()

    @contextmanager
    def program(self, *command: str) -> Iterator[subprocess.Popen[str]]:
        """Run a Python program on this display; it is killed in the end."""
        paths = os.pathsep.join(path for path in sys.path if path)
        child = subprocess.Popen(
            [sys.executable, *command],
            env=self.environment | {"PYTHONPATH": paths},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with child:
            try:
                yield child
            finally:
                child.kill()

    def window(self, name: str, of: subprocess.Popen[str]) -> str:
        """Wait for a window of this name and return its id."""
        end = time.monotonic() + WINDOW_SECONDS
        while time.monotonic() < end:
            if of.poll() is not None:
                raise AssertionError(f"the program ended: {of.communicate()}")
            if found := self.xdotool("search", "--name", name):
                return found.splitlines()[0]
            time.sleep(0.1)
        raise AssertionError(f"no window {name!r} appeared")

    def press(self, window: str, key: str) -> None:
        """Give the window the focus, as no window manager does here, and a key."""
        self.xdotool("windowfocus", window)
        self.xdotool("key", "--window", window, key)
        time.sleep(0.4)

    def click_away(self, window: str) -> None:
        """Ask a window to close, as the cross in its title bar does."""
        command = [sys.executable, "-c", CLICK_AWAY, window]
        subprocess.run(command, env=self.environment, timeout=30, check=True)

    def screenshot(self) -> npt.NDArray[np.uint8]:
        """Return what the screen shows: RGB, shape ``(H, W, 3)``."""
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
