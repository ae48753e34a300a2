"""Reads style files for use, and writes them into the gallery.

Those that were not shipped are tried before they are used.
"""

import contextlib
import os
import uuid
from importlib import resources
from pathlib import Path

from rtstyle.errors import StyleFileError
from rtstyle.style_file import Style, read_style


def bundled_folder() -> Path:
    """Return the folder of the bundled style files."""
    return Path(str(resources.files("rtstyle") / "styles"))


def read_to_run(path: Path) -> Style:
    """Read a style file and try its graph, so that a large frame can be given to it.

    Bundled ones are not tried: they were when they were made.

    Raises:
        StyleFileError: as `read_style`, or the graph does not do what a style does.
    """
    style = read_style(path)
    if path.parent != bundled_folder():
        from rtstyle.untrusted.trial import check_by_trial

        check_by_trial(style.model, where=str(path))
    return style


def write_whole(target: Path, data: bytes, *, overwrite: bool) -> None:
    """Write a file, whole or not at all, whoever else is writing it.

    Raises:
        FileExistsError: there is one, and `overwrite` is False; of several processes
            that write it at once, one wins.
        StyleFileError: it cannot be written.
    """
    part = target.with_name(f"{target.stem}.{uuid.uuid4().hex}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        if overwrite:
            os.replace(part, target)
        else:
            _move_if_free(part, target)
    except FileExistsError:
        if target.parent.is_dir():
            raise
        raise StyleFileError(
            f"{target.parent}: expected a folder, got a file"
        ) from None
    except OSError as error:
        raise StyleFileError(
            f"{target}: cannot be written ({error.strerror})"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _move_if_free(part: Path, target: Path) -> None:
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        with open(target, "xb") as file:
            file.write(part.read_bytes())
