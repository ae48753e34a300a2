"""What is said to the person in front of the picture."""

import logging
import time
from typing import Final

log = logging.getLogger(__name__)

MESSAGE_SECONDS: Final = 4.0
"""How long a message stays on the picture."""


class Messages:
    """The newest message, shown for a while and logged; any thread may say one."""

    def __init__(self) -> None:
        self._text, self._end = "", 0.0

    def say(self, text: str) -> None:
        """Show one line for `MESSAGE_SECONDS`, and log it."""
        log.info(text)
        self._text, self._end = text, time.monotonic() + MESSAGE_SECONDS

    @property
    def shown(self) -> str:
        """Return what is to be shown now; empty when nothing."""
        return self._text if time.monotonic() < self._end else ""
