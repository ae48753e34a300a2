"""The pictures of the studio: what each one who looks on sees, and when."""

import json
import socket as sockets
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from rtstyle.studio.broadcast import HEAD, Broadcast, Viewer
from rtstyle_streams.frame import Frame
from tests.studio_server import Pictures, Running, wait_for
from tests.tiny_paintings import write_painting

pytestmark = pytest.mark.usefixtures("from_the_start")
MOST_PICTURES = 200
"""That a change is waited for."""


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


def test_who_joins_sees_the_last_picture_but_none_from_before_others_left() -> None:
    broadcast = Broadcast()
    frames = [
        Frame(np.full((4, 6, 3), index, np.uint8), index, Fraction(1, 30), index)
        for index in range(3)
    ]
    first, second, third = (Viewer("clean", lambda: None) for _ in range(3))
    broadcast.join(first)
    broadcast.write(frames[0])
    broadcast.join(second)
    assert second.take() is not None, "a camera that stands still shows its picture"
    broadcast.leave(first)
    broadcast.leave(second)
    broadcast.write(frames[1])
    broadcast.join(third)
    assert third.take() is None, "it would be as old as the last viewer"
    broadcast.write(frames[2])
    picture = third.take()
    assert picture is not None and HEAD.unpack(picture.head)[5] == 2


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


def decoded(message: bytes) -> Any:
    bgr = cv2.imdecode(np.frombuffer(message[HEAD.size :], np.uint8), cv2.IMREAD_COLOR)
    assert bgr is not None
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def age_ms(message: bytes) -> float:
    return float(time.time() * 1e3 - HEAD.unpack(message[: HEAD.size])[6])
