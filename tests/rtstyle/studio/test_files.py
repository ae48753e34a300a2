"""What the studio writes: recordings with sound, snapshots, and painted films."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from rtstyle.studio.broadcast import HEAD
from tests.studio_server import Pictures, Running, wait_for

pytestmark = pytest.mark.usefixtures("from_the_start")


def test_a_recording_and_a_snapshot_can_be_fetched(studio: Running) -> None:
    before = len(studio.state()["files"])
    assert studio.do({"do": "record", "on": True})[0] == 200
    wait_for(lambda: studio.state()["recording"])
    time.sleep(1)
    assert studio.do({"do": "snapshot"})[0] == 200
    assert studio.do({"do": "record", "on": False})[0] == 200
    wait_for(lambda: len(studio.state()["files"]) == before + 2)
    names = studio.state()["files"][before:]
    assert sorted(name.rpartition(".")[2] for name in names) == ["mkv", "png"]
    for place in (before, before + 1):
        _, ticket = studio.do({"do": "ticket", "file": place})
        address = f"/page/file?ticket={ticket['ticket']}"
        assert len(studio.ask("GET", address, token="")[1]) > 1000


def sound_message(*, kind: int = 3, rate: int = 48_000, size: int = 4800) -> bytes:
    samples = (9000 * np.sin(np.arange(size) / 8)).astype("<i2")
    head = HEAD.pack(kind, 1, 1, rate, 0, 0, time.time() * 1e3)
    return head + samples.tobytes()


def test_what_the_page_hears_is_recorded(studio: Running) -> None:
    before = len(studio.state()["files"])
    wait_for(lambda: studio.studio.session.recorder is not None)
    with studio.socket() as socket:
        assert studio.do({"do": "record", "on": True, "microphone": True})[0] == 200
        wait_for(lambda: studio.state()["recording"])
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            socket.send(sound_message())
            time.sleep(0.1)
        assert studio.do({"do": "record", "on": False})[0] == 200
        wait_for(lambda: not studio.state()["recording"])
        wait_for(lambda: len(studio.state()["files"]) > before)
        assert not studio.studio.session.page_sound.is_expected
    path = studio.studio.session.all_files[-1]
    with av.open(str(path)) as film:
        loud = [np.abs(f.to_ndarray()).max() > 0.1 for f in film.decode(audio=0)]
    assert sum(loud) > 20


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"\x03", "expected a head and samples"),
        (sound_message(rate=44_100), "expected one channel"),
        (sound_message(size=30_000), "at most 24000 samples"),
        (sound_message()[:-1], "expected a head and samples"),
    ],
)
def test_sound_that_is_none_is_refused(
    studio: Running, message: bytes, said: str
) -> None:
    with studio.socket() as socket:
        socket.send(message)
        assert said in Pictures(socket).next_text("refused")["text"]


def test_a_film_is_painted_with_the_present_look(
    studio: Running, tmp_path: Path
) -> None:
    from rtstyle_streams.opening import open_sink, open_source

    path = tmp_path / "film.mp4"
    with open_source("sample:96x64@30x12") as source:
        with open_sink(path, source.info) as sink:
            for frame in source:
                sink.write(frame)
    address = "/api/upload/film?name=my%20film.mp4"
    status, data, _ = studio.ask("PUT", address, body=path.read_bytes())
    assert status == 200
    job_id = json.loads(data)["id"]

    def job() -> dict[str, Any]:
        return next(row for row in studio.state()["jobs"] if row["id"] == job_id)

    assert job()["style"] == "Negative", "a title, not the name of a file"
    wait_for(lambda: job()["state"] == "done")
    _, ticket = studio.do({"do": "ticket", "id": job_id})
    assert ticket["name"].startswith("my_film-painted")
    address = f"/page/file?ticket={ticket['ticket']}"
    assert studio.ask("GET", address, token="")[1][4:8] == b"ftyp"
    wait_for(lambda: not list(studio.studio.uploads.iterdir()))
    assert studio.do({"do": "cancel", "id": job_id})[0] == 200
    assert studio.state()["jobs"] == []


def test_a_film_gets_the_style_strength_of_a_style_that_has_one(
    studio: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = studio.studio.shelf
    style = next(style for style in shelf.all() if style.title == "Negative")
    studio.do({"do": "set", "name": "style_strength", "value": 0.5})
    assert studio.studio.look().style_strength is None, "a fixed style refuses one"
    strong = replace(style, has_strength=True)  # as of a style in numbers
    monkeypatch.setitem(shelf._styles, style.id, strong)
    assert studio.studio.look().style_strength == 0.5


def test_a_damaged_film_fails_in_one_line(studio: Running) -> None:
    address = "/api/upload/film?name=broken.mp4"
    _, data, _ = studio.ask("PUT", address, body=b"no film at all" * 100)
    job_id = json.loads(data)["id"]
    wait_for(lambda: studio.state()["jobs"][-1]["state"] == "failed")
    assert "\n" not in studio.state()["jobs"][-1]["error"]
    studio.do({"do": "cancel", "id": job_id})
