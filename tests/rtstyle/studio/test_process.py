"""The studio as a process: how it begins, how it ends, and how it is killed."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from rtstyle.studio.security import Guard
from rtstyle_streams.opening import open_sink, open_source
from tests.conftest import ROOT
from tests.studio_server import Running, wait_for
from tests.tiny_styles import write_negative

pytestmark = pytest.mark.slow


@contextmanager
def process(
    folder: Path,
) -> Iterator[tuple[Running, "subprocess.Popen[bytes]"]]:
    """Start `rtstyle studio` and hand out requests to it."""
    log = folder / "log.txt"
    paths = [ROOT, *(ROOT / name for name in ("streams", "train", "export"))]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "XDG_DATA_HOME": str(folder / "xdg"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "TMPDIR": str(folder / "tmp"),
    }
    (folder / "tmp").mkdir(exist_ok=True)
    words = ["studio", "--no-browser", "--camera", "sample:", "--size", "160x90"]
    words += ["--style", str(write_negative(folder)), "--folder", str(folder / "out")]
    with log.open("wb") as told:
        run = subprocess.Popen(
            [sys.executable, "-m", "rtstyle", *words],
            stderr=told,
            env=environment,
            cwd=folder,
        )
    try:
        wait_for(lambda: b"Ctrl-C" in log.read_bytes())
        text = log.read_text("utf-8")
        found = re.search(r":(\d+)/#token=(\S+)", text)
        assert found is not None, text
        guard = Guard(port=int(found[1]))
        guard.token = found[2]
        yield Running(None, guard, int(found[1])), run  # type: ignore[arg-type]
    finally:
        run.kill()
        run.wait()


def film(path: Path, *, frames: int) -> bytes:
    with open_source(f"sample:320x180@30x{frames}") as source:
        with open_sink(path, source.info) as sink:
            for frame in source:
                sink.write(frame)
    return path.read_bytes()


def send_film(studio: Running, data: bytes) -> None:
    address = "/api/upload/film?name=film.mp4"
    assert studio.ask("PUT", address, body=data)[0] == 200


def test_sigterm_completes_the_recording_and_leaves_no_file(tmp_path: Path) -> None:
    with process(tmp_path) as (studio, run):
        wait_for(lambda: studio.state()["is_ready"])
        assert studio.do({"do": "record", "on": True})[0] == 200
        time.sleep(2)
        run.send_signal(signal.SIGTERM)
        assert run.wait(20) == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(names) == 1 and names[0].endswith(".mkv") and "part" not in names[0]
    with open_source(tmp_path / "out" / names[0]) as source:
        assert sum(1 for _ in source) > 5
    left = {path.name for path in (tmp_path / "tmp").rglob("*")}
    assert left <= {".ses"}, "which is of onnxruntime"
    assert not list((tmp_path / "xdg").rglob("*.part*"))
    assert "Traceback" not in (tmp_path / "log.txt").read_text("utf-8")


def test_after_a_kill_the_recording_plays_and_the_job_goes_on(tmp_path: Path) -> None:
    data = film(tmp_path / "film.mp4", frames=400)
    with process(tmp_path) as (studio, run):
        wait_for(lambda: studio.state()["is_ready"])
        studio.do({"do": "record", "on": True})
        send_film(studio, data)
        wait_for(lambda: any(j["done"] > 0 for j in studio.state()["jobs"]))
        time.sleep(3)
        run.kill()
        run.wait()
    parts = list((tmp_path / "out").glob("*.mkv"))
    assert len(parts) == 1, "the recording"
    with open_source(parts[0]) as source:
        assert next(iter(source)).pixels.shape == (90, 160, 3)
    with process(tmp_path) as (studio, run):
        wait_for(lambda: [j["state"] for j in studio.state()["jobs"]] == ["done"])
        target = tmp_path / "out" / "film-painted.mp4"
        with open_source(target) as source:
            assert source.info.num_frames == 400
        run.send_signal(signal.SIGTERM)
        assert run.wait(20) == 0


def test_a_port_that_is_taken_is_said_and_another_is_used(tmp_path: Path) -> None:
    import socket

    from tests.studio_server import running

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        style = str(write_negative(tmp_path))
        with running(tmp_path, style=style, port=port) as studio:
            assert studio.port != port
            assert studio.ask("GET", "/")[0] == 200
