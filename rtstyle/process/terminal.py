"""The one place where text goes to a terminal: what files say is made harmless here.

Titles, tags and file names are written by anybody. A control sequence in one of them
would repaint the screen, a line break would forge a line of ours, and a mark for
right-to-left text would turn letters around.
"""

import json
import logging
import os
import sys
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

import click

UNSAFE: Final = frozenset(("Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"))
"""Unicode categories that are not letters: controls, formatting, line breaks, halves of
a pair, private use, unassigned."""
JOINERS: Final = frozenset("\u200c\u200d")
"""Formatting that scripts and emoji need and that moves nothing."""


def shown(text: object) -> str:
    r"""Return a text as one harmless line, with ``\x1b`` for what is no letter."""
    line = str(text)
    if line.isprintable():
        return line
    return "".join(
        _escaped(letter) if _is_unsafe(letter) else letter for letter in line
    )


def echo(*lines: str, err: bool = False) -> None:
    """Write lines to stdout, or to stderr; one with a line break in it stays one."""
    for line in lines:
        click.echo(shown(line), err=err)


def echo_picture(text: str) -> None:
    """Write a picture made of our own colour codes to stdout."""
    click.echo(text)


def json_text(value: Any, *, indent: int | None = None, sort_keys: bool = False) -> str:
    """Return JSON with its letters readable and everything else escaped."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, sort_keys=sort_keys)
    if text.isprintable():
        return text
    return "".join(
        json.dumps(letter)[1:-1] if letter != "\n" and _is_unsafe(letter) else letter
        for letter in text
    )


def echo_json(
    value: Any, *, indent: int | None = None, sort_keys: bool = False
) -> None:
    """Write a value to stdout as JSON."""
    echo(*json_text(value, indent=indent, sort_keys=sort_keys).split("\n"))


class LineFormatter(logging.Formatter):
    """Makes one harmless line of every message; a traceback follows as it is."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """Return the message as one line."""
        return shown(super().formatMessage(record))


def takes_colours(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether stdout is a terminal that shows colours and may.

    Source:
        no-color.org: any text in ``NO_COLOR`` but the empty one.
    """
    if environment.get("NO_COLOR") or is_dumb(environment):
        return False
    return sys.stdout.isatty()


def is_dumb(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether the terminal only writes one letter after the other."""
    return environment.get("TERM") == "dumb"


def _is_unsafe(letter: str) -> bool:
    return unicodedata.category(letter) in UNSAFE and letter not in JOINERS


def _escaped(letter: str) -> str:
    number = ord(letter)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
