"""One slot of the runner: makes inputs by their numbers and forks a child for each."""

import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.fuzz.runner import (
    FAILURES,
    HANG_SECONDS,
    Outcome,
    Result,
    Run,
    Seed,
    Target,
    load_target,
    make_input,
    read_seeds,
)


def main(text: str) -> None:
    """Do the task that the runner has written as JSON; a line for each result."""
    task = json.loads(text)
    target = load_target(task["target"])
    seeds = read_seeds(Path(task["seeds"]))
    for number in range(*task["numbers"]):
        made = make_input(target, seeds, number)
        result = run_one(target, made, number=number)
        if result.outcome in FAILURES and task["keep"]:
            _keep(Path(task["keep"]), made, number)
        print(json.dumps(asdict(result)), flush=True)


def run_one(target: Target, made: Seed, *, number: int) -> Result:
    """Run `target` over one input in a child, and its judge in another one."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as text:
        folder = Path(text)
        path = folder / made.name
        path.write_bytes(made.data)
        (folder / "out").mkdir()
        began = time.perf_counter()
        ended, peak_mb = _forked(lambda: target.run(path, folder / "out"), folder)
        seconds = time.perf_counter() - began
        if ended.is_judged:
            judged, _ = _forked(lambda: _judged(target, path, ended), folder)
            if judged.outcome is Outcome.SILENT_LOSS:
                ended = judged
    return Result(number, made.name, ended.outcome, ended.text, seconds, peak_mb)


def _judged(target: Target, path: Path, run: Run) -> Run:
    loss = target.loss(path, run)
    return Run(Outcome.SILENT_LOSS, loss) if loss else run


def _forked(work: Callable[[], Run], folder: Path) -> tuple[Run, float]:
    """Return what `work` returned in a child, or how the child ended; and MB."""
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        _be_child(work, report)
    _, status, usage = os.wait4(child, 0)
    peak_mb = usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        is_hang = number == signal.SIGALRM
        outcome = Outcome.HANG if is_hang else Outcome.CRASH
        return Run(outcome, signal.Signals(number).name), peak_mb
    if not report.exists():
        return Run(Outcome.CRASH, f"exit status {os.WEXITSTATUS(status)}"), peak_mb
    row = json.loads(report.read_text())
    return Run(Outcome(row["outcome"]), row["text"], row["facts"]), peak_mb


def _be_child(work: Callable[[], Run], report: Path) -> None:
    """Do `work`, write down what came of it, and end without any clean-up."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends the process, even within C
    signal.setitimer(signal.ITIMER_REAL, HANG_SECONDS)
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
    try:
        run = work()
    except BaseException as error:
        run = Run(Outcome.TRACEBACK, _last_line(error))
    row = {"outcome": run.outcome, "text": run.text, "facts": dict(run.facts)}
    report.write_text(json.dumps(row))
    os._exit(0)


def _last_line(error: BaseException) -> str:
    """Return where an exception came from, and the exception."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return f"{place}: {type(error).__name__}: {' '.join(str(error).split())}"


def _keep(folder: Path, made: Seed, number: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{number}_{made.name}").write_bytes(made.data)


if __name__ == "__main__":
    arguments: Sequence[str] = sys.argv
    main(arguments[1])
