"""`rtstyle doctor`: what is there, what is wrong, what to do about it."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from rtstyle.commands.options import json_option
from rtstyle.process.terminal import echo, echo_json

if TYPE_CHECKING:
    from rtstyle.doctor.check import Check

MARKS: Final = {"ok": "ok  ", "note": "note", "fail": "FAIL"}


@click.command()
@json_option
def doctor(*, as_json: bool) -> None:
    """Look at everything rtstyle needs; each line that is not ok says what to do.

    Exit status 1 when something must be mended.
    """
    from rtstyle.doctor.checks import run_checks

    found: list[Check] = []
    for check in run_checks():
        found.append(check)
        if not as_json:
            echo(*check_lines(check))
    is_well = all(check.status != "fail" for check in found)
    if as_json:
        report = {"ok": is_well, "checks": [asdict(check) for check in found]}
        echo_json(report, indent=2)
    if not is_well:
        sys.exit(1)


def check_lines(check: "Check") -> list[str]:
    """Return one line about what was found, and one about what to do if anything."""
    lines = [f"{MARKS[check.status]}  {check.name}: {check.found}"]
    if check.todo:
        lines.append(f"      -> {check.todo}")
    return lines
