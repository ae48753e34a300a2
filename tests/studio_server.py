"""A studio on a free port with a tiny style, and raw requests to it."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from rtstyle.studio.security import Guard
from rtstyle.studio.serve import served
from rtstyle.studio.settings import StudioSettings
from rtstyle.studio.studio import Studio
from rtstyle_streams.camera.capture import CaptureRequest
from tests.tiny_paintings import write_network
from tests.tiny_styles import write_negative


@dataclass(frozen=True, slots=True)
class Running:
    """A studio that runs."""

    studio: Studio
    guard: Guard
    port: int

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def ask(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | str = b"",
        token: str | None = None,
    ) -> tuple[int, bytes, dict[str, str]]:
        """Send one request; `token` None is the right one, "" none."""
        given = {"Host": self.host}
        secret = self.guard.token if token is None else token
        if secret:
            given["Authorization"] = f"Bearer {secret}"
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        line.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        data = body.encode() if isinstance(body, str) else body
        given |= headers or {}
        if method in ("POST", "PUT"):
            given.setdefault("Content-Length", str(len(data)))
        for name, value in given.items():
            line.putheader(name, value)
        line.endheaders()
        if data:
            line.send(data)
        answer = line.getresponse()
        result = answer.status, answer.read(), dict(answer.getheaders())
        line.close()
        return result

    def do(self, message: object) -> tuple[int, dict[str, Any]]:
        status, data, _ = self.ask("POST", "/api/do", body=json.dumps(message))
        return status, json.loads(data)

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ask("GET", "/api/state")[1])
        return found

    @contextmanager
    def socket(
        self, path: str = "/ws", *, token: str | None = None, **more: Any
    ) -> Iterator[ClientConnection]:
        secret = self.guard.token if token is None else token
        protocols = [Subprotocol("rtstyle.1"), Subprotocol(f"token.{secret}")]
        with connect(
            f"ws://{self.host}{path}", subprotocols=protocols, proxy=None, **more
        ) as socket:
            yield socket


@contextmanager
def running(
    folder: Path, *, style: str | None = None, **more: Any
) -> Iterator[Running]:
    """Run a studio with the sample scene as its camera."""
    settings = StudioSettings(
        camera=more.pop("camera", "sample:"),
        request=CaptureRequest(160, 90, 30),
        style=style,
        device="cpu",
        folder=folder / "videos",
        data=folder / "data",
        **more,
    )
    with served(settings) as (studio, guard, address):
        yield Running(studio, guard, int(address.rstrip("/").rpartition(":")[2]))


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Return a running studio; its environment ends with the module's tests."""
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


def wait_for(is_so: Callable[[], object], *, seconds: float = 60.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@dataclass(slots=True)
class Pictures:
    """Reads a socket; gives pictures, keeps the rest."""

    socket: ClientConnection
    texts: list[dict[str, Any]] = field(default_factory=list)

    def next(self) -> bytes:
        """Return the next picture and acknowledge it."""
        while True:
            message = self.socket.recv(timeout=30)
            if isinstance(message, bytes):
                self.socket.send("a")
                return message
            self.texts.append(json.loads(message))

    def next_text(self, kind: str) -> dict[str, Any]:
        """Return the next message of a kind; pictures are acknowledged."""
        while True:
            message = self.socket.recv(timeout=30)
            if isinstance(message, bytes):
                self.socket.send("a")
                continue
            data: dict[str, Any] = json.loads(message)
            if data["type"] == kind:
                return data
