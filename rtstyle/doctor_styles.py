"""Do the bundled styles load, are they as they were shipped, how fast do they run?"""

import hashlib
import json
import time
from typing import Final

from rtstyle.doctor import Check
from rtstyle.gallery import bundled_folder, load_style, style_files

CHECKSUMS: Final = "checksums.json"
"""Beside the bundled styles: SHA-256 by file name."""
SPEED_SECONDS: Final = 2.0
SPEED_SIZE: Final = (1280, 720)


def styles_state() -> Check:
    """Load every bundled style and compare its SHA-256."""
    folder = bundled_folder()
    files = sorted(folder.glob("*.onnx"))
    if not files:
        return Check(
            "styles",
            "fail",
            f"none in {folder}",
            "pip install --force-reinstall --no-deps rtstyle",
        )
    listed = folder / CHECKSUMS
    wanted = json.loads(listed.read_text("utf-8")) if listed.is_file() else {}
    faults = []
    for path in files:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if path.name in wanted and wanted[path.name] != digest:
            faults.append(f"{path.name} was changed")
        try:
            load_style(path)
        except ValueError as error:
            faults.append(str(error))
    if faults:
        todo = "pip install --force-reinstall --no-deps rtstyle"
        return Check("styles", "fail", "; ".join(faults), todo)
    checked = sum(path.name in wanted for path in files)
    return Check("styles", "ok", f"{len(files)} load, {checked} match their checksum")


def speed_state() -> Check:
    """Stylize one picture for two seconds with the gallery's first style."""
    import numpy as np

    from rtstyle.stylizer import Stylizer

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
    found = f"{names[0]}: {rate:.1f} frames per second at {width}x{height}, {where}"
    if rate < 25:
        todo = "for a smooth picture use --size 640x360 or --height 360"
        return Check("speed", "note", found, todo)
    return Check("speed", "ok", found)
