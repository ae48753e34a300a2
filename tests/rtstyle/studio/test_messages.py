"""What a page, HTTP, OSC and MIDI may say, and what comes of it."""

import json
import socket as sockets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from rtstyle.looks.control_table import CONTROLS
from rtstyle.studio.actions import ACTIONS
from rtstyle.studio.broadcast import HEAD
from rtstyle.studio.osc import OscServer
from tests.studio_server import Pictures, Running, running, wait_for
from tests.tiny_paintings import write_network, write_painting
from tests.tiny_styles import write_negative


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("studio")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(folder / "xdg"))
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.setenv("RTSTYLE_RUNTIME", "onnxruntime")
        network = str(write_network(folder / "network"))
        patch.setenv("RTSTYLE_PAINTING_NETWORK", network)
        with running(folder, style=str(write_negative(folder))) as found:
            wait_for(lambda: found.studio.session.keys is not None)
            yield found


@pytest.fixture(autouse=True)
def from_the_start(studio: Running) -> None:
    """Put every control and the style back."""
    for control in CONTROLS.values():
        studio.studio.session.set_control(control.name, control.default)
    studio.studio.session.set_control("smooth", "off")
    style = next(s for s in studio.studio.shelf.all() if s.title == "Negative")
    studio.do({"do": "style", "name": style.id})


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
MOST_PICTURES = 200
"""That a change is waited for."""
NO_CHANGE_OF_RUN = sorted(set(ACTIONS) - {"camera", "begin_again"})
NAMES = st.sampled_from(sorted(CONTROLS)) | JSON
MESSAGES = JSON | st.fixed_dictionaries(
    {"do": st.sampled_from(NO_CHANGE_OF_RUN)},
    optional={
        "name": NAMES,
        "value": JSON,
        "share": JSON,
        "parts": JSON | st.lists(st.fixed_dictionaries({"id": JSON, "weight": JSON})),
        "on": JSON,
        "microphone": JSON,
        "id": JSON,
        "title": JSON,
        "look": JSON,
        "file": JSON,
        "of": JSON,
    },
)


@pytest.mark.slow
def test_500_malformed_messages_are_refused_in_one_line_or_applied(
    studio: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with studio.socket(max_queue=None) as socket:  # it is read only afterwards
        pictures = Pictures(socket)

        @settings(max_examples=500, deadline=None, database=None)
        @given(MESSAGES.map(json.dumps) | st.text(max_size=60) | st.binary(max_size=60))
        def send(message: str | bytes) -> None:
            if message == "a":
                return
            socket.send(message)

        send()
        socket.send('{"do":"set","name":"strength","value":7}')
        while "got 7" not in (line := pictures.next_text("refused")["text"]):
            assert "\n" not in line and len(line) < 1000
    assert "Traceback" not in caplog.text
    assert studio.do({"do": "set", "name": "paused", "value": False})[0] == 200


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(MESSAGES)
def test_http_answers_any_message_in_one_line(studio: Running, message: Any) -> None:
    status, data = studio.do(message)
    assert status in (200, 400)
    if status == 400:
        assert "\n" not in data["refused"] and "expected" in data["refused"]


@pytest.mark.parametrize("name", sorted(CONTROLS))
def test_every_control_is_set_and_told(studio: Running, name: str) -> None:
    control = CONTROLS[name]
    if name == "mask":
        status, data = studio.do({"do": "set", "name": "mask", "value": "person"})
        assert status == 400 and "--mask person" in data["refused"]
        return
    value = control.of_share(0.9)
    assert studio.do({"do": "set", "name": name, "value": value})[0] == 200
    assert studio.state()["controls"][name] == value
    studio.do({"do": "set", "name": name, "value": control.default})


def test_a_value_out_of_range_is_refused_by_name(studio: Running) -> None:
    status, data = studio.do({"do": "set", "name": "strength", "value": 7})
    assert (status, data) == (400, {"refused": "strength: expected 0 to 1, got 7"})


def test_a_control_changes_the_picture(studio: Running) -> None:
    with studio.socket("/ws/view") as socket:
        pictures = Pictures(socket)
        studio.do({"do": "set", "name": "strength", "value": 0.0})
        for _ in range(8):
            plain = decoded(pictures.next())
        studio.do({"do": "set", "name": "strength", "value": 1.0})
        for _ in range(MOST_PICTURES):  # as many as a busy machine needs
            negative = decoded(pictures.next())
            apart = abs(float(plain.mean() + negative.mean()) - 255)
            if apart < 12:
                break
    assert apart < 12


def test_the_page_sees_a_split_and_a_mirror_and_obs_does_not(studio: Running) -> None:
    studio.do({"do": "set", "name": "split", "value": 0.5})
    with studio.socket() as page, studio.socket("/ws/view") as clean:
        pages, cleans = Pictures(page), Pictures(clean)
        for _ in range(MOST_PICTURES):  # until both show the same frame, split
            split, plain = decoded(pages.next()), decoded(cleans.next())
            half = split.shape[1] // 2
            mirrored = plain[:, ::-1].astype(int)
            before = np.abs(split[:, :half] - (255 - mirrored[:, :half])).mean()
            after = np.abs(split[:, half:] - mirrored[:, half:]).mean()
            if max(before, after) < 12:
                break
    studio.do({"do": "set", "name": "split", "value": 0.0})
    assert before < 12 and after < 12


def test_a_slow_page_gets_fresh_pictures_and_delays_nobody(studio: Running) -> None:
    with studio.socket() as slow, studio.socket("/ws/view") as fast:
        slow_pages, fast_pages, ages, count = Pictures(slow), Pictures(fast), [], 0
        end = time.monotonic() + 4
        turn = time.monotonic() + 0.2
        while time.monotonic() < end:
            fast_pages.next()
            count += 1
            if time.monotonic() > turn:
                turn = time.monotonic() + 0.2
                ages.append(age_ms(slow_pages.next()))
        assert max(ages[3:]) < 500, ages
        assert count > 2 * len(ages)


def test_the_stream_for_obs_sends_the_next_head_at_once(studio: Running) -> None:
    with sockets.create_connection(("127.0.0.1", studio.port), timeout=20) as line:
        view = studio.guard.view_token
        head = f"GET /stream.mjpg?view={view} HTTP/1.1\r\nHost: {studio.host}\r\n\r\n"
        line.sendall(head.encode())
        data = b""
        while data.count(b"--rtstyle\r\n") < 3:
            data += line.recv(65536)
    assert b"multipart/x-mixed-replace; boundary=rtstyle" in data
    assert data.count(b"\xff\xd8\xff") == 2, "the third head comes before its picture"


def test_a_painting_is_dropped_mixed_kept_and_removed(
    studio: Running, tmp_path: Path
) -> None:
    ids = []
    for name, colour in (("red", (200, 0, 0)), ("blue", (0, 0, 200))):
        path = write_painting(tmp_path / f"{name}.png", colour)
        address = f"/api/upload/painting?name=my%20{name}.png"
        status, data, _ = studio.ask("PUT", address, body=path.read_bytes())
        assert status == 200
        row = json.loads(data)
        assert row["title"] == f"my {name}"
        ids.append(row["id"])
    parts = [{"id": ids[0], "weight": 3}, {"id": ids[1], "weight": 1}]
    assert studio.do({"do": "style", "parts": parts})[0] == 200
    state = studio.state()
    assert state["style"]["has_strength"]
    switcher = studio.studio.session.keys
    assert switcher is not None
    with studio.socket("/ws/view") as socket:
        pictures = Pictures(socket)
        wait_for(lambda: is_tinted(decoded(pictures.next())), seconds=20)
    status, look = studio.do({"do": "look"})
    assert [s["weight"] for s in look["styles"]] == [3, 1]
    status, refused = studio.do({"do": "forget_style", "name": ids[0]})
    assert status == 400 and "not shown" in refused["refused"]
    first = state["styles"][-1]["id"]
    assert studio.do({"do": "style", "name": first})[0] == 200
    assert studio.do({"do": "look", "look": look})[0] == 200
    assert [p["id"] for p in studio.state()["style"]["parts"]] == ids
    studio.do({"do": "style", "name": first})
    for style_id in ids:
        assert studio.do({"do": "forget_style", "name": style_id})[0] == 200


def is_tinted(pixels: Any) -> bool:
    """Half of the scene, and more red than blue."""
    red, green, blue = pixels.reshape(-1, 3).mean(0)
    return bool(red > green + 20 and red > blue)


def test_presets_are_kept_and_bring_all_back(studio: Running) -> None:
    studio.do({"do": "set", "name": "strength", "value": 0.3})
    assert studio.do({"do": "save_preset", "title": "Faint"})[0] == 200
    studio.do({"do": "set", "name": "strength", "value": 1.0})
    preset = studio.state()["presets"][-1]
    assert preset["title"] == "Faint"
    assert studio.do({"do": "load_preset", "id": preset["id"]})[0] == 200
    assert studio.state()["controls"]["strength"] == 0.3
    assert studio.do({"do": "forget_preset", "id": preset["id"]})[0] == 200
    studio.do({"do": "set", "name": "strength", "value": 1.0})


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

    wait_for(lambda: job()["state"] == "done")
    _, ticket = studio.do({"do": "ticket", "id": job_id})
    assert ticket["name"].startswith("my_film-painted")
    address = f"/page/file?ticket={ticket['ticket']}"
    assert studio.ask("GET", address, token="")[1][4:8] == b"ftyp"
    wait_for(lambda: not list(studio.studio.uploads.iterdir()))
    assert studio.do({"do": "cancel", "id": job_id})[0] == 200
    assert studio.state()["jobs"] == []


def test_a_damaged_film_fails_in_one_line(studio: Running) -> None:
    address = "/api/upload/film?name=broken.mp4"
    _, data, _ = studio.ask("PUT", address, body=b"no film at all" * 100)
    job_id = json.loads(data)["id"]
    wait_for(lambda: studio.state()["jobs"][-1]["state"] == "failed")
    assert "\n" not in studio.state()["jobs"][-1]["error"]
    studio.do({"do": "cancel", "id": job_id})


def test_the_virtual_camera_says_what_is_missing(
    studio: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rtstyle_streams.errors import SinkError

    def refuse() -> Any:
        raise SinkError("virtual camera: expected one to be there, got none")

    sink = studio.studio.session.virtual_camera
    assert sink is not None
    monkeypatch.setattr(sink, "_open_sink", refuse)
    assert studio.do({"do": "virtualcam", "on": True})[0] == 200

    def is_refused() -> bool:
        virtual = studio.state()["virtualcam"]
        return bool(virtual["problem"]) and not virtual["on"]

    wait_for(is_refused)


def test_osc_sets_controls(studio: Running) -> None:
    client = pytest.importorskip("pythonosc.udp_client")
    server = OscServer(studio.studio, port=0)
    try:
        sender = client.SimpleUDPClient("127.0.0.1", server.port)
        sender.send_message("/rtstyle/strength", 0.25)
        wait_for(lambda: studio.state()["controls"]["strength"] == 0.25, seconds=10)
        sender.send_message("/rtstyle/keep_colors", 1)
        wait_for(lambda: studio.state()["controls"]["keep_colors"], seconds=10)
        sender.send_message("/rtstyle/strength", 7)  # refused, and nothing ends
        sender.send_message("/rtstyle/strength", 1.0)
        wait_for(lambda: studio.state()["controls"]["strength"] == 1.0, seconds=10)
    finally:
        sender._sock.close()
        server.close()
        studio.do({"do": "set", "name": "keep_colors", "value": False})


def test_a_midi_fader_covers_the_range(studio: Running) -> None:
    for share, value in ((0, 0.25), (1, 4.0)):
        message = {"do": "fader", "name": "style_scale", "share": share}
        assert studio.do(message)[0] == 200
        assert studio.state()["controls"]["style_scale"] == value
    studio.do({"do": "set", "name": "style_scale", "value": 1.0})


def test_the_cameras_picture_comes_from_the_page(studio: Running) -> None:
    assert studio.do({"do": "camera", "name": "page", "size": "320x180"})[0] == 200
    wait_for(lambda: studio.studio.session.page_camera is not None)
    red = np.zeros((180, 320, 3), np.uint8)
    red[..., 2] = 250
    jpeg = cv2.imencode(".jpg", red)[1].tobytes()
    with studio.socket() as socket:
        pictures = Pictures(socket)
        for index in range(200):
            head = HEAD.pack(2, 1, 320, 180, 0, index, time.time() * 1e3)
            socket.send(head + jpeg)
            pictures.next_text("credit")
            picture = decoded(pictures.next())
            if picture.shape == (180, 320, 3) and picture[..., 0].mean() < 30:
                break
        else:
            pytest.fail("no cyan picture came")
        socket.send(b"\x02 no picture")
        assert "expected a head" in pictures.next_text("refused")["text"]
        socket.send(head + b"\xff\xd8 broken")
        assert "expected a JPEG" in pictures.next_text("refused")["text"]
    assert studio.do({"do": "camera", "name": "sample:", "size": "320x180"})[0] == 200
    wait_for(lambda: studio.studio.session.camera.id == "sample:")


def test_a_camera_that_breaks_is_told_and_can_be_begun_again(studio: Running) -> None:
    session = studio.studio.session
    good = session.camera
    from rtstyle.studio.cameras import CameraChoice

    session.use_camera(CameraChoice("gone", "Gone", "no such camera"))
    wait_for(lambda: "no such camera" in studio.state()["error"])
    session.use_camera(good)
    runs = session.num_runs
    wait_for(lambda: studio.state()["is_ready"] and not studio.state()["error"])
    studio.do({"do": "begin_again"})
    wait_for(lambda: session.num_runs > runs)


def decoded(message: bytes) -> Any:
    bgr = cv2.imdecode(np.frombuffer(message[HEAD.size :], np.uint8), cv2.IMREAD_COLOR)
    assert bgr is not None
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def age_ms(message: bytes) -> float:
    return float(time.time() * 1e3 - HEAD.unpack(message[: HEAD.size])[6])


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
