"""A process that works aside takes what the others leave of the processor."""

import contextlib
import os
import sys
from typing import Final

NICENESS: Final = 15
"""Added to a process's, which is 0 for most: 19 is the lowest priority."""
BELOW_NORMAL: Final = 0x4000
"""Windows: BELOW_NORMAL_PRIORITY_CLASS."""


def make_way() -> None:
    """Lower the priority of this process and of the threads that it will start."""
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), BELOW_NORMAL)
        return
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
