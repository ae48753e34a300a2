"""The pages' blocks run as they stand there, and what pages name exists."""

import csv
import os
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_BYTES = {
    "README.md": 10_240,
    "CONTRIBUTING.md": 14_200,
    "rtstyle/README.md": 24_500,
    "rtstyle/studio/README.md": 6_000,
    "rtstyle/benchmark/README.md": 10_000,
    "rtstyle/offline/README.md": 3_000,
    "streams/README.md": 7_000,
    "export/README.md": 6_000,
    "train/README.md": 16_000,
    "train/rtstyle_train/evaluation/README.md": 6_500,
    "train/rtstyle_experiments/README.md": 16_000,
    "train/rtstyle_experiments/results/README.md": 8_000,
}
"""Every page, and how long it may become."""
MOST_LINES, MOST_COLUMNS = 200, 90
"""Lines of the README; columns of a line of text on any page."""
NOT_RUN = {
    "sh": "programs that change the machine, take hours or need a camera: only the "
    "options, recipes and modules that they name are checked",
    "console": "needs a GPU or material that is not in the repository; checked like sh",
    "text": "shows what a program prints, or lines of a configuration file",
    "": "draws a diagram",
}
"""Languages of the blocks that are not run, and why."""
RUN = ("python", "toml")
"""Those that are: Python as a program, TOML as a recipe."""


def text_of(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def blocks_of(page: str, language: str) -> list[str]:
    parts = re.findall(
        r"^```(\w*)\n(.*?)^```$", text_of(page), re.DOTALL | re.MULTILINE
    )
    return [code for name, code in parts if name == language]


def blocks(language: str) -> list[str]:
    return [code for page in MOST_BYTES for code in blocks_of(page, language)]


def prose_of(page: str) -> str:
    return re.sub(r"^```.*?^```$", "", text_of(page), flags=re.DOTALL | re.MULTILINE)


def test_the_first_two_shell_blocks_are_one_line_each() -> None:
    first, second = blocks_of("README.md", "sh")[:2]
    assert first.strip().count("\n") == 0 and "rtstyle demo" in first
    assert second.strip().count("\n") == 0 and "pytest" in second


def test_every_page_is_read() -> None:
    pages = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("README.md")
        if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
    }
    assert pages <= set(MOST_BYTES)


@pytest.mark.parametrize("page", MOST_BYTES)
def test_a_page_keeps_its_size(page: str) -> None:
    text = text_of(page)
    assert len(text.encode()) <= MOST_BYTES[page]
    if page == "README.md":
        assert len(text.splitlines()) <= MOST_LINES


@pytest.mark.parametrize("page", MOST_BYTES)
def test_lines_of_text_are_short(page: str) -> None:
    for line in prose_of(page).splitlines():
        if not line.startswith(("|", "![", "#")):
            assert len(line) <= MOST_COLUMNS, line


def test_no_sentence_becomes_a_list() -> None:
    for page in MOST_BYTES:
        for number in re.findall(r"^\s*(\d+)\. ", prose_of(page), re.MULTILINE):
            assert 1 <= int(number) <= 10, f"{page}: a line begins with {number}."


@pytest.mark.parametrize("page", MOST_BYTES)
def test_every_block_is_run_or_named_as_not_run(page: str) -> None:
    fences = re.findall(r"^```(.*)$", text_of(page), re.MULTILINE)
    assert len(fences) % 2 == 0
    assert set(fences[::2]) <= {*RUN, *NOT_RUN}


def test_every_option_that_the_readme_shows_exists() -> None:
    import click

    from rtstyle.cli import group

    context = click.Context(group)
    shown = 0
    for block in blocks("sh") + blocks("console"):
        for line in block.splitlines():
            match = re.search(r"(?:^|[/ ])rtstyle (\w+)(.*)", line.partition("#")[0])
            if match is None:
                continue
            command = group.get_command(context, match[1]) or _entry_point(match[1])
            words = re.findall(r"--[a-z][a-z0-9-]*", match[2])
            known = _options(command, match[2], context)
            for word in words:
                assert word in known, f"{line}: no option {word}"
                shown += 1
    assert shown > 10


def _entry_point(name: str) -> object:
    """Return a command of `train` or `export`, installed or not."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    module, _, attribute = project["entry-points"]["rtstyle.commands"][name].partition(
        ":"
    )
    return getattr(import_module(module), attribute)


def _options(command: object, rest: str, context: object) -> set[str]:
    import click

    assert isinstance(command, click.Command) and isinstance(context, click.Context)
    for word in rest.split():  # down to the innermost command
        if isinstance(command, click.Group):
            command = command.get_command(context, word) or command
    found = {"--help"}
    for parameter in command.params:
        found |= {*parameter.opts, *parameter.secondary_opts}
    return found


def test_every_command_and_recipe_that_pages_name_exists() -> None:
    from rtstyle.cli import COMMANDS

    recipes = {path.stem for path in ROOT.glob("train/rtstyle_train/recipes/*.toml")}
    for block in blocks("sh") + blocks("console"):
        for recipe in re.findall(r"--recipe (\w+)\b(?!\.)", block):
            assert recipe in recipes, recipe
        for module in re.findall(r"python -m ((?:rtstyle_|tests)\w*(?:\.\w+)*)", block):
            folder = ROOT if module.startswith("tests") else ROOT / "train"
            place = folder.joinpath(*module.split("."))
            assert (
                place.with_suffix(".py").exists() or (place / "__main__.py").exists()
            ), module
    named = set(re.findall(r"`rtstyle ([a-z]+)", "".join(map(prose_of, MOST_BYTES))))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert named <= {*COMMANDS, *project["entry-points"]["rtstyle.commands"]}


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


@pytest.mark.parametrize("code", blocks("toml"))
def test_recipes_on_pages_can_be_trained_with(code: str) -> None:
    pytest.importorskip("torch")
    from rtstyle_train.config.image import make_config

    table = tomllib.loads(code)
    assert table
    make_config(table)


def test_every_picture_that_the_readme_shows_is_there() -> None:
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text_of("README.md"))
    assert pictures
    for name in pictures:
        path = ROOT / name
        assert path.exists() and path.stat().st_size <= 400_000, name


@pytest.mark.parametrize("page", [*MOST_BYTES, "CHANGELOG.md"])
def test_every_link_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose_of(page)):
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        path = (ROOT / page).parent / name if name else ROOT / page
        assert path.exists(), f"{page}: no {target}"
        if anchor:
            assert anchor in _anchors(path), f"{page}: no heading for {target}"


def _anchors(path: Path) -> list[str]:
    """Return the anchors that GitHub gives a page's headings."""
    text = prose_of(path.resolve().relative_to(ROOT.resolve()).as_posix())
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return [heading.strip().replace(" ", "-") for heading in plain]


@pytest.mark.parametrize("page", MOST_BYTES)
def test_every_file_that_a_page_names_is_there(page: str) -> None:
    roots = r"(?:rtstyle|streams|train|export|tests|\.ci|\.github)"
    for name in re.findall(rf"`({roots}/[\w./]*)`", prose_of(page)):
        if "my_style" not in name:
            assert (ROOT / name).exists(), f"{page}: no {name}"


@pytest.mark.parametrize(
    "path", [*ROOT.glob("train/*/results/*.csv")], ids=lambda p: p.stem
)
def test_tables_of_the_notebook_are_whole(path: Path) -> None:
    head, *rows = csv.reader(path.read_text("utf-8").splitlines())
    assert rows and all(len(row) == len(head) for row in rows)
    assert path.name in text_of("train/rtstyle_experiments/README.md")
    assert all(any(re.fullmatch(r"-?[\d.]+", cell) for cell in row) for row in rows)
