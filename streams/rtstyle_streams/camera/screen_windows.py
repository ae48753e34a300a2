"""Where the windows of other programs lie on the screen: X11 and Windows.

A window is taken from the screen, with whatever lies over it. Wayland and macOS tell no
program where the windows of others are.
"""

import ctypes
import ctypes.util
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from rtstyle_streams.errors import SourceError

MOST_LEVELS: Final = 6
"""Of windows in windows that are looked at."""
VIEWABLE: Final = 2
"""X11's map state of a window that is shown."""
LARGEST_TITLE: Final = 4096
"""Bytes of a title."""
Rectangle = tuple[int, int, int, int]
"""Left, top, width and height in pixels of the screen."""


@dataclass(frozen=True, slots=True)
class ScreenWindow:
    """A window that is shown."""

    title: str
    """What its bar says."""
    rectangle: Rectangle
    """Where it lies."""


def list_windows() -> list[ScreenWindow]:
    """Return the windows that are shown and have a title.

    Raises:
        SourceError: this system does not tell.
    """
    if sys.platform == "win32":
        return _of_windows()
    name = ctypes.util.find_library("X11")
    if sys.platform == "darwin" or name is None or not os.environ.get("DISPLAY"):
        raise SourceError(
            "screen: expected a system that tells where windows are (X11, Windows), "
            "got another; use screen:LEFT,TOP,WxH, or the window in OBS and its "
            "virtual camera"
        )
    x11 = _signed(ctypes.CDLL(name))
    with _display(x11) as display:
        return [
            ScreenWindow(title, found)
            for window in _below(x11, display, x11.XDefaultRootWindow(display))
            if (title := _title(x11, display, window))
            and (found := _rectangle(x11, display, window)) is not None
        ]


def window_titled(text: str) -> ScreenWindow:
    """Return the window whose title is `text`, or else the first that holds it.

    Raises:
        SourceError: there is none, or this system does not tell.
    """
    windows, wanted = list_windows(), text.casefold()
    for is_it in (wanted.__eq__, lambda title: wanted in title):
        for window in windows:
            if is_it(window.title.casefold()):
                return window
    titles = ", ".join(sorted({window.title[:40] for window in windows})[:8]) or "none"
    raise SourceError(
        f"screen:{text}: expected a part of the title of a window that is shown, got "
        f"none; there are: {titles}"
    )


class _Attributes(ctypes.Structure):
    """The beginning of XWindowAttributes, and room for the rest."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("x", "y", "width", "height", "border")),
        ("depth", ctypes.c_int),
        ("visual", ctypes.c_void_p),
        ("root", ctypes.c_ulong),
        *((name, ctypes.c_int) for name in ("kind", "bit_gravity", "win_gravity")),
        ("backing_store", ctypes.c_int),
        ("backing_planes", ctypes.c_ulong),
        ("backing_pixel", ctypes.c_ulong),
        ("save_under", ctypes.c_int),
        ("colormap", ctypes.c_ulong),
        ("map_installed", ctypes.c_int),
        ("map_state", ctypes.c_int),
        ("more", ctypes.c_long * 8),
    )


_OnError: Final = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_pass_over: Final = _OnError(lambda display, event: 0)  # a window may go at any moment


def _signed(x11: Any) -> Any:
    """Return the library, told what its functions return."""
    for name in ("XOpenDisplay", "XSetErrorHandler"):
        getattr(x11, name).restype = ctypes.c_void_p
    for name in ("XDefaultRootWindow", "XInternAtom"):
        getattr(x11, name).restype = ctypes.c_ulong
    return x11


@contextmanager
def _display(x11: Any) -> Iterator[ctypes.c_void_p]:
    """Open the display; errors of X11 do not end the program meanwhile."""
    display = ctypes.c_void_p(x11.XOpenDisplay(None))
    if not display:
        raise SourceError("screen: expected an X11 display that answers, got none")
    before = x11.XSetErrorHandler(_pass_over)
    try:
        yield display
    finally:
        x11.XSync(display, 0)
        x11.XSetErrorHandler(ctypes.c_void_p(before))
        x11.XCloseDisplay(display)


def _below(x11: Any, display: Any, window: int, level: int = 0) -> Iterator[int]:
    """Give out the windows below one, the uppermost first."""
    root, parent, count = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_uint()
    children = ctypes.POINTER(ctypes.c_ulong)()
    found = x11.XQueryTree(
        display,
        ctypes.c_ulong(window),
        ctypes.byref(root),
        ctypes.byref(parent),
        ctypes.byref(children),
        ctypes.byref(count),
    )
    windows = [int(children[n]) for n in range(count.value)] if found else []
    if children:
        x11.XFree(children)
    for child in reversed(windows):
        yield child
        if level < MOST_LEVELS:
            yield from _below(x11, display, child, level + 1)


def _title(x11: Any, display: Any, window: int) -> str:
    """Return a window's title: by _NET_WM_NAME, or the old WM_NAME."""
    for name in (b"_NET_WM_NAME", b"WM_NAME"):
        kind, bits = ctypes.c_ulong(), ctypes.c_int()
        count, rest = ctypes.c_ulong(), ctypes.c_ulong()
        data = ctypes.POINTER(ctypes.c_char)()
        failed = x11.XGetWindowProperty(
            display,
            ctypes.c_ulong(window),
            ctypes.c_ulong(x11.XInternAtom(display, name, 0)),
            ctypes.c_long(0),
            ctypes.c_long(LARGEST_TITLE // 4),
            0,
            ctypes.c_ulong(0),
            *(ctypes.byref(value) for value in (kind, bits, count, rest, data)),
        )
        text = ""
        if not failed and data and bits.value == 8:
            text = ctypes.string_at(data, count.value).decode("utf-8", "replace")
        if data:
            x11.XFree(data)
        if text := " ".join(text.split()):
            return text
    return ""


def _rectangle(x11: Any, display: Any, window: int) -> Rectangle | None:
    """Return where a window that is shown lies, cut at the screen's edges."""
    known, whole = _Attributes(), _Attributes()
    if not x11.XGetWindowAttributes(
        display, ctypes.c_ulong(window), ctypes.byref(known)
    ):
        return None
    root = ctypes.c_ulong(known.root)
    if known.map_state != VIEWABLE or not x11.XGetWindowAttributes(
        display, root, ctypes.byref(whole)
    ):
        return None
    left, top, child = ctypes.c_int(), ctypes.c_int(), ctypes.c_ulong()
    x11.XTranslateCoordinates(
        display,
        ctypes.c_ulong(window),
        root,
        0,
        0,
        *(ctypes.byref(value) for value in (left, top, child)),
    )
    return _cut(
        (left.value, top.value, known.width, known.height), whole.width, whole.height
    )


def _cut(rectangle: Rectangle, columns: int, lines: int) -> Rectangle | None:
    """Return the part of a rectangle that lies on the screen; None for none."""
    left, top, width, height = rectangle
    right, bottom = min(columns, left + width), min(lines, top + height)
    left, top = max(0, left), max(0, top)
    if right - left < 2 or bottom - top < 2:
        return None
    return left, top, right - left, bottom - top


def _of_windows() -> list[ScreenWindow]:
    """Return the windows of Microsoft Windows; not tried there."""
    user32: Any = ctypes.windll.user32  # type: ignore[attr-defined,unused-ignore]
    make: Callable[..., Any] = ctypes.WINFUNCTYPE  # type: ignore[attr-defined,unused-ignore]
    found: list[ScreenWindow] = []

    def look(window: int, _: int) -> bool:
        text = ctypes.create_unicode_buffer(512)
        user32.GetWindowTextW(window, text, 512)
        edges = (ctypes.c_long * 4)()
        is_shown = user32.IsWindowVisible(window) and not user32.IsIconic(window)
        if is_shown and text.value and user32.GetWindowRect(window, edges):
            left, top, right, bottom = edges
            if right - left > 1 and bottom - top > 1:
                rectangle = (left, top, right - left, bottom - top)
                found.append(ScreenWindow(text.value, rectangle))
        return True

    user32.EnumWindows(make(ctypes.c_bool, ctypes.c_void_p, ctypes.c_void_p)(look), 0)
    return found
