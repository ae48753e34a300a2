"""Check that the bundled styles load and are unchanged, and how fast one runs."""

import base64
import hashlib
import time
from importlib.metadata import PackageNotFoundError, files
from typing import Final

from rtstyle.doctor.check import Check
from rtstyle.gallery.find import load_style, style_files
from rtstyle.paintings.network import painting_network
from rtstyle.style_file import bundled_folder

SPEED_SECONDS: Final = 2.0
SPEED_SIZE: Final = (1280, 720)


def styles_state() -> Check:
    """Load every bundled style and compare its SHA-256; load the painting network."""
    folder = bundled_folder()
    paths = sorted(folder.glob("*.onnx"))
    if not paths:
        return Check(
            "styles",
            "fail",
            f"none in {folder}",
            "pip install --force-reinstall --no-deps rtstyle",
        )
    checksums, faults = shipped_checksums(), []
    for path in paths:
        digest = hashlib.sha256(path.read_bytes()).digest()
        if checksums.get(path.name, digest) != digest:
            faults.append(f"{path.name} was changed")
        try:
            load_style(path)
        except ValueError as error:
            faults.append(str(error))
    try:
        painting_network()
    except ValueError as error:
        faults.append(str(error))
    if faults:
        todo = "pip install --force-reinstall --no-deps rtstyle"
        return Check("styles", "fail", "; ".join(faults), todo)
    checked = sum(path.name in checksums for path in paths)
    text = f"{len(paths)} load, {checked} match their checksum"
    return Check(
        "styles", "ok", text if checksums else f"{len(paths)} load (a checkout)"
    )


def shipped_checksums() -> dict[str, bytes]:
    """Return the SHA-256 of each bundled style by file name, as the wheel lists it.

    Empty in a checkout, which has no such list.
    """
    try:
        listed = files("rtstyle") or []
    except PackageNotFoundError:
        return {}
    return {
        path.name: base64.urlsafe_b64decode(path.hash.value + "==")
        for path in listed
        if path.match("rtstyle/styles/*.onnx")
        and path.hash
        and path.hash.mode == "sha256"
    }


def speed_state() -> Check:
    """Stylize one picture for two seconds with the gallery's first style."""
    import numpy as np

    from rtstyle.stylizer.stylizer import Stylizer

    names = list(style_files())
    if not names:
        return Check("speed", "note", "no style to try", "see the line about styles")
    width, height = SPEED_SIZE
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    with Stylizer(names[0]) as stylizer:
        stylizer(picture)
        times, end = [], time.perf_counter() + SPEED_SECONDS
        while time.perf_counter() < end:
            start = time.perf_counter()
            stylizer(picture)
            times.append(time.perf_counter() - start)
        session = stylizer.session
        where = f"{session.runtime} on {session.device}"
    rate = len(times) / sum(times)
    speed = f"{names[0]}: {rate:.1f} frames per second at {width}x{height}, {where}"
    if rate < 25:
        todo = "for a smooth picture use --size 640x360 or --height 360"
        return Check("speed", "note", speed, todo)
    return Check("speed", "ok", speed)
