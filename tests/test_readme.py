"""The README's blocks run as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_first_two_shell_blocks_are_one_line_each() -> None:
    first, second = blocks("sh")[:2]
    assert first.strip().count("\n") == 0 and "rtstyle demo" in first
    assert second.strip().count("\n") == 0 and "pytest" in second


def test_every_option_that_the_readme_shows_exists() -> None:
    import click

    from rtstyle.cli import COMMANDS, group

    context = click.Context(group)
    shown = 0
    for block in blocks("sh"):
        for line in block.splitlines():
            match = re.search(r"(?:^|/)rtstyle (\w+)(.*)", line.partition("#")[0])
            if match is None:
                continue
            command = group.get_command(context, match[1])
            if command is None and match[1] not in COMMANDS:
                pytest.skip(f"{match[1]} is an entry point of an installed project")
            words = re.findall(r"--[a-z][a-z0-9-]*", match[2])
            known = _options(command, match[2], context)
            for word in words:
                assert word in known, f"{line}: no option {word}"
                shown += 1
    assert shown > 10


def _options(command: object, rest: str, context: object) -> set[str]:
    import click

    assert isinstance(command, click.Command) and isinstance(context, click.Context)
    if isinstance(command, click.Group):
        names = [word for word in rest.split() if word in command.commands]
        command = command.commands[names[0]] if names else command
    found = {"--help"}
    for parameter in command.params:
        found |= {*parameter.opts, *parameter.secondary_opts}
    return found


@pytest.mark.slow
@pytest.mark.parametrize("code", blocks("python"))
def test_python_examples_run(code: str, tmp_path: Path) -> None:
    assert len(code.strip().splitlines()) <= 12
    folders = [
        str(ROOT),
        *(str(ROOT / name) for name in ("streams", "train", "export")),
    ]
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(folders)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "painted.mp4").exists() == ("painted.mp4" in code)


def test_every_picture_that_the_readme_shows_is_there() -> None:
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", README)
    assert pictures
    for name in pictures:
        path = ROOT / name
        assert path.exists() and path.stat().st_size <= 400_000, name
