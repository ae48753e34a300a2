"""A training from its first step to its last, with progress on stderr."""

import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor
from tqdm import tqdm

from rtstyle_train.loop.trainer import Trainer

log = logging.getLogger(__name__)

PACE = 0.01
"""Share of each step's terms in the smoothed ones."""


def run_to_end(
    trainer: Trainer,
    on_save: Callable[[dict[str, Tensor]], None],
    *,
    go_on_by: str = "the same command and --resume",
) -> dict[str, float]:
    """Train to the end; Ctrl-C waits for the end of a step and keeps a checkpoint.

    Args:
        trainer: At its beginning, or resumed.
        on_save: Told the averaged weights after each checkpoint, in the main process.
        go_on_by: What to do after Ctrl-C, for people.

    Returns:
        The terms of the loss, smoothed.

    Raises:
        KeyboardInterrupt: after a Ctrl-C.
    """
    terms: dict[str, float] = {}

    def save(average: dict[str, Tensor]) -> None:
        if is_main:
            on_save(average)

    is_main = trainer.accelerator.is_main_process
    bar = tqdm(
        initial=trainer.progress.step,
        unit="step",
        file=sys.stderr,
        mininterval=1,
        disable=not is_main,
    )
    with bar, between_steps() as is_interrupted:
        for report in trainer.run(save):
            for name, value in report.terms.items():
                terms[name] = terms.get(name, value) * (1 - PACE) + value * PACE
            bar.total = report.total
            bar.update(report.step - bar.n)
            line = f"loss {report.loss:.3f} ({progress_line(terms)})"
            bar.set_postfix_str(line, refresh=False)
            if trainer.any_process(is_interrupted()):
                trainer.save()
                if is_main:
                    log.warning("stopped; go on with %s", go_on_by)
                raise KeyboardInterrupt
    return terms


def progress_line(terms: Mapping[str, float]) -> str:
    """Return the terms of a loss for a progress bar."""
    return " ".join(f"{name} {value:.3f}" for name, value in terms.items())


@contextmanager
def between_steps() -> Iterator[Callable[[], bool]]:
    """Hold Ctrl-C back, so that no step is cut in half.

    Yields:
        A function that tells whether Ctrl-C was pressed.
    """
    pressed = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    is_main = threading.current_thread() is threading.main_thread()
    if is_main:
        signal.signal(signal.SIGINT, lambda number, frame: pressed.set())
    try:
        yield pressed.is_set
    finally:
        if is_main:
            signal.signal(signal.SIGINT, before)
