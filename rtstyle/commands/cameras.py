"""`rtstyle cameras`: which cameras there are, and what they offer."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from rtstyle.commands.options import json_option
from rtstyle.process.terminal import echo, echo_json

if TYPE_CHECKING:
    from rtstyle_streams.camera.model import Camera


@click.command()
@json_option
def cameras(*, as_json: bool) -> None:
    """List the cameras by name, with id, sizes, rates and formats."""
    from rtstyle_streams.camera.devices import list_cameras

    found = list_cameras()
    if as_json:
        rows = [camera_row(camera) for camera in found if not camera.is_virtual]
        echo_json(rows, indent=2)
        return
    echo(*camera_lines(found))


def camera_row(camera: "Camera") -> dict[str, object]:
    """Return a camera as it stands in the JSON list; rates are frames per second."""
    row = asdict(camera)
    row["modes"] = [
        {
            "fourcc": mode.fourcc,
            "width": mode.width,
            "height": mode.height,
            "rates": [round(float(rate), 3) for rate in mode.rates],
        }
        for mode in camera.modes
    ]
    return row


def camera_lines(found: "list[Camera]") -> list[str]:
    """Return the list for people; virtual cameras are named as outputs, at the end."""
    lines: list[str] = []
    for camera in found:
        if camera.is_virtual:
            continue
        lines += [
            f"{camera.number}  {camera.name}",
            f"   id {camera.id}",
            f"   {camera.path}" if camera.path else "",
            f"   cannot be used: {camera.problem}" if camera.problem else "",
            *_mode_lines(camera),
        ]
    if not lines:
        lines.append("no camera; plug one in, or try without: --camera sample:")
    virtual = [camera.path or camera.name for camera in found if camera.is_virtual]
    if virtual:
        lines.append(f"virtual cameras, to send to: {', '.join(virtual)}")
    return [line for line in lines if line]


def _mode_lines(camera: "Camera") -> list[str]:
    """Return one line per format: its sizes, each with its fastest rate."""
    sizes: dict[str, list[str]] = {}
    for mode in camera.modes:
        rate = f"@{float(mode.rates[0]):g}" if mode.rates else ""
        sizes.setdefault(mode.fourcc, []).append(f"{mode.width}x{mode.height}{rate}")
    return [f"   {fourcc}: {', '.join(found)}" for fourcc, found in sizes.items()]
