"""Options that several commands share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def style_option(command: Command) -> Command:
    """Add `--style`."""
    return click.option(
        "--style",
        default=None,
        metavar="STYLE",
        help="A bundled style's name or a style file; default: the gallery's first.",
    )(command)


def control_options(command: Command) -> Command:
    """Add the controls of `Stylizer` but for smoothing."""
    for option in reversed(
        (
            click.option(
                "--strength",
                type=click.FloatRange(0.0, 1.0),
                default=1.0,
                show_default=True,
                help="0 gives the input back bit for bit.",
            ),
            click.option(
                "--keep-colors/--no-keep-colors",
                default=False,
                help="Light and dark from the style, colours from the input.",
            ),
            click.option(
                "--height",
                type=click.IntRange(16, 8192),
                help="Lines that the network sees; fewer is faster and bolder.",
            ),
        )
    ):
        command = option(command)
    return command


def runtime_options(command: Command) -> Command:
    """Add `--runtime` and `--device`."""
    command = click.option(
        "--device",
        default="auto",
        show_default=True,
        help="auto, cpu, cuda or cuda:N; what is named must work or it is an error.",
    )(command)
    return click.option(
        "--runtime",
        type=click.Choice(("auto", "onnxruntime", "tensorrt", "openvino")),
        default="auto",
        show_default=True,
        help="The library that runs the network.",
    )(command)


def precision_option(command: Command) -> Command:
    """Add `--precision`."""
    return click.option(
        "--precision",
        type=click.Choice(("auto", "fp32", "int8", "bf16", "fp16")),
        default="auto",
        show_default=True,
        help="auto takes a style's int8 twin on a CPU, if there is one.",
    )(command)


def smooth_option(default: str) -> Callable[[Command], Command]:
    """Return a decorator that adds `--smooth` with `default`."""
    return click.option(
        "--smooth",
        type=click.Choice(("off", "gate", "flow")),
        default=default,
        show_default=True,
        help="How frames are kept steady.",
    )


def json_option(command: Command) -> Command:
    """Add `--json`."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print the result as JSON on stdout."
    )(command)


def overwrite_option(command: Command) -> Command:
    """Add `--overwrite`."""
    return click.option(
        "--overwrite", is_flag=True, help="Replace output files that exist."
    )(command)
