"""Options that several trainings share."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rtstyle.commands.options import Number
from rtstyle.process.terminal import echo

if TYPE_CHECKING:
    from rtstyle_train.jobs.outputs import RunOptions

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)
PICTURE = click.Path(path_type=Path, dir_okay=False, exists=True)
LOSS_HELP = "Loss network: a file, own, or vgg19 of torchvision (default: see README)."
SETTINGS, RUN = "rtstyle_train.settings", "rtstyle_train.run"
"""Where `click.Context.meta` keeps what overrides the recipe, and the run's options."""

Command = TypeVar("Command", bound=Callable[..., Any])


def _keep(
    place: str, context: click.Context, option: click.Parameter, value: object
) -> None:
    context.meta.setdefault(place, {})[option.name] = value


setting = partial(click.option, callback=partial(_keep, SETTINGS), expose_value=False)
"""Returns a decorator that adds an option which overrides a key of the recipe."""
run_option = partial(click.option, callback=partial(_keep, RUN), expose_value=False)
"""Returns a decorator that adds an option of `RunOptions`."""


def with_options(*options: Callable[[Command], Command]) -> Callable[..., Any]:
    """Return a decorator that adds options, in the order of the help text."""

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


recipe_option = click.option(
    "--recipe", help="Bundled recipe's name, or a TOML file with every knob."
)
run_options = with_options(
    run_option("--out", required=True, type=FILE, help="Weights file, .safetensors."),
    setting("--steps", type=click.IntRange(1), help="Steps at most."),
    run_option("--minutes", type=Number(0), default=0.0, help="Time at most."),
    setting("--batch-size", type=click.IntRange(1), help="Photographs a step."),
    setting("--seed", type=int, help="Of weights, crops and styles."),
    run_option("--loss-weights", type=FILE, metavar="FILE|WORD", help=LOSS_HELP),
    run_option("--resume", is_flag=True, help="Go on from the checkpoint beside OUT."),
    run_option("--overwrite", is_flag=True, help="Replace OUT."),
)
"""What every training takes."""
start_options = with_options(
    run_option(
        "--start",
        type=FILE,
        help="Style, style file or weights to start from (quicker).",
    ),
    run_option("--start-style", help="Which style of several in --start."),
)
"""Where a training of one style begins."""
network_option = setting(
    "--network", help="tiny, small-flat, slim, small, base or johnson."
)


picture_options = with_options(
    click.argument("photo", type=click.Path(path_type=Path, exists=True)),
    click.argument("painting", type=PICTURE),
    click.argument("out", type=click.Path(path_type=Path)),
    click.option(
        "--size",
        type=click.IntRange(32),
        default=512,
        show_default=True,
        help="Long side of the picture, in pixels.",
    ),
    click.option("--overwrite", is_flag=True, help="Replace OUT."),
)
"""What every painter of still pictures takes."""
style_size_option = click.option(
    "--style-size", type=click.IntRange(16), help="Short side of PAINTING, in pixels."
)
loss_weights_option = click.option(
    "--loss-weights", type=FILE, metavar="FILE|WORD", help=LOSS_HELP
)


def run_of(context: click.Context) -> "RunOptions":
    """Return what the options of `run_options` and `start_options` say."""
    from rtstyle_train.jobs.outputs import RunOptions

    return RunOptions(**context.meta[RUN])


def settings_of(context: click.Context) -> dict[str, Any]:
    """Return the settings that options of `setting` override; None does not."""
    return dict(context.meta[SETTINGS])


def tell_next(run: "RunOptions") -> None:
    """Say what was written and what to do with it."""
    echo(f"{run.out}: written; next: rtstyle export {run.out} STYLE.onnx")
