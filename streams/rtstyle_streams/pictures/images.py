"""Still pictures and folders of them, as a source and as a sink."""

import os
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from rtstyle_streams.errors import SinkError, SourceError
from rtstyle_streams.frame import Frame
from rtstyle_streams.managed import ManagedSink, ManagedSource
from rtstyle_streams.part_file import PartFile, cannot_write, check_target
from rtstyle_streams.pictures.picture_file import (
    OTHER_PICTURE_SUFFIXES,
    PICTURE_SUFFIXES,
    decode_picture,
    encode_picture,
    read_file,
)
from rtstyle_streams.pictures.tags import PictureTags
from rtstyle_streams.protocols import StreamInfo


class ImageSource(ManagedSource):
    """Gives out one picture, or those of a folder in natural order (2 before 10).

    Other than elsewhere, each picture of a folder keeps its own size; `info` tells
    about the first. A picture of a folder that cannot be read is left out, counted in
    `num_decode_errors` and named in `notices`; so is one of a kind that is not read.
    Files that macOS leaves beside others (``._a.jpg``) are no pictures.

    Args:
        path: a picture file, or a folder (its subfolders are not looked into).

    Raises:
        SourceError: no such file, or nothing in it that is a picture.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.notices: list[str] = []
        """What was left out or changed, a line each."""
        self.num_decode_errors = 0
        """Pictures that are broken or could not be read, so far."""
        self.is_folder = self.path.is_dir()
        self.paths = self._found()
        """The files, in order; ``frame.index`` counts into it."""
        self._tags: dict[int, PictureTags] = {}
        self._pictures = self._read()
        self._first = next(self._pictures, None)
        if self._first is None:
            raise SourceError(f"{self.path}: expected pictures, got none it can read")
        self.info = StreamInfo(
            width=self._first.width,
            height=self._first.height,
            time_base=Fraction(1),
            num_frames=len(self.paths),
            matrix="bt601",
        )

    def __iter__(self) -> Iterator[Frame]:
        """Give out the pictures that are left."""
        first, self._first = self._first, None
        if first is not None:
            yield first
        yield from self._pictures

    def take_tags(self, index: int) -> PictureTags | None:
        """Return what the copy of a picture should carry on; once."""
        return self._tags.pop(index, None)

    def _found(self) -> list[Path]:
        """Return the pictures to read; say which of a folder are none."""
        if not self.is_folder:
            return [self.path]
        paths, others = _pictures(self.path)
        for path in others:
            self.notices.append(
                f"{path.name}: {path.suffix} is not read; save it as JPEG or PNG"
            )
        return paths

    def _read(self) -> Iterator[Frame]:
        for index, path in enumerate(self.paths):
            try:
                picture = decode_picture(read_file(path), path)
            except SourceError as error:
                if not self.is_folder:
                    raise
                self.num_decode_errors += 1
                self.notices.append(str(error))
                continue
            self.notices += picture.notices(path.name)
            self.num_decode_errors += int(picture.is_damaged)
            self._tags[index] = picture.tags
            yield Frame(picture.pixels, pts=index, time_base=Fraction(1), index=index)


class ImageSink(ManagedSink):
    """Writes one picture, or a folder of them; each file appears whole or not at all.

    Args:
        path: a file whose suffix says the kind, or a folder, made if it is missing.
        template: the source; a folder keeps its file names.
        overwrite: whether files that exist may be replaced.

    Raises:
        SinkError: the place may not or cannot be written to.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        template: ImageSource | None = None,
        overwrite: bool = False,
    ) -> None:
        self.path = Path(path)
        self.notices: list[str] = []
        """Nothing so far: a picture holds all that it is given."""
        self.num_decode_errors = 0
        """Nothing is decoded here."""
        self._template = template
        self._overwrite = overwrite
        self._names: list[str] = []
        self._num_written = 0
        text = os.fspath(path)
        has_suffix = self.path.suffix.lower() in PICTURE_SUFFIXES
        self.is_folder = self.path.is_dir() or text.endswith(("/", os.sep))
        if not self.is_folder and template and template.is_folder and not has_suffix:
            self.is_folder = not self.path.suffix
        if self.is_folder:
            self._open_folder(template)
        else:
            self._check_single(template)

    def write(self, frame: Frame) -> None:
        """Write one picture.

        Raises:
            SinkError: it could not be written, or it is the second for one file.
        """
        if self.is_folder:
            target = self.path / self._name(frame.index)
        elif self._num_written:
            raise SinkError(
                f"{self.path}: expected one picture, got another; name a folder"
            )
        else:
            target = self.path
        tags = self._template.take_tags(frame.index) if self._template else None
        data = encode_picture(frame.pixels, suffix=target.suffix, tags=tags)
        _write_file(target, data, overwrite=self._overwrite)
        self._num_written += 1

    def _open_folder(self, template: ImageSource | None) -> None:
        if template and self.path.exists() and _same(self.path, template):
            raise SinkError(
                f"{self.path}: expected an output other than the input, "
                "got the same folder"
            )
        try:
            self.path.mkdir(exist_ok=True)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        if template:
            self._names = [path.name for path in template.paths]
        for name in self._names:
            check_target(self.path / name, overwrite=self._overwrite)

    def _check_single(self, template: ImageSource | None) -> None:
        if self.path.suffix.lower() not in PICTURE_SUFFIXES:
            raise SinkError(
                f"{self.path}: expected a folder or a picture "
                f"({', '.join(sorted(PICTURE_SUFFIXES))}), "
                f"got {self.path.suffix or 'no suffix'}"
            )
        if template and template.is_folder:
            raise SinkError(
                f"{self.path}: expected a folder for the pictures of "
                f"{template.path}, got a file name"
            )
        if template and self.path.exists() and self.path.samefile(template.path):
            raise SinkError(
                f"{self.path}: expected an output other than the input, "
                "got the same file"
            )
        check_target(self.path, overwrite=self._overwrite)

    def _name(self, index: int) -> str:
        if index < len(self._names):
            return self._names[index]
        return f"frame_{index:06d}.png"


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """Return the key that sorts ``frame2`` before ``frame10``."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts]


def _pictures(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the pictures of a folder that are read, and those that are not."""
    try:
        files = [p for p in folder.iterdir() if p.is_file()]
    except OSError as error:
        raise SourceError(
            f"{folder}: expected a readable folder, got: {error.strerror}"
        ) from error
    files = [p for p in files if not p.name.startswith("._")]
    known = [p for p in files if p.suffix.lower() in PICTURE_SUFFIXES]
    others = [p for p in files if p.suffix.lower() in OTHER_PICTURE_SUFFIXES]
    return sorted(known, key=natural_key), sorted(others, key=natural_key)


def _same(folder: Path, template: ImageSource) -> bool:
    source = template.path if template.is_folder else template.path.parent
    return folder.samefile(source)


def _write_file(target: Path, data: bytes, *, overwrite: bool) -> None:
    check_target(target, overwrite=overwrite)
    part = PartFile(target, overwrite=overwrite)
    try:
        part.path.write_bytes(data)
        part.commit()
    except BaseException as error:
        part.discard()
        if isinstance(error, OSError) and not isinstance(error, SinkError):
            raise cannot_write(target, error) from error
        raise
