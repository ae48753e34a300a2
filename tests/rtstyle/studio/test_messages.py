"""What a page, HTTP, OSC and MIDI may say, and what comes of it."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from rtstyle.looks.control_table import CONTROLS
from rtstyle.studio.actions import ACTIONS
from rtstyle.studio.osc import OscServer
from tests.studio_server import Pictures, Running, wait_for

pytestmark = pytest.mark.usefixtures("from_the_start")
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
