"""A long live run: memory and threads stay as they were after the start."""

import json
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from rtstyle.live.webcam import WebcamSettings, run_webcam
from rtstyle_streams.camera.capture import CaptureRequest
from tests.camera_vm.tiny_style import write_inverting_style

SECONDS = float(os.environ.get("RTSTYLE_SOAK_SECONDS", "60"))
SETTLE_SECONDS = SECONDS / 3
"""Buffers, caches and the encoder have their size by then."""


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Sampler:
    """Notes memory and the number of threads once a second."""

    def __init__(self) -> None:
        self.rows: list[tuple[float, float, int]] = []
        self.is_over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def _sample(self) -> None:
        start = time.monotonic()
        while not self.is_over.wait(1.0):
            now = time.monotonic() - start
            self.rows.append((now, resident_mb(), threading.active_count()))

    def settled(self) -> list[tuple[float, float, int]]:
        return [row for row in self.rows if SETTLE_SECONDS < row[0] < SECONDS - 2]


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 120)
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_and_threads_stay_flat_in_a_long_run(tmp_path: Path) -> None:
    style = write_inverting_style(tmp_path / "invert.onnx")
    settings = WebcamSettings(
        styles=(str(style),),
        camera="sample:",
        request=CaptureRequest(320, 180, 30),
        outputs=("null:", str(tmp_path / "film.mkv")),
        seconds=SECONDS,
    )
    before = threading.active_count()
    sampler = Sampler()
    report = run_webcam(settings)
    sampler.is_over.set()
    rows = sampler.settled()
    memory = [row[1] for row in rows]
    num_threads = {row[2] for row in rows}
    figures = {
        "seconds": round(report.seconds, 1),
        "frames": report.num_captured,
        "memory_mb": [round(memory[0], 1), round(max(memory), 1), round(memory[-1], 1)],
        "threads": sorted(num_threads),
        "age_null": str(report.age["null"]),
        "age_file": str(report.age[str(tmp_path / "film.mkv")]),
        "film_mb": round((tmp_path / "film.mkv").stat().st_size / 1e6, 1),
    }
    told = json.dumps(figures)
    (tmp_path / "figures.json").write_text(told)
    assert report.num_captured > 0.4 * 30 * SECONDS, told
    assert max(memory) - memory[0] < 8, told
    assert len(num_threads) == 1, told
    time.sleep(1.5)
    assert threading.active_count() <= before + 1, "a thread was left behind"
