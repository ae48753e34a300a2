"""One input and its output, or many inputs and a folder: what both commands share."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from rtstyle.commands.options import Command, show_result
from rtstyle.process.terminal import echo

if TYPE_CHECKING:
    from rtstyle.offline.job import FileJob
    from rtstyle.offline.plan import Kind, PlannedJob

PLANNED: Final = "rtstyle.planned"
"""Where `click.Context.meta` keeps a list that takes jobs instead of doing them."""
EXIT_DAMAGED: Final = 3
"""Exit status when the input had errors; the output holds all that could be read."""
EXIT_SOME_FAILED: Final = 4
"""Exit status when some of many inputs could not be stylized."""


def inputs_options(command: Command) -> Command:
    """Add the names and what is needed for many of them."""
    for option in reversed(
        (
            click.argument("names", nargs=-1, metavar="IN OUT | IN... --out-dir DIR"),
            click.option(
                "--out-dir",
                type=click.Path(path_type=Path, file_okay=False),
                metavar="DIR",
                help="Stylize many inputs into this folder: files, folders, patterns.",
            ),
            click.option(
                "--recursive",
                is_flag=True,
                help="With --out-dir: look into folders of folders too.",
            ),
            click.option(
                "--name",
                "name_template",
                metavar="TEXT",
                default="{stem}{suffix}",
                show_default=True,
                help="With --out-dir: name of an output; {style} and {number} too.",
            ),
            click.option(
                "--dry-run",
                is_flag=True,
                help="With --out-dir: only list what would be done, and how long it "
                "takes.",
            ),
        )
    ):
        command = option(command)
    return command


def planned_of(
    context: click.Context, names: Sequence[str], job: "FileJob", kind: "Kind"
) -> "list[PlannedJob]":
    """Return what the names and the options of `inputs_options` ask for.

    Args:
        context: Of the command.
        names: As given.
        job: All other options.
        kind: Of the command.

    Raises:
        click.UsageError: too few or too many names.
        UsageError: as for `plan_jobs`.
    """
    from dataclasses import replace

    from rtstyle.offline.plan import PlannedJob, plan_jobs

    out_dir: Path | None = context.params["out_dir"]
    if out_dir is None:
        source, target = _two(context, names)
        return [PlannedJob(replace(job, source=source, target=target), is_done=False)]
    if not names:
        raise click.UsageError("Missing argument 'IN'.", ctx=context)
    return plan_jobs(
        names,
        job,
        kind=kind,
        out_dir=out_dir,
        recursive=context.params["recursive"],
        name=context.params["name_template"],
    )


def run_planned(
    context: click.Context, planned: "Sequence[PlannedJob]", *, as_json: bool
) -> None:
    """Do what was planned, print the result, and exit with the status that says it.

    Where the context has a list under `PLANNED`, the jobs go there instead.
    """
    if PLANNED in context.meta:
        context.meta[PLANNED].extend(planned)
    elif context.params["out_dir"] is None:
        _run_single(planned[0].job, as_json=as_json)
    elif context.params["dry_run"]:
        from rtstyle.offline.many import forecast

        for line in forecast(planned):
            echo(line)
    else:
        from rtstyle.offline.many import run_many

        outcomes = run_many(planned)
        text = outcomes.as_json() if as_json else outcomes.as_text()
        if as_json or not planned[0].job.is_quiet or outcomes.count("failed"):
            echo(*text.splitlines())
        if outcomes.count("failed"):
            sys.exit(EXIT_SOME_FAILED)
        if outcomes.count("damaged"):
            sys.exit(EXIT_DAMAGED)


def _run_single(job: "FileJob", *, as_json: bool) -> None:
    from rtstyle.offline.job import run_file_job

    result = run_file_job(job)
    text = result.as_json() if as_json else result.as_text()
    show_result(text, target=job.target, is_quiet=job.is_quiet, as_json=as_json)
    if result.num_decode_errors:
        sys.exit(EXIT_DAMAGED)


def _two(context: click.Context, names: Sequence[str]) -> tuple[str, str]:
    """Return IN and OUT, or say which is missing or too many."""
    if len(names) < 2:
        missing = ("IN", "OUT")[len(names)]
        raise click.UsageError(f"Missing argument '{missing}'.", ctx=context)
    if len(names) > 2:
        raise click.UsageError(
            f"Got unexpected extra argument ({names[2]}); for many inputs, pass "
            "--out-dir DIR",
            ctx=context,
        )
    for option in ("recursive", "dry_run"):
        if context.params[option]:
            word = f"--{option.replace('_', '-')}"
            raise click.UsageError(f"{word} needs --out-dir DIR", ctx=context)
    return names[0], names[1]
