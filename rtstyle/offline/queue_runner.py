"""Works a queue off, job by job."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final

from rtstyle.offline.queue import JobQueue
from rtstyle.offline.queue_worker import EXIT_STOPPED
from rtstyle.offline.queued_job import QueuedJob

POLL_SECONDS: Final = 0.2
"""How often a runner looks after its job, and for new ones."""


def run_queue(
    queue: JobQueue,
    *,
    watch: bool = False,
    on_change: Callable[[QueuedJob], None] | None = None,
) -> list[QueuedJob]:
    """Do waiting jobs until none is left; several runners may share a queue.

    Args:
        queue: The queue.
        watch: Whether to wait for new jobs for ever, until Ctrl-C.
        on_change: Called with a job a few times a second while it runs, and at its end.

    Returns:
        The jobs that this runner did, as they are now.

    Raises:
        KeyboardInterrupt: Ctrl-C; the job that was running waits again.
    """
    numbers: list[int] = []
    while True:
        taken = queue.take()
        if taken is None:
            if not watch:
                return [queue.get(number) for number in numbers]
            time.sleep(POLL_SECONDS)
            continue
        numbers.append(taken.id)
        _run(queue, taken, on_change or _say_nothing)


def _run(
    queue: JobQueue, taken: QueuedJob, on_change: Callable[[QueuedJob], None]
) -> None:
    """Run one job in a process of its own, in the folder from which it was added."""
    words = [sys.executable, "-m", "rtstyle.offline.queue_worker"]
    words += [str(queue.path.resolve()), str(taken.id)]
    try:
        worker = subprocess.Popen(
            words,
            cwd=taken.folder,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
    except OSError as error:
        queue.fail(taken.id, f"{taken.folder}: {error.strerror}")
        return
    try:
        status = _watched(queue, taken.id, worker, on_change)
    except KeyboardInterrupt:
        worker.terminate()
        worker.wait()
        queue.give_back(taken.id)
        raise
    if status == EXIT_STOPPED:
        raise KeyboardInterrupt
    if queue.get(taken.id).state == "running":  # it could not say how it ended
        queue.fail(taken.id, f"its process ended with status {status}")
    on_change(queue.get(taken.id))


def _watched(
    queue: JobQueue,
    number: int,
    worker: "subprocess.Popen[str]",
    on_change: Callable[[QueuedJob], None],
) -> int:
    while True:
        try:
            worker.communicate(timeout=POLL_SECONDS)
            return worker.returncode
        except subprocess.TimeoutExpired:
            on_change(queue.get(number))


def _say_nothing(job: QueuedJob) -> None:
    pass
