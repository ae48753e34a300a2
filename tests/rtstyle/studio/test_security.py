"""Each rule of the studio's security, attacked."""

import contextlib
import json
import socket as sockets
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from rtstyle.errors import UsageError
from rtstyle.studio.security import Guard
from rtstyle.studio.serve import served
from rtstyle.studio.settings import StudioSettings
from tests.studio_server import Running, wait_for

HUGE_PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (60_000).to_bytes(4) * 2 + bytes(60)
"""The head of a picture that would take 10 GB."""
FROM_ELSEWHERE = {"Sec-Fetch-Site": "cross-site"}
SECRET_PATHS = [
    ("GET", "/api/state"),
    ("GET", "/api/controls"),
    ("POST", "/api/do"),
    ("PUT", "/api/upload/painting?name=a.png"),
    ("GET", "/thumb/negative"),
    ("GET", "/stream.mjpg"),
    ("GET", "/nothing/here"),
]


def test_it_listens_on_this_computer_alone(studio: Running) -> None:
    others = {row[4][0] for row in sockets.getaddrinfo(sockets.gethostname(), None)} - {
        "127.0.0.1",
        "127.0.1.1",
        "::1",
    }
    for address in others:
        kind = sockets.AF_INET6 if ":" in str(address) else sockets.AF_INET
        with sockets.socket(kind) as line, pytest.raises(OSError):
            line.settimeout(2)
            line.connect((str(address), studio.port))


def test_another_address_needs_names(tmp_path: Path) -> None:
    settings = StudioSettings(host="0.0.0.0", folder=tmp_path, data=tmp_path)
    with pytest.raises(UsageError, match="--host 0.0.0.0: expected --names"):
        with served(settings):
            pass


@pytest.mark.parametrize(
    "host",
    ["evil.test", "evil.test:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.test"]
    + ["127.0.0.1:{port}.evil.test", "localhost:{port}@evil.test", ""],
)
def test_a_rebound_name_is_refused(studio: Running, host: str) -> None:
    given = {"Host": host.format(port=studio.port)}
    assert studio.ask("GET", "/", headers=given)[0] == 421
    assert studio.ask("GET", "/api/state", headers=given)[0] == 421


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_the_names_of_this_computer_are_taken(studio: Running, host: str) -> None:
    given = {"Host": f"{host}:{studio.port}"}
    assert studio.ask("GET", "/api/state", headers=given)[0] == 200


def test_two_hosts_are_refused(studio: Running) -> None:
    with sockets.create_connection(("127.0.0.1", studio.port)) as line:
        host = f"Host: {studio.host}\r\n"
        line.sendall(f"GET / HTTP/1.1\r\n{host}{host}\r\n".encode())
        assert line.recv(100).split()[1] in (b"400", b"421")


@pytest.mark.parametrize(
    "origin",
    ["null", "https://127.0.0.1:{port}", "http://127.0.0.1:1", "http://evil.test"]
    + ["http://127.0.0.1:{port}.evil.test", "http://127.0.0.1"],
)
def test_a_page_of_another_origin_is_refused(studio: Running, origin: str) -> None:
    given = {"Origin": origin.format(port=studio.port)}
    assert studio.ask("POST", "/api/do", headers=given, body="{}")[0] == 403
    with pytest.raises(InvalidStatus, match="403"):
        with studio.socket(origin=Origin(given["Origin"])):
            pass


def test_a_socket_of_a_rebound_name_or_from_elsewhere_is_refused(
    studio: Running,
) -> None:
    secret = Subprotocol(f"token.{studio.guard.token}")
    line = sockets.create_connection(("127.0.0.1", studio.port))
    with pytest.raises(InvalidStatus, match="403"):
        connect(f"ws://evil.test:{studio.port}/ws", sock=line, subprotocols=[secret])
    for site in ("cross-site", "same-site"):
        with pytest.raises(InvalidStatus, match="403"):
            with studio.socket(additional_headers={"Sec-Fetch-Site": site}):
                pass


def test_no_page_from_elsewhere_may_ask_what_it_may_ask(studio: Running) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Origin": "http://evil.test"}
    status, _, headers = studio.ask("OPTIONS", "/api/do", headers=asked)
    assert status == 403
    assert not any(name.lower().startswith("access-control") for name in headers)


def test_our_own_origin_is_taken(studio: Running) -> None:
    given = {"Origin": f"http://{studio.host}", "Sec-Fetch-Site": "same-origin"}
    assert studio.ask("GET", "/api/state", headers=given)[0] == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("method, path", SECRET_PATHS)
def test_a_request_from_elsewhere_is_refused_even_with_the_token(
    studio: Running, method: str, path: str, site: str
) -> None:
    given = {"Sec-Fetch-Site": site}
    assert studio.ask(method, path, headers=given)[0] == 403


def test_a_link_from_elsewhere_may_open_the_page_and_nothing_else(
    studio: Running,
) -> None:
    link = FROM_ELSEWHERE | {
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    assert studio.ask("GET", "/", headers=link, token="")[0] == 200
    assert studio.ask("GET", "/api/state", headers=link)[0] == 403
    frame = link | {"Sec-Fetch-Dest": "iframe"}
    assert studio.ask("GET", "/", headers=frame, token="")[0] == 403


@pytest.mark.parametrize("token", ["", "x", "0" * 32, "ä"])
@pytest.mark.parametrize("method, path", SECRET_PATHS)
def test_without_the_token_nothing_is_told(
    studio: Running, method: str, path: str, token: str
) -> None:
    headers = {} if token != "ä" else {"Authorization": "Bearer \xe4"}
    status, data, _ = studio.ask(
        method, path, token="" if token == "ä" else token, headers=headers
    )
    assert status == 401
    assert list(json.loads(data)) == ["refused"]


def test_the_view_token_shows_pictures_alone(studio: Running) -> None:
    view = studio.guard.view_token
    assert studio.ask("GET", "/api/state", token=view)[0] == 401
    assert studio.ask("GET", f"/api/state?view={view}", token="")[0] == 401
    with studio.socket("/ws/view", token=view) as socket:
        assert isinstance(socket.recv(timeout=30), bytes)
        socket.send('{"do":"snapshot"}')
        while isinstance(answer := socket.recv(timeout=30), bytes):
            socket.send("a")
        assert "view: expected a" in answer
    with pytest.raises(ConnectionClosedError, match="1008"):
        with studio.socket("/ws", token=view) as socket:
            socket.recv(timeout=30)


def test_a_socket_without_the_token_is_closed_for_good(studio: Running) -> None:
    for path in ("/ws", "/ws/view", "/ws/other"):
        with pytest.raises(ConnectionClosedError, match="1008"):
            with studio.socket(path, token="wrong") as socket:
                socket.recv(timeout=30)


def test_a_code_of_the_browser_holds_once(studio: Running) -> None:
    code = studio.guard.new_code()
    status, data, _ = studio.ask("POST", "/api/enter", token=code)
    assert status == 200 and json.loads(data)["token"] == studio.guard.token
    assert studio.ask("POST", "/api/enter", token=code)[0] == 401
    assert studio.ask("POST", "/api/enter", token="")[0] == 401


def test_no_cookie_is_ever_set(studio: Running) -> None:
    for path in ("/", "/obs", "/api/state"):
        names = {name.lower() for name in studio.ask("GET", path)[2]}
        assert "set-cookie" not in names


def test_every_answer_has_the_headers(studio: Running) -> None:
    for method, path in [("GET", "/"), ("GET", "/page/x"), ("GET", "/api/state")]:
        headers = {k.lower(): v for k, v in studio.ask(method, path)[2].items()}
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-embedder-policy"] == "require-corp"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers


@pytest.mark.parametrize(
    "path",
    ["/page/../serve.py", "/page/..%2fserve.py", "/page/%2e%2e/serve.py"]
    + ["/page//etc/passwd", "/page/C:\\boot.ini", "/page/index.html%00"]
    + ["/page/file?ticket=", "/page/file?ticket=../../jobs.json", "/page/"],
)
def test_no_path_reaches_the_disk(studio: Running, path: str) -> None:
    assert studio.ask("GET", path)[0] == 404


@pytest.mark.parametrize("name", ["/etc/passwd", "../x.onnx", "http://evil.test/x"])
def test_no_path_and_no_address_is_taken_for_a_style_or_a_camera(
    studio: Running, name: str
) -> None:
    for message in ({"do": "style", "name": name}, {"do": "camera", "name": name}):
        status, data = studio.do(message)
        assert status == 400
        assert "expected one of" in data["refused"]


def test_a_ticket_holds_once(studio: Running, tmp_path: Path) -> None:
    path = tmp_path / "film.txt"
    path.write_text("film")
    studio.studio.session.files.append(path)
    place = len(studio.studio.session.all_files) - 1
    _, ticket = studio.do({"do": "ticket", "file": place})
    address = f"/page/file?ticket={ticket['ticket']}"
    assert studio.ask("GET", address, token="")[1] == b"film"
    assert studio.ask("GET", address, token="")[0] == 404


def test_a_message_that_is_too_long_is_refused(studio: Running) -> None:
    assert studio.ask("POST", "/api/do", body=b" " * (1 << 17))[0] == 413
    with studio.socket() as socket:
        socket.send(" " * (1 << 17))
        while isinstance(answer := socket.recv(timeout=30), bytes) or (
            '"refused"' not in answer
        ):
            pass
        assert "at most 64 kB" in answer


def test_a_head_that_is_too_long_is_refused(studio: Running) -> None:
    try:
        status = studio.ask("GET", "/", headers={"X": "x" * (1 << 17)})[0]
    except ConnectionError:  # it was closed while we still sent
        return
    assert status in (400, 431)


@pytest.mark.parametrize(
    ("path", "body", "told", "status", "text"),
    [
        ("painting?name=a.svg", b"<svg/>", None, 400, "expected a file of"),
        ("painting?name=a.exe", b"MZ", None, 400, "expected a file of"),
        ("painting", b"x", None, 400, "expected a file of"),
        ("painting?name=a.png", b"no picture", None, 400, "a.png: expected a painting"),
        ("painting?name=a.png", b"", None, 400, "got nothing"),
        ("painting?name=a.png", b"", str(1 << 40), 413, "at most 64 MB"),
        ("painting?name=../../a.png", b"no", None, 400, "expected a painting"),
        ("painting?name=a%00.png", b"no", None, 400, "expected a painting"),
        ("painting?name=a.png%00.exe", b"no", None, 400, "expected a file of"),
        ("painting?name=.png", b"no", None, 400, "expected a file of"),
        ("painting?name=a.png", HUGE_PNG, None, 400, "at most 64 megapixels"),
        ("style?name=a.onnx", b"no", None, 400, "a.onnx: expected an ONNX file"),
        ("style?name=a.onnx", b"\x80\x04pickle", None, 400, "expected an ONNX file"),
        ("film?name=a.mp4", b"", str(1 << 50), 413, "at most 8192 MB"),
        ("other?name=a.mp4", b"x", None, 400, "expected painting, style, film"),
    ],
)
def test_an_upload_that_is_refused_leaves_nothing(
    studio: Running, path: str, body: bytes, told: str | None, status: int, text: str
) -> None:
    headers = {"Content-Length": told} if told else {}
    got, data, _ = studio.ask("PUT", f"/api/upload/{path}", headers=headers, body=body)
    assert got == status
    assert text in json.loads(data)["refused"]
    assert b"\\n" not in data
    assert not list(studio.studio.uploads.iterdir())


def test_an_upload_that_tells_no_size_is_counted(studio: Running) -> None:
    megabyte = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
    with sockets.create_connection(("127.0.0.1", studio.port), timeout=20) as line:
        line.sendall(
            f"PUT /api/upload/painting?name=a.png HTTP/1.1\r\nHost: {studio.host}\r\n"
            f"Authorization: Bearer {studio.guard.token}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
        )
        with contextlib.suppress(ConnectionError):  # it was refused while we still sent
            for _ in range(66):
                line.sendall(megabyte)
        assert line.recv(100).split()[1] == b"413"
    assert not list(studio.studio.uploads.iterdir())


def test_an_upload_that_breaks_off_leaves_nothing(studio: Running) -> None:
    with sockets.create_connection(("127.0.0.1", studio.port)) as line:
        line.sendall(
            f"PUT /api/upload/film?name=a.mp4 HTTP/1.1\r\nHost: {studio.host}\r\n"
            f"Authorization: Bearer {studio.guard.token}\r\n"
            "Content-Length: 100000\r\n\r\nsome bytes".encode()
        )
    wait_for(lambda: not list(studio.studio.uploads.iterdir()), seconds=10)
    assert studio.state()["jobs"] == []


def test_the_folder_of_uploads_is_of_this_user_alone(studio: Running) -> None:
    assert studio.studio.uploads.stat().st_mode & 0o077 == 0


def test_secrets_differ_from_run_to_run() -> None:
    one, two = Guard(port=1), Guard(port=1)
    assert len({one.token, two.token, one.view_token, two.view_token}) == 4
