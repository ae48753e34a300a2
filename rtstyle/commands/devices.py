"""`rtstyle devices`: what a style could run on here, and how quickly it does."""

from dataclasses import asdict

import click

from rtstyle.commands.options import json_option
from rtstyle.process.terminal import echo, echo_json


@click.command()
@json_option
def devices(*, as_json: bool) -> None:
    """List what styles could run on, with one real run on each.

    A line that says "does not run" also says what to install.
    """
    from rtstyle.doctor.devices import device_line, list_devices

    found = []
    for device in list_devices():
        found.append(device)
        if not as_json:
            echo(device_line(device))
    if as_json:
        rows = [asdict(device) for device in found]
        echo_json({"devices": rows}, indent=2)
