"""Serve the studio: the web on a thread of its own, signals on the main one."""

import contextlib
import logging
import socket
import threading
import time
import webbrowser
from collections.abc import Iterator
from typing import Final

from rtstyle.errors import UsageError, missing_extra
from rtstyle.studio.security import Guard, is_loopback
from rtstyle.studio.settings import StudioSettings

try:
    import uvicorn
    import websockets  # noqa: F401  # uvicorn looks for it too late

    from rtstyle.studio.web import application
except ImportError as error:
    if (error.name or "").partition(".")[0] not in (
        "uvicorn",
        "starlette",
        "websockets",
    ):
        raise
    raise missing_extra("rtstyle studio", str(error.name), "studio") from error
from rtstyle.studio.studio import Studio, open_studio

log = logging.getLogger(__name__)

MOST_CONNECTIONS: Final = 64
"""At once; more are told to come later."""
LARGEST_MESSAGE: Final = 4 << 20
"""Bytes of one WebSocket message: a picture of the page's camera."""
LARGEST_HEAD: Final = 16 << 10
"""Bytes of a request's head."""
START_SECONDS: Final = 15.0
"""How long the server may take to begin."""


class WebServer(threading.Thread):
    """A web server on its own thread, which leaves signals to the main one.

    Args:
        studio: What is served.
        guard: Who may ask.
        bound: The socket to listen at.
    """

    def __init__(self, studio: Studio, guard: Guard, bound: socket.socket) -> None:
        super().__init__(name="rtstyle-web", daemon=True)
        config = uvicorn.Config(
            application(studio, guard),
            log_level="warning",
            access_log=False,
            server_header=False,
            ws="websockets-sansio",
            ws_max_size=LARGEST_MESSAGE,
            ws_per_message_deflate=False,
            limit_concurrency=MOST_CONNECTIONS,
            h11_max_incomplete_event_size=LARGEST_HEAD,
            http="h11",
            lifespan="off",
            timeout_graceful_shutdown=1,
            log_config=None,
        )
        self._server, self._bound = uvicorn.Server(config), bound

    def run(self) -> None:
        """Serve until `stop`."""
        self._server.run(sockets=[self._bound])

    def wait_until_ready(self) -> None:
        """Wait until it answers.

        Raises:
            UsageError: it does not.
        """
        end = time.monotonic() + START_SECONDS
        while not self._server.started:
            if time.monotonic() > end or not self.is_alive():
                raise UsageError("studio: expected the server to begin, it did not")
            time.sleep(0.01)

    def stop(self) -> None:
        """End; returns when it has ended."""
        self._server.should_exit = True
        self.join(4)
        if self.is_alive():
            self._server.force_exit = True
            self.join(2)


@contextlib.contextmanager
def served(settings: StudioSettings) -> Iterator[tuple[Studio, Guard, str]]:
    """Run a studio for the block.

    Yields:
        The studio, its guard, and its address without a secret.

    Raises:
        UsageError: the address cannot be had, or is one for all without ``names``.
        RtstyleError: the first style cannot be used.
    """
    if not is_loopback(settings.host) and not settings.names:
        raise UsageError(
            f"--host {settings.host}: expected --names beside it, the names under "
            "which browsers know this computer; others are refused"
        )
    with _bound(settings) as bound, contextlib.ExitStack() as stack:
        port = int(bound.getsockname()[1])
        studio = open_studio(settings)
        stack.callback(studio.close)
        guard = Guard(port=port, names=settings.names)
        server = WebServer(studio, guard, bound)
        server.start()
        stack.callback(server.stop)
        server.wait_until_ready()
        name = "127.0.0.1" if is_loopback(settings.host) else settings.names[0]
        yield studio, guard, f"http://{name}:{port}/"


def run_studio(
    settings: StudioSettings, *, stop: threading.Event, opens_browser: bool
) -> None:
    """Serve until `stop` is set; everything that was begun is ended.

    Raises:
        RtstyleError: as in `served`.
    """
    if not is_loopback(settings.host):
        log.warning(
            "warning: everybody who reaches %s and knows the address can see the "
            "picture and use this studio; what travels is not encrypted",
            settings.host,
        )
    with served(settings) as (studio, guard, address):
        log.info("studio: %s#token=%s", address, guard.token)
        log.info("for OBS: %sobs#view=%s", address, guard.view_token)
        log.info("Ctrl-C ends it")
        if settings.osc_port is not None:
            from rtstyle.studio.osc import OscServer

            osc = OscServer(studio, port=settings.osc_port)
            log.info("osc: 127.0.0.1:%d, addresses /rtstyle/strength …", osc.port)
        if opens_browser:
            webbrowser.open(f"{address}#code={guard.new_code()}")
        _wait_for_picture(studio, stop)
        studio.thumbnails.want(studio.shelf.all())
        stop.wait()
        log.info("studio: ending")


def _wait_for_picture(studio: Studio, stop: threading.Event) -> None:
    """Wait until there is a live picture, or a reason why there is none."""
    end, session = time.monotonic() + START_SECONDS, studio.session
    while session.broadcast.content is None and not session.error:
        if stop.wait(0.05) or time.monotonic() > end:
            return


def _bound(settings: StudioSettings) -> socket.socket:
    """Return a socket that listens; on another port when that one is taken.

    Raises:
        UsageError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    for port in (settings.port, 0):
        bound = socket.socket(family, socket.SOCK_STREAM)
        try:
            bound.bind((settings.host, port))
            bound.listen(128)
            return bound
        except OSError as error:
            bound.close()
            if port == 0:
                raise UsageError(
                    f"--host {settings.host}: cannot listen there ({error.strerror})"
                ) from error
            log.warning("port %d is taken; another one is used", port)
        except OverflowError as error:
            bound.close()
            raise UsageError(f"--port: expected 0 to 65535, got {port}") from error
    raise AssertionError("port 0 was tried")
