"""Work beside the camera's, which must not wait for it."""

import contextlib
import os
import sys
import threading

NICENESS = 15
"""Of threads that work aside: from 0, like all others, to 19."""


def be_gentle() -> None:
    """Let this thread, and those that it starts, take what others leave of the cores.

    Linux alone knows this for one thread; elsewhere nothing happens.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
