"""`python -m rtstyle`, and what the script `rtstyle` calls."""

import os
import signal
import sys
from types import FrameType


def run() -> None:
    """Run the command line and exit.

    While the command line is being loaded, a signal ends the process without a word.
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)
    from rtstyle.cli import main
    from rtstyle.process.signals import has_come

    try:
        main()
    except SystemExit as error:
        if has_come():  # Python's own end takes a while, in which a second one kills
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(error.code if isinstance(error.code, int) else 1)
        raise


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)


if __name__ == "__main__":
    run()
