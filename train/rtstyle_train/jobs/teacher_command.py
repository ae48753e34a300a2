"""Let a program of the user paint: a folder of pictures in, a folder out."""

import logging
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rtstyle_streams.errors import SourceError
from rtstyle_streams.frame import Pixels
from rtstyle_streams.pictures.names import pictures_in
from rtstyle_streams.pictures.picture_file import decode_picture, read_file
from rtstyle_train.errors import ConfigError, TrainError

log = logging.getLogger(__name__)

PLACES = ("in", "out")
"""What the command names: the folders of pictures to read and to write."""
LAST_BYTES = 4000
"""Of a failed command's output, among which its last line is looked for."""


class CommandTeacher:
    """Runs a command once over all pictures that are not painted yet.

    No shell is started: the command is split into words, and `PLACES` are replaced in
    them afterwards, so no name of a file is ever read as a part of the command.
    """

    def __init__(self, command: str) -> None:
        """Read the command.

        Args:
            command: Words with ``{in}`` and ``{out}``, quoted as in a shell.

        Raises:
            ConfigError: a place is missing, or another one is named.
        """
        self.words = words_of(command)
        self.identity: Mapping[str, Any] = {"teacher_command": self.words}

    def paint(self, paths: list[Path], folder: Path) -> Iterator[tuple[Path, Pixels]]:
        """Run it; yield each picture with what was made of it.

        A command that fails or is stopped has perhaps painted some: those that are
        whole are yielded before the error is raised.

        Args:
            paths: The pictures.
            folder: Where folders for the command are made.

        Raises:
            TrainError: it failed, or did not paint all of them.
        """
        places = {name: folder / name for name in PLACES}
        for place in places.values():
            place.mkdir(parents=True)
        for path in paths:
            shutil.copyfile(path, places["in"] / path.name)
        failure: BaseException | None = None
        try:
            run_command(self.words, places, output=folder.with_name("command.log"))
        except (TrainError, KeyboardInterrupt) as error:
            failure = error
        painted = {path.stem: path for path in pictures_in(places["out"])[0]}
        missing: list[str] = []
        for path in paths:
            pixels = _read(painted.get(path.stem), is_sure=failure is None)
            if pixels is None:
                missing.append(path.name)
            else:
                yield path, pixels
        if failure is not None:
            raise failure
        if missing:
            raise TrainError(
                f"teacher command: expected {len(paths)} pictures in {{out}}, named as "
                f"those in {{in}}, got {len(paths) - len(missing)}; {missing[0]} is "
                "missing"
            )

    def close(self) -> None:
        """Nothing is held."""


def words_of(command: str) -> list[str]:
    """Split a command into words.

    Raises:
        ConfigError: it cannot be split, a place is missing, or another one is named.
    """
    try:
        words = shlex.split(command, posix=os.name != "nt")
    except ValueError as error:
        raise ConfigError(
            f"teacher command: expected words as in a shell, got {error}"
        ) from error
    named = re.findall(r"\{(\w*)\}", " ".join(words))
    if unknown := [name for name in named if name not in PLACES]:
        raise ConfigError(
            f"teacher command: expected {{in}} and {{out}}, got {{{unknown[0]}}}"
        )
    for name in PLACES:
        if name not in named:
            raise ConfigError(f"teacher command: expected {{{name}}} in it, got none")
    if re.search(r"\{\w*\}", words[0]):
        raise ConfigError(
            f"teacher command: expected a program first, got {words[0]!r:.60}"
        )
    return words


def run_command(words: list[str], places: Mapping[str, Path], *, output: Path) -> None:
    """Run a command to its end, without a shell and without input.

    Args:
        words: From `words_of`.
        places: What stands for ``{in}`` and ``{out}``.
        output: File for all that the command says.

    Raises:
        TrainError: it could not be started or failed.
    """
    pattern = re.compile(r"\{(in|out)\}")
    given = [
        pattern.sub(lambda match: str(places[match[1]].resolve()), word)
        for word in words
    ]
    log.info("running %s; what it says is in %s", words[0], output)
    try:
        with output.open("wb") as file:
            found = subprocess.run(
                given, stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=False
            )
    except OSError as error:
        raise TrainError(
            f"teacher command: expected a program that can be run, got {words[0]!r:.60}"
            f" ({error.strerror})"
        ) from error
    if found.returncode:
        raise TrainError(
            f"teacher command: expected exit status 0, got {found.returncode} "
            f"({_last_line(output)}); all that it said is in {output}"
        )


def _last_line(output: Path) -> str:
    """Return the last line of a command's output, or that there is none."""
    with output.open("rb") as file:
        file.seek(max(0, output.stat().st_size - LAST_BYTES))
        text = file.read().decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"{lines[-1][:160]}" if lines else "it said nothing"


def _read(path: Path | None, *, is_sure: bool) -> Pixels | None:
    """Return a painted picture; None if there is none.

    Args:
        path: Its file.
        is_sure: Whether it is whole, so that one which cannot be read is an error.

    Raises:
        TrainError: it is no picture.
    """
    if path is None:
        return None
    try:
        picture = decode_picture(read_file(path), path)
    except SourceError as error:
        if is_sure:
            raise TrainError(f"teacher command: {error}") from error
        return None
    return picture.pixels if is_sure or not picture.is_damaged else None
