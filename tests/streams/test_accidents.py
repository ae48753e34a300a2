"""Files that are something else than their name says are called what they are."""

from pathlib import Path

import pytest

from rtstyle.errors import StyleFileError
from rtstyle.paintings.picture import read_painting
from rtstyle_streams.errors import SourceError
from rtstyle_streams.pictures.picture_file import read_picture
from rtstyle_streams.video.reader import VideoReader

ACCIDENTS = {
    b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n": "a Git LFS",
    b"<!DOCTYPE html><html><body>not found</body></html>": "a web page",
    b"Rar!\x1a\x07\x00" + bytes(40): "a RAR archive",
    bytes(4096): "nothing but zeros",
    b"": "an empty file",
}


@pytest.mark.parametrize("data", ACCIDENTS, ids=list(ACCIDENTS.values()))
def test_an_accident_has_its_name_whatever_was_expected(
    data: bytes, tmp_path: Path
) -> None:
    words = f"got {ACCIDENTS[data]}"
    film, picture = tmp_path / "a.mp4", tmp_path / "a.jpg"
    film.write_bytes(data)
    picture.write_bytes(data)
    with pytest.raises(SourceError, match=words):
        VideoReader(film)
    with pytest.raises(SourceError, match=words):
        read_picture(picture)
    with pytest.raises(StyleFileError, match=words):
        read_painting(picture)
