"""Commands of the training folder: `rtstyle train`, `rtstyle evaluate`."""

import click

from rtstyle_train.commands.adain import train_adain_command
from rtstyle_train.commands.closed_form import style_swap_command, wct_command
from rtstyle_train.commands.distil import train_distil_command
from rtstyle_train.commands.drawing import drawing_command
from rtstyle_train.commands.evaluate import evaluate_command as evaluate
from rtstyle_train.commands.frames import frames_command
from rtstyle_train.commands.gatys import gatys_command
from rtstyle_train.commands.image import train_image_command
from rtstyle_train.commands.loss_network import train_loss_network_command
from rtstyle_train.commands.text import train_text_command

__all__ = ["evaluate", "main"]


@click.group(name="train")
def main() -> None:
    """Learn a style from a painting or a sentence."""


main.add_command(train_image_command)
main.add_command(train_text_command)
main.add_command(frames_command)
main.add_command(gatys_command)
main.add_command(wct_command)
main.add_command(style_swap_command)
main.add_command(train_adain_command)
main.add_command(drawing_command)
main.add_command(train_distil_command)
main.add_command(train_loss_network_command)
