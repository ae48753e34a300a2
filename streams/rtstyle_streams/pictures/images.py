"""Still pictures and folders of them, as a source and as a sink."""

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from rtstyle_streams.errors import SinkError, SourceError
from rtstyle_streams.frame import Frame
from rtstyle_streams.managed import ManagedSink, ManagedSource
from rtstyle_streams.part_file import PartFile, cannot_write, check_target
from rtstyle_streams.pictures import names
from rtstyle_streams.pictures.picture_file import (
    PICTURE_SUFFIXES,
    decode_picture,
    encode_picture,
    read_file,
)
from rtstyle_streams.pictures.tags import PictureTags
from rtstyle_streams.protocols import StreamInfo
from rtstyle_streams.video.formats import FORMATS

_FILMS = FORMATS.keys() - PICTURE_SUFFIXES


class ImageSource(ManagedSource):
    """Gives out one picture, or those of a folder in natural order (2 before 10).

    Other than elsewhere, each picture of a folder keeps its own size; `info` tells
    about the first. A picture of a folder that cannot be read is left out, counted in
    `num_decode_errors` and named in `notices`; so is one of a kind that is not read.
    Files that macOS leaves beside others (``._a.jpg``) are no pictures.

    Args:
        path: a picture file, a folder (its subfolders are not looked into), or a
            pattern for numbered pictures, see `names`.

    Raises:
        SourceError: no such file, or nothing in it that is a picture.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._notices: list[str] = []
        self._num_broken = 0
        self.numbers: list[int] = []
        """Of numbered pictures, in their order."""
        is_pattern = names.is_pattern(self.path) and not self.path.exists()
        self.is_folder = is_pattern or self.path.is_dir()
        """Whether there may be several."""
        self.folder = self.path if self.path.is_dir() else self.path.parent
        """Where they lie."""
        self.paths = self._numbered() if is_pattern else self._found()
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

    @property
    def notices(self) -> list[str]:
        """Return what was left out or changed, a line each."""
        return self._notices

    @property
    def num_decode_errors(self) -> int:
        """Return how many pictures are broken or could not be read, so far."""
        return self._num_broken

    def __iter__(self) -> Iterator[Frame]:
        """Give out the pictures that are left."""
        first, self._first = self._first, None
        if first is not None:
            yield first
        yield from self._pictures

    def take_tags(self, index: int) -> PictureTags | None:
        """Return what the copy of a picture should carry on; once."""
        return self._tags.pop(index, None)

    def _numbered(self) -> list[Path]:
        found = names.numbered_pictures(self.path)
        self.numbers = list(found)
        return list(found.values())

    def _found(self) -> list[Path]:
        """Return the pictures to read; say which of a folder are none."""
        if not self.is_folder:
            return [self.path]
        paths, others = names.pictures_in(self.path)
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
                self._num_broken += 1
                self.notices.append(str(error))
                continue
            self._notices += picture.notices(path.name)
            self._num_broken += int(picture.is_damaged)
            self._tags[index] = picture.tags
            yield Frame(picture.pixels, pts=index, time_base=Fraction(1), index=index)


class ImageSink(ManagedSink):
    """Writes one picture, or a folder of them; each file appears whole or not at all.

    Args:
        path: a file whose suffix says the kind, a folder, made if it is missing, or a
            pattern for numbered pictures, see `names`.
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
        self._template = template
        self._overwrite = overwrite
        self._names: list[str] = []
        self._num_written = 0
        self._pattern: Path | None = None
        if names.is_pattern(self.path):
            self._pattern, self.path = self.path, self.path.parent
            self._numbers = template.numbers if template else []
        text = os.fspath(path)
        has_suffix = self.path.suffix.lower() in PICTURE_SUFFIXES
        self.is_folder = self._pattern is not None or self.path.is_dir()
        self.is_folder = self.is_folder or text.endswith(("/", os.sep))
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
        if template and self.path.exists() and self.path.samefile(template.folder):
            raise SinkError(
                f"{self.path}: expected an output other than the input, "
                "got the same folder"
            )
        try:
            self.path.mkdir(exist_ok=True)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        if template and not self._pattern:
            self._names = [path.name for path in template.paths]
        for name in self._names:
            check_target(self.path / name, overwrite=self._overwrite)

    def _check_single(self, template: ImageSource | None) -> None:
        suffix = self.path.suffix.lower()
        if template and not template.is_folder and suffix in _FILMS:
            raise SinkError(
                f"{self.path}: expected a picture, because {template.path} is a still "
                f"one, got {suffix}"
            )
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
        if self._pattern:
            has_number = index < len(self._numbers)
            number = self._numbers[index] if has_number else index + 1
            return names.numbered(self._pattern, number).name
        if index < len(self._names):
            return self._names[index]
        return f"frame_{index:06d}.png"


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
