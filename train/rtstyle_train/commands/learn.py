"""The command `rtstyle learn`."""

from pathlib import Path

import click

from rtstyle.commands.options import Number, overwrite_option
from rtstyle.process.terminal import echo
from rtstyle_train.commands.options import FILE, loss_weights_option


@click.command(name="learn")
@click.argument("painting", type=FILE)
@click.option(
    "--on",
    metavar="FILM|FOLDER|CAMERA",
    help="What the style is for: a film, a folder of pictures, webcam: or another "
    "source. Default: the sample scene.",
)
@click.option(
    "--out",
    type=FILE,
    help="Style file to write: .onnx, or .json for 10 kB that the network for any "
    "painting runs.  [default: PAINTING's name, here]",
)
@click.option(
    "--minutes", type=Number(0.1), default=5.0, show_default=True, help="Time to learn."
)
@click.option("--recipe", help="Another recipe's name, or a TOML file.")
@click.option("--steps", type=click.IntRange(1), help="Steps at most.")
@click.option("--style-weight", type=Number(0), help="More is more painterly.")
@click.option("--seed", type=click.IntRange(0), help="Of the crops.")
@loss_weights_option
@click.option(
    "--save-every",
    "save_seconds",
    type=Number(1),
    metavar="SECONDS",
    help="Write the style as often, while it gets better.",
)
@click.option("--int8/--no-int8", "has_twin", default=True, help="Make the int8 twin.")
@click.option(
    "--low-priority", is_flag=True, help="Leave the processor to other programs."
)
@click.option("--resume", is_flag=True, help="Go on where a stopped learning ended.")
@overwrite_option
def learn_command(
    painting: Path,
    on: str | None,
    out: Path | None,
    minutes: float,
    recipe: str | None,
    steps: int | None,
    style_weight: float | None,
    seed: int | None,
    loss_weights: Path | None,
    save_seconds: float | None,
    has_twin: bool,
    low_priority: bool,
    resume: bool,
    overwrite: bool,
) -> None:
    """Learn PAINTING properly, in minutes, into a style of its own.

    Begins with what any painting looks like at once and trains on what is to be
    painted. Ctrl-C keeps what was learned so far.
    """
    from rtstyle.process.priority import make_way
    from rtstyle_train.learning import LearnJob, learn

    if low_priority:
        make_way()
    target = out or Path(f"{painting.stem}.onnx")
    twin = learn(
        LearnJob(
            painting,
            target,
            on=on,
            minutes=minutes,
            recipe=recipe,
            steps=steps,
            style_weight=style_weight,
            seed=seed,
            loss_weights=loss_weights,
            save_seconds=save_seconds,
            has_twin=has_twin,
            resume=resume,
            overwrite=overwrite,
        )
    )
    beside = f" and {twin.name}" if twin else ""
    echo(f"{target}{beside}: written; try: rtstyle webcam --style {target}")
    echo(f"keep it in the gallery with: rtstyle styles add {target}")
