"""From names, folders and patterns to file jobs: which input goes to which output."""

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from rtstyle.errors import UsageError
from rtstyle.gallery.find import DEFAULT_STYLE
from rtstyle.gallery.spec import parse_style
from rtstyle.offline.job import FileJob
from rtstyle_streams.pictures.picture_file import PICTURE_SUFFIXES
from rtstyle_streams.video.formats import FORMATS

Kind = Literal["video", "image"]
"""What is looked for in folders."""
VIDEO_SUFFIXES: Final = frozenset(FORMATS) | frozenset(
    ".avi .webm .mpg .mpeg .wmv .flv .mts .m2ts .3gp .ogv .vob .mxf .asf".split()
)
"""Of the files in a folder that are taken for films."""
OTHER_SUFFIX: Final = ".mkv"
"""Of the output, when a film of the input's kind cannot be written."""
DEFAULT_NAME: Final = "{stem}{suffix}"
"""Of an output: that of its input."""


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """One input and where its result goes."""

    job: FileJob
    """What is to be done."""
    is_done: bool
    """Whether the output exists and may stay."""


def plan_jobs(
    names: Sequence[str],
    like: FileJob,
    *,
    kind: Kind,
    out_dir: Path,
    recursive: bool = False,
    name: str = DEFAULT_NAME,
) -> list[PlannedJob]:
    """Return a job for each input, in the order of `names`, folders sorted.

    Args:
        names: Files, folders, and patterns such as ``films/*.mp4``.
        like: All options; its source and target are replaced.
        kind: What is looked for in folders.
        out_dir: Where outputs go; folders below an input folder are made again there.
        recursive: Whether folders in folders are looked into, and ``**`` matches many.
        name: Of an output; ``{stem}``, ``{suffix}``, ``{style}`` and ``{number}`` (from
            1) stand for what they say.

    Raises:
        UsageError: nothing was found, two inputs want one output, an output is its
            input, or the name makes no sense.
    """
    inputs = list(_inputs(names, kind, out_dir, recursive=recursive))
    if not inputs:
        raise UsageError(
            f"{' '.join(names)}: expected {_what(kind)}, found none"
            f"{'' if recursive else '; --recursive looks into folders of folders'}"
        )
    style = parse_style(like.style or DEFAULT_STYLE).title.replace("/", "_")
    planned: list[PlannedJob] = []
    sources: dict[Path, Path] = {}
    for number, (source, below) in enumerate(inputs, start=1):
        suffix = _suffix(source, kind)
        words = {"stem": source.stem, "suffix": suffix, "style": style}
        target = out_dir / below / _filled(name, words | {"number": str(number)})
        if other := sources.get(target):
            raise UsageError(
                f"{target}: expected one input for it, got {other} and {source}; "
                "pass --name '{stem}_{number}{suffix}'"
            )
        sources[target] = source
        if target.exists() and source.exists() and target.samefile(source):
            raise UsageError(
                f"{source}: expected an output other than the input; choose another "
                "--out-dir, or --name '{stem}_{style}{suffix}'"
            )
        job = replace(like, source=str(source), target=str(target))
        planned.append(PlannedJob(job, target.exists() and not like.overwrite))
    return planned


def _inputs(
    names: Sequence[str], kind: Kind, out_dir: Path, *, recursive: bool
) -> Iterator[tuple[Path, Path]]:
    """Give out each input once, and the folder below `out_dir` that it goes to."""
    seen: set[Path] = set()
    for name in names:
        for source, below in _of_name(name, kind, out_dir, recursive=recursive):
            if source not in seen:
                seen.add(source)
                yield source, below


def _of_name(
    name: str, kind: Kind, out_dir: Path, *, recursive: bool
) -> Iterator[tuple[Path, Path]]:
    path = Path(name)
    if path.is_dir():
        yield from _of_folder(path, kind, out_dir, recursive=recursive)
    elif path.exists() or not glob.has_magic(name):
        yield path, Path()
    else:
        for found in sorted(glob.glob(name, recursive=recursive)):
            if _is_wanted(Path(found), kind):
                yield Path(found), Path()


def _of_folder(
    folder: Path, kind: Kind, out_dir: Path, *, recursive: bool
) -> Iterator[tuple[Path, Path]]:
    """Give out the films or pictures of a folder; hidden ones and outputs are not."""
    for path in sorted(folder.rglob("*") if recursive else folder.iterdir()):
        below = path.relative_to(folder)
        is_hidden = any(part.startswith(".") for part in below.parts)
        is_output = path.resolve().is_relative_to(out_dir.resolve())
        if _is_wanted(path, kind) and not is_hidden:
            if not is_output or out_dir.resolve() == folder.resolve():
                yield path, below.parent


def _is_wanted(path: Path, kind: Kind) -> bool:
    suffixes = VIDEO_SUFFIXES if kind == "video" else PICTURE_SUFFIXES
    return path.suffix.lower() in suffixes and path.is_file()


def _suffix(source: Path, kind: Kind) -> str:
    if kind == "video" and source.suffix.lower() not in FORMATS:
        return OTHER_SUFFIX
    return source.suffix


def _filled(name: str, words: dict[str, str]) -> str:
    try:
        filled = name.format_map(words)
    except (KeyError, ValueError, IndexError, AttributeError) as error:
        known = ", ".join(f"{{{word}}}" for word in words)
        raise UsageError(
            f"--name {name}: expected a name with {known}, got another ({error})"
        ) from error
    if not filled or Path(filled).name != filled:
        raise UsageError(f"--name {name}: expected a file's name, got {filled!r}")
    return filled


def _what(kind: Kind) -> str:
    return "video files" if kind == "video" else "pictures"
