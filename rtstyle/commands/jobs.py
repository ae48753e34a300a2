"""`rtstyle jobs`: a queue of films and pictures, worked off when there is time."""

import json
import sys
from dataclasses import asdict
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from rtstyle.commands.inputs import EXIT_SOME_FAILED, PLANNED
from rtstyle.commands.options import json_option
from rtstyle.process.terminal import echo

if TYPE_CHECKING:
    from rtstyle.offline.plan import PlannedJob
    from rtstyle.offline.queued_job import QueuedJob

MOST_LISTED = 50
"""Jobs that `list` shows without --all."""
STATES = ("waiting", "running", "done", "failed", "cancelled")


@click.group()
def jobs() -> None:
    """Queue films and pictures, and work them off.

    The queue is one file in your data folder; several terminals may add to it while
    one or more run it.
    """


class _AddGroup(click.Group):
    """The commands that can be queued, with all their options."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return their names."""
        return ["video", "image"]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return the command itself; `PLANNED` keeps it from running."""
        if name not in self.list_commands(ctx):
            return None
        module = import_module(f"rtstyle.commands.{name}")
        command: click.Command = getattr(module, name)
        return command


@jobs.group(name="add", cls=_AddGroup)
@click.pass_context
def add_group(context: click.Context) -> None:
    """Queue what `rtstyle video` or `rtstyle image` would do, with the same words."""
    context.meta[PLANNED] = []


@add_group.result_callback()
@click.pass_context
def _add(context: click.Context, result: object) -> None:
    from rtstyle.offline.queue import JobQueue

    planned: list[PlannedJob] = context.meta[PLANNED]
    left = [row.job for row in planned if not row.is_done]
    with JobQueue() as queue:
        numbers = queue.add_many(left, kind=context.invoked_subcommand or "")
    for number, job in zip(numbers, left, strict=True):
        echo(f"{number}  {job.source} -> {job.target}")
    if len(left) < len(planned):
        echo(f"{len(planned) - len(left)} outputs are there already", err=True)


@jobs.command(name="list")
@click.option("--all", "is_all", is_flag=True, help="All of them, not the newest 50.")
@click.option(
    "--state", "states", multiple=True, type=click.Choice(STATES), help="Only these."
)
@click.option("--log", type=int, metavar="NUMBER", help="What this job has said.")
@json_option
def list_command(
    is_all: bool, states: tuple[Any, ...], log: int | None, as_json: bool
) -> None:
    """List jobs with their progress, and how many there are of each state."""
    from rtstyle.offline.queue import JobQueue

    with JobQueue() as queue:
        if log is not None:
            queue.get(log)
            echo(*queue.log(log).splitlines())
            return
        limit = None if is_all or as_json else MOST_LISTED
        found = queue.jobs(states=states or STATES, limit=limit, newest_first=True)
        counts = queue.counts()
    if as_json:
        echo(json.dumps([_as_row(job) for job in reversed(found)]))
        return
    for job in reversed(found):
        echo(_line(job))
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    echo(told or "no jobs", err=True)


@jobs.command(name="run")
@click.option("--watch", is_flag=True, help="Wait for new jobs, until Ctrl-C.")
def run_command(watch: bool) -> None:
    """Do the waiting jobs, the oldest first."""
    from tqdm import tqdm

    from rtstyle.offline.queue import JobQueue
    from rtstyle.offline.queue_runner import run_queue

    with JobQueue() as queue, tqdm(unit="frame", file=sys.stderr) as bar:

        def show(job: "QueuedJob") -> None:
            bar.set_description(f"{job.id} {job.target}", refresh=False)
            bar.total, bar.n = job.num_frames, job.num_done
            bar.refresh()
            if job.state not in ("running", "waiting"):
                bar.clear()
                echo(_line(job))

        done = run_queue(queue, watch=watch, on_change=show)
    if any(job.state == "failed" for job in done):
        sys.exit(EXIT_SOME_FAILED)


@jobs.command(name="retry")
@click.argument("numbers", nargs=-1, type=int)
def retry_command(numbers: tuple[int, ...]) -> None:
    """Let jobs that failed or were cancelled wait again; without NUMBERS all failed."""
    from rtstyle.offline.queue import JobQueue

    with JobQueue() as queue:
        echo(f"{queue.retry(numbers or None)} waiting again")


@jobs.command(name="cancel")
@click.argument("numbers", nargs=-1, type=int, required=True)
def cancel_command(numbers: tuple[int, ...]) -> None:
    """Cancel waiting or running jobs; a retry goes on where a running one stopped."""
    from rtstyle.offline.queue import JobQueue

    with JobQueue() as queue:
        echo(f"{queue.cancel(numbers)} cancelled")


@jobs.command(name="clear")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([state for state in STATES if state != "running"]),
    help="Which ones.  [default: done and cancelled]",
)
def clear_command(states: tuple[Any, ...]) -> None:
    """Remove jobs from the list; no output is touched."""
    from rtstyle.offline.queue import JobQueue

    with JobQueue() as queue:
        echo(f"{queue.clear(states or ('done', 'cancelled'))} removed")


def _line(job: "QueuedJob") -> str:
    """Return one job as a line for people."""
    parts = [f"{job.id:>5}  {job.state:<9}  {job.source} -> {job.target}"]
    if job.state == "running":
        parts.append(f"{100 * job.progress:.0f} %, {job.rate:.1f} frames a second")
    if job.error:
        parts.append(job.error)
    return "  ".join(parts)


def _as_row(job: "QueuedJob") -> dict[str, Any]:
    """Return one job for a program."""
    row = asdict(job)
    row["options"] = json.loads(row["options"])
    return row | {"progress": round(job.progress, 4)}
