"""Options that several commands share."""

import math
import re
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from rtstyle.choices import PRECISIONS, RUNTIMES, SMOOTH_MODES
from rtstyle.look import Look
from rtstyle.looks.control_table import CONTROLS
from rtstyle.process.terminal import echo

MINUTES = {"s": 1 / 60, "": 1.0, "m": 1.0, "h": 60.0}
"""By the letter behind a time."""
MOST_MINUTES = 7 * 24 * 60.0
"""A week."""
LOOK = "rtstyle.look"
"""Where `click.Context.meta` keeps the look."""
Style = TypeVar("Style", str, None, tuple[str, ...])
STYLE_HELP = (
    "A bundled style's name, a style file or a painting (JPEG, PNG …); or several with "
    "their weights: A:0.6,B:0.4.  Default: the gallery's first."
)
"""About `--style`."""


class DurationType(click.ParamType):  # type: ignore[type-arg]  # generic since 8.3
    """A time like 5m, 90s or 1h; a bare number is minutes."""

    name = "TIME"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return minutes."""
        if isinstance(value, float):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(value))
        minutes = float(match[1]) * MINUTES[match[2]] if match else 0.0
        if not 0.0 < minutes <= MOST_MINUTES:
            self.fail(f"expected a time like 5m, 90s or 1h, got {value!r}", param, ctx)
        return minutes


class SizeType(click.ParamType):  # type: ignore[type-arg]  # generic since 8.3
    """WIDTHxHEIGHT in pixels, as in 1280x720."""

    name = "WxH"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Return width and height in pixels."""
        if isinstance(value, tuple):
            return value
        size = parse_size(str(value))
        if size is None:
            self.fail(f"expected WIDTHxHEIGHT like 1280x720, got {value!r}", param, ctx)
        return size


def parse_size(text: str) -> tuple[int, int] | None:
    """Return the width and height that a text like "1280x720" says, or None."""
    match = re.fullmatch(r"(\d{2,5})x(\d{2,5})", text)
    return (int(match[1]), int(match[2])) if match else None


def _keep(context: click.Context, option: click.Parameter, value: object) -> None:
    context.meta.setdefault(LOOK, {})[option.name] = value


_look = partial(click.option, callback=_keep, expose_value=False)
"""Returns a decorator that adds an option whose value goes into the look."""


class Number(click.FloatRange):
    """A finite number within bounds; what is none is refused, NaN too."""

    name = "number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number."""
        found = float(super().convert(value, param, ctx))
        if not math.isfinite(found):
            self.fail(f"expected a finite number, got {value!r}", param, ctx)
        return found


Command = TypeVar("Command", bound=Callable[..., Any])


def _range_of(name: str) -> Number | click.IntRange:
    """Return the range of a control of the table."""
    control = CONTROLS[name]
    if control.kind == "lines":
        return click.IntRange(int(control.least), int(control.most))
    return Number(control.least, control.most)


def _use_look_file(
    context: click.Context, option: click.Parameter, path: Path | None
) -> None:
    """Take defaults from a look; what is written on the command line still wins."""
    if path is None:
        return
    from rtstyle.commands.look_defaults import defaults_of_look

    known = {parameter.name for parameter in context.command.params}
    defaults = defaults_of_look(path, known={str(name) for name in known})
    context.default_map = {**(context.default_map or {}), **defaults}


_look_file = click.option(
    "--look",
    type=click.Path(path_type=Path),
    metavar="FILE",
    is_eager=True,
    expose_value=False,
    callback=_use_look_file,
    help="A look saved in the studio: style and controls; other options win over it.",
)


def rate_of(
    context: click.Context, option: click.Parameter, value: str | None
) -> Fraction | None:
    """Return frames a second of ``25``, ``29.97`` or ``30000/1001``; None for None.

    Raises:
        click.BadParameter: it is no number, or not between 1/1000 and 1000.
    """
    if value is None:
        return None
    try:
        rate = Fraction(value)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not Fraction(1, 1000) <= rate <= 1000:
        raise click.BadParameter(f"expected a rate like 25 or 30000/1001, got {value}")
    return rate.limit_denominator(100_000)


def seconds_of(
    context: click.Context, option: click.Parameter, values: tuple[str, ...]
) -> tuple[float, ...]:
    """Return times like ``12.4s``, ``12.4`` or ``1:02.5`` in seconds.

    Raises:
        click.BadParameter: one of them is no time.
    """
    found = []
    for value in values:
        match = re.fullmatch(r"(?:(\d{1,4}):)?(\d{1,6}(?:\.\d{1,6})?)s?", value)
        if match is None:
            raise click.BadParameter(f"expected a time like 12.4s, got {value!r:.40}")
        found.append(60.0 * int(match[1] or 0) + float(match[2]))
    return tuple(found)


def style_option(command: Command) -> Command:
    """Add `--style`."""
    return click.option(
        "--style",
        default=None,
        metavar="STYLE",
        callback=no_empty_style,
        help=STYLE_HELP,
    )(command)


def no_empty_style(
    context: click.Context, parameter: click.Parameter, value: Style
) -> Style:
    """Return what was given for `--style`; an empty one is no default.

    Raises:
        click.BadParameter: it is empty, as a variable of a shell may be.
    """
    if value == "" or (isinstance(value, tuple) and "" in value):
        raise click.BadParameter(
            "expected the name or file of a style, got an empty one; leave --style out "
            "for the default"
        )
    return value


def look_options(command: Command) -> Command:
    """Add the controls that all commands share; `look_of` returns them."""
    for option in reversed(
        (
            _look_file,
            _look(
                "--strength",
                type=_range_of("strength"),
                default=CONTROLS["strength"].default,
                show_default=True,
                help=CONTROLS["strength"].help,
            ),
            _look(
                "--keep-colors/--no-keep-colors",
                default=CONTROLS["keep_colors"].default,
                help=CONTROLS["keep_colors"].help,
            ),
            _look(
                "--style-strength",
                type=_range_of("style_strength"),
                help=f"{CONTROLS['style_strength'].help}  [default: 1]",
            ),
            _look(
                "--match-colors/--no-match-colors",
                default=False,
                help="Paintings: recolour them like the first frame.",
            ),
            _look(
                "--style-scale",
                type=_range_of("style_scale"),
                default=CONTROLS["style_scale"].default,
                show_default=True,
                help=CONTROLS["style_scale"].help,
            ),
            _look(
                "--height",
                type=_range_of("height"),
                help=CONTROLS["height"].help,
            ),
            _look(
                "--mask",
                metavar="PART",
                help="Stylize only this: person, background, or what the model "
                "FILE.onnx marks.",
            ),
            _look(
                "--mask-model",
                metavar="FILE",
                help="ONNX model that finds people for --mask.  "
                "[default: what RTSTYLE_MASK_MODEL names]",
            ),
        )
    ):
        command = option(command)
    return command


def look_of(context: click.Context) -> Look:
    """Return what the options of `look_options` say."""
    return Look(**context.meta[LOOK])


def runtime_options(command: Command) -> Command:
    """Add `--runtime` and `--device`."""
    command = click.option(
        "--device",
        default="auto",
        show_default=True,
        help="auto, cpu, gpu, cuda:N, webgpu, coreml, openvino:GPU …; rtstyle devices "
        "lists them.  What is named must work or it is an error.",
    )(command)
    return click.option(
        "--runtime",
        type=click.Choice(RUNTIMES),
        default="auto",
        show_default=True,
        help="The library that runs the network.",
    )(command)


def precision_option(command: Command) -> Command:
    """Add `--precision`."""
    return click.option(
        "--precision",
        type=click.Choice(PRECISIONS),
        default="auto",
        show_default=True,
        help="auto takes the int8 twin of a style or painting on a CPU, if it is the "
        "quicker one.",
    )(command)


def smooth_option(default: str) -> Callable[[Command], Command]:
    """Return a decorator that adds `--smooth` with `default`."""
    return click.option(
        "--smooth",
        type=click.Choice(SMOOTH_MODES),
        default=default,
        show_default=True,
        help=CONTROLS["smooth"].help,
    )


def microphone_option(command: Command) -> Command:
    """Add `--microphone`."""
    return click.option(
        "--microphone",
        metavar="NAME",
        help="Sound of recordings and streams: default, or the system's name of a "
        "microphone.  [default: a stream's own, if one is the camera]",
    )(command)


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


def quiet_option(command: Command) -> Command:
    """Add `--quiet`."""
    return click.option(
        "-q", "--quiet", is_flag=True, help="Show errors and the result, no more."
    )(command)


def show_result(result: str, *, target: str, is_quiet: bool, as_json: bool) -> None:
    """Print what a job did; on stderr where its result goes to stdout.

    Args:
        result: The text.
        target: Where the result of the job goes.
        is_quiet: Whether only figures that were asked for are printed.
        as_json: Whether they were.
    """
    if as_json or not is_quiet:
        echo(result, err=target == "-")
