"""Run a training from its first step to its last, with progress on stderr."""

import logging
import signal
import sys
from collections.abc import Callable, Mapping

from torch import Tensor
from tqdm import tqdm

from rtstyle.process.signals import Stopped, graceful_stop
from rtstyle_train.loop.trainer import Trainer

log = logging.getLogger(__name__)

PACE = 0.01
"""Weight of each step's terms in the smoothed ones."""


def run_to_end(
    trainer: Trainer,
    on_save: Callable[[dict[str, Tensor]], None],
    *,
    go_on_by: str = "the same command and --resume",
) -> dict[str, float]:
    """Train to the end; Ctrl-C waits for the end of a step, keeps a checkpoint.

    Args:
        trainer: New or resumed.
        on_save: Called with the averaged weights after each checkpoint, also that of
            Ctrl-C, in the main process.
        go_on_by: How to resume after Ctrl-C, as text for the user.

    Returns:
        The terms of the loss, smoothed.

    Raises:
        Stopped: after a Ctrl-C, or another signal that ends a run.
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
    with bar, graceful_stop() as stop:
        for report in trainer.run(save):
            for name, value in report.terms.items():
                terms[name] = terms.get(name, value) * (1 - PACE) + value * PACE
            bar.total = report.total
            bar.update(report.step - bar.n)
            line = f"loss {report.loss:.3f} ({progress_line(terms)})"
            bar.set_postfix_str(line, refresh=False)
            if trainer.any_process(stop.is_set()):
                trainer.save()
                save(trainer.average)
                if is_main:
                    log.warning("stopped; go on with %s", go_on_by)
                raise Stopped(stop.number or signal.SIGINT)
    return terms


def progress_line(terms: Mapping[str, float]) -> str:
    """Return the terms of a loss for a progress bar."""
    return " ".join(f"{name} {value:.3f}" for name, value in terms.items())
