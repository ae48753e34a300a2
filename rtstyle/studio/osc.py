"""Open Sound Control: the same controls and actions, for tablets and music programs.

``/rtstyle/strength 0.7`` sets a control, ``/rtstyle/style scream`` a style,
``/rtstyle/snapshot`` and ``/rtstyle/record 1`` act.
"""

import logging
import threading
from typing import Any

from rtstyle.errors import RtstyleError, UsageError, missing_extra
from rtstyle.looks.control_table import CONTROLS
from rtstyle.studio.actions import do
from rtstyle.studio.studio import Studio

log = logging.getLogger(__name__)

PREFIX = "/rtstyle/"
"""Of every address."""


def message_of(address: str, arguments: tuple[Any, ...]) -> dict[str, Any]:
    """Return the action that an OSC message means.

    Raises:
        UsageError: it means none.
    """
    if not address.startswith(PREFIX):
        raise UsageError(f"osc: expected an address {PREFIX}…, got {address!r:.60}")
    name = address.removeprefix(PREFIX)
    value = arguments[0] if arguments else None
    control = CONTROLS.get(name)
    if control is not None:
        if control.kind == "switch" and isinstance(value, int | float):
            value = value >= 0.5
        return {"do": "set", "name": name, "value": value}
    if name == "style":
        return {"do": "style", "name": value}
    if name in ("record", "virtualcam"):
        return {"do": name, "on": bool(value)}
    return {"do": name}


class OscServer:
    """Listens on this computer alone; OSC knows no password.

    Args:
        studio: What is changed.
        port: UDP port; 0 is any that is free.

    Raises:
        MissingExtraError: python-osc is not installed.
        UsageError: the port is taken.
    """

    def __init__(self, studio: Studio, *, port: int) -> None:
        try:
            from pythonosc.dispatcher import Dispatcher
            from pythonosc.osc_server import BlockingOSCUDPServer
        except ImportError as error:
            raise missing_extra("--osc", "python-osc", "studio") from error
        dispatcher = Dispatcher()
        dispatcher.set_default_handler(self._on_message)
        self._studio = studio
        try:
            self._server = BlockingOSCUDPServer(("127.0.0.1", port), dispatcher)
        except OSError as error:
            raise UsageError(
                f"--osc {port}: expected a free port, got {error.strerror}"
            ) from error
        self.port = int(self._server.server_address[1])
        """Where it listens."""
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="rtstyle-osc", daemon=True
        )
        self._thread.start()

    def _on_message(self, address: str, *arguments: Any) -> None:
        try:
            do(self._studio, message_of(address, arguments))
        except RtstyleError as error:
            log.warning("osc: %s", error)

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(2)
