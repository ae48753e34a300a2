"""One queued job in a process of its own: ``python -m rtstyle.offline.queue_worker``.

A codec that crashes then ends one job, not the runner; and what a job has in memory is
free again when it is done.
"""

import logging
import sys
import time
from pathlib import Path
from typing import Final

from rtstyle.errors import RtstyleError
from rtstyle.offline.job import run_file_job
from rtstyle.offline.queue import JobQueue
from rtstyle.offline.queued_job import CancelledError
from rtstyle_streams.errors import StreamError

log = logging.getLogger(__name__)

REPORT_SECONDS: Final = 0.5
"""How often progress is noted."""
EXIT_STOPPED: Final = 130
"""Exit status when the job was stopped and waits again."""


class _QueueLog(logging.Handler):
    """Notes what is said in the job's log."""

    def __init__(self, queue: JobQueue, number: int) -> None:
        super().__init__(logging.INFO)
        self._queue, self._number = queue, number

    def emit(self, record: logging.LogRecord) -> None:
        """Add one line."""
        self._queue.say(self._number, record.getMessage())


def work(queue: JobQueue, number: int) -> int:
    """Do the running job `number` and note what became of it.

    Returns:
        The exit status: 0, 1 (failed or cancelled) or 130 (stopped, waits again).
    """
    queue.hand_over(number)
    handler = _QueueLog(queue, number)
    logging.getLogger("rtstyle").addHandler(handler)
    try:
        return _work(queue, number)
    except CancelledError:
        queue.end_cancelled(number)
        return 1
    except KeyboardInterrupt:
        queue.give_back(number)
        return EXIT_STOPPED
    except (RtstyleError, StreamError, OSError) as error:
        queue.fail(number, " ".join(str(error).split()))
        return 1
    except Exception as error:
        queue.fail(number, " ".join(f"{type(error).__name__}: {error}".split()))
        return 1
    finally:
        logging.getLogger("rtstyle").removeHandler(handler)


def _work(queue: JobQueue, number: int) -> int:
    began, reported, kept = time.monotonic(), 0.0, 0

    def on_frame(done: int, total: int | None) -> None:
        nonlocal reported, kept
        now = time.monotonic()
        if not reported:
            kept = done - 1
        if now - reported >= REPORT_SECONDS or done == total:
            rate = (done - kept) / max(1e-6, now - began)
            queue.report(number, num_done=done, num_frames=total, rate=rate)
            reported = now

    job = queue.get(number).job
    Path(job.target).parent.mkdir(parents=True, exist_ok=True)
    result = run_file_job(job, on_frame=on_frame)
    frames = result.num_kept + result.summary.num_frames
    rate = result.summary.frames_per_second
    errors = result.num_decode_errors
    told = f"{errors} errors while reading the input" if errors else ""
    try:
        queue.report(number, num_done=frames, num_frames=frames, rate=rate)
    except CancelledError:
        pass  # too late: the output is whole
    queue.finish(number, error=told)
    return 0


def main() -> None:
    """Do the job that the arguments name: the queue's file and the job's number."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    with JobQueue(Path(sys.argv[1])) as queue:
        sys.exit(work(queue, int(sys.argv[2])))


if __name__ == "__main__":
    main()
