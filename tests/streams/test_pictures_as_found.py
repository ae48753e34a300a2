"""Pictures as people have them: profiles, EXIF, broken, huge, moving, oddly named."""

import io
import os
import resource
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from rtstyle_streams.errors import SourceError
from rtstyle_streams.opening import open_sink, open_source
from rtstyle_streams.pictures.images import ImageSink, ImageSource
from rtstyle_streams.pictures.jpeg import is_jpeg_damaged
from rtstyle_streams.pictures.picture_file import MOST_PIXELS, decode_picture
from rtstyle_streams.video.reader import VideoReader
from tests.streams.clips import numbered_clip
from tests.streams.reports import moving, noise
from tests.streams.test_films_of_pictures import moving_file

P3 = {  # colourants of Display P3, adapted to D50
    b"rXYZ": (0.51512, 0.24120, -0.00105),
    b"gXYZ": (0.29198, 0.69225, 0.04189),
    b"bXYZ": (0.15710, 0.06657, 0.78407),
}
RED_IN_P3 = (234, 51, 35)


def p3_profile() -> bytes:
    """Return an ICC profile of Display P3, made of sRGB's."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    profile = bytearray(srgb.tobytes())
    (count,) = struct.unpack_from(">I", profile, 128)
    for entry in range(132, 132 + 12 * count, 12):
        name, place, _ = struct.unpack_from(">4sII", profile, entry)
        if name in P3:
            numbers = [round(value * 65536) for value in P3[name]]
            struct.pack_into(">3i", profile, place + 8, *numbers)
    profile[84:100] = bytes(16)
    return bytes(profile)


def copied(source: Path, target: Path) -> list[str]:
    """Copy pictures as the program does; return what was said."""
    with ImageSource(source) as pictures, ImageSink(target, template=pictures) as sink:
        for frame in pictures:
            sink.write(frame)
    return pictures.notices


def flat(colour: tuple[int, ...], mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (64, 48), colour)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_colours_of_a_wide_profile_become_those_of_srgb(
    tmp_path: Path, suffix: str
) -> None:
    source, target = tmp_path / f"a{suffix}", tmp_path / "o.png"
    flat(RED_IN_P3).save(source, icc_profile=p3_profile(), quality=98)
    assert copied(source, target) == []
    with Image.open(target) as image:
        pixel = np.array(image)[20, 20]
        assert "icc_profile" not in image.info
    assert np.abs(pixel.astype(int) - (255, 0, 0)).max() <= 8


def test_pixels_in_srgb_stay_as_they_are(tmp_path: Path) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(noise(1)).save(tmp_path / "a.png", icc_profile=srgb)
    (frame,) = ImageSource(tmp_path / "a.png")
    assert (frame.pixels == noise(1)).all()


def test_a_broken_profile_is_said_and_the_picture_read(tmp_path: Path) -> None:
    flat((10, 200, 30)).save(tmp_path / "a.png", icc_profile=b"no profile" * 20)
    source = ImageSource(tmp_path / "a.png")
    (frame,) = source
    assert (frame.pixels == (10, 200, 30)).all()
    assert "a.png: its colour profile cannot be read" in source.notices[0]


def exif_of(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0132], exif[0x0112] = "Maker", "2024:05:06", orientation
    return exif


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif"])
def test_exif_is_carried_and_the_orientation_is_applied_once(
    tmp_path: Path, suffix: str
) -> None:
    picture = Image.fromarray(moving(3))
    picture.save(tmp_path / f"a{suffix}", exif=exif_of(6), quality=95)
    copied(tmp_path / f"a{suffix}", tmp_path / f"o{suffix}")
    with Image.open(tmp_path / f"o{suffix}") as image:
        assert image.size == (48, 64), "turned"
        exif = image.getexif()
        assert (exif[0x010F], exif[0x0132]) == ("Maker", "2024:05:06")
        assert exif.get(0x0112, 1) == 1, "not to be turned again"


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_the_resolution_is_carried(tmp_path: Path, suffix: str) -> None:
    flat((9, 9, 9)).save(tmp_path / f"a{suffix}", dpi=(300, 150))
    copied(tmp_path / f"a{suffix}", tmp_path / f"o{suffix}")
    with Image.open(tmp_path / f"o{suffix}") as image:
        assert [round(float(number)) for number in image.info["dpi"]] == [300, 150]


def test_all_that_is_read_is_read_in_folders_and_others_are_named(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    flat((1, 2, 3)).save(folder / "a.png")
    for name in ("b.jfif", "c.jpe"):
        flat((1, 2, 3)).save(folder / name, format="JPEG")
    flat((1, 2, 3)).save(folder / "d.avif")
    (folder / "e.HEIC").write_text("x")
    (folder / "._a.png").write_bytes(b"\0\5\x16\7Mac OS X")
    (folder / "notes.txt").write_text("x")
    lines = copied(folder, tmp_path / "out")
    assert sorted(os.listdir(tmp_path / "out")) == [
        "a.png",
        "b.jfif",
        "c.jpe",
        "d.avif",
    ]
    assert lines == ["e.HEIC: .HEIC is not read; save it as JPEG or PNG"]


def jpeg(quality: int = 90) -> bytes:
    file = io.BytesIO()
    blurred = np.repeat(np.repeat(noise(1, width=32, height=24), 4, 0), 4, 1)
    Image.fromarray(blurred).save(file, "JPEG", quality=quality)
    return file.getvalue()


def test_a_jpeg_without_its_end_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg()[:-2])
    source = ImageSource(tmp_path / "a.jpg")
    (frame,) = source
    whole = decode_picture(jpeg(), Path("a.jpg")).pixels
    assert (frame.pixels == whole).all()
    assert source.num_decode_errors == 0 and source.notices == []


@pytest.mark.parametrize("quality", [75, 90, 98])
@pytest.mark.parametrize("fill", [b"\0", b"\x5a"])
def test_a_jpeg_broken_in_its_middle_is_damaged(
    tmp_path: Path, quality: int, fill: bytes
) -> None:
    data = bytearray(jpeg(quality))
    assert not is_jpeg_damaged(bytes(data))
    scan = data.find(b"\xff\xda")
    middle = scan + (len(data) - scan) // 2
    data[middle : middle + 40] = fill * 40
    (tmp_path / "a.jpg").write_bytes(data)
    source = ImageSource(tmp_path / "a.jpg")
    assert len(list(source)) == 1
    assert source.num_decode_errors == 1
    assert "a.jpg: a part is broken; what could be read is taken" in source.notices


@pytest.mark.shared
def test_the_broken_and_the_cut_jpeg_of_the_reports(shared: Path) -> None:
    for name, num_errors in (("mid.jpg", 1), ("noeoi.jpg", 0)):
        source = ImageSource(shared / "data" / "faults" / "reports" / name)
        assert len(list(source)) == 1
        assert source.num_decode_errors == num_errors


def test_half_a_jpeg_is_read_half_and_called_damaged(tmp_path: Path) -> None:
    whole = decode_picture(jpeg(), Path("a.jpg")).pixels
    (tmp_path / "a.jpg").write_bytes(jpeg()[: len(jpeg()) // 2])
    source = ImageSource(tmp_path / "a.jpg")
    (frame,) = source
    assert (frame.pixels[:16] == whole[:16]).all()
    assert source.num_decode_errors == 1


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_no_whole_jpeg_is_called_damaged(progressive: bool, subsampling: int) -> None:
    for side in range(33, 70, 3):
        file = io.BytesIO()
        picture = Image.fromarray(noise(side, width=side, height=side + 7))
        picture.save(
            file,
            "JPEG",
            progressive=progressive,
            subsampling=subsampling,
            exif=exif_of(),
        )
        assert not is_jpeg_damaged(file.getvalue() + b"what follows"), side


def claims(width: int, height: int) -> bytes:
    """Return a PNG that is small, and whose header says it is large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + header + rows + chunk(b"IEND", b"")


def tem_jpeg(width: int, height: int) -> bytes:
    """Return a JPEG with a TEM marker before a frame that claims to be large."""
    data = bytearray(jpeg())
    frame = data.find(b"\xff\xc0")
    struct.pack_into(">HH", data, frame + 5, height, width)
    data[2:2] = b"\xff\x01"
    return bytes(data)


@pytest.mark.parametrize(
    "data", [claims(30000, 30000), claims(12000, 12000), tem_jpeg(15000, 15000)]
)
def test_a_picture_that_is_too_large_is_refused_with_little_memory(
    tmp_path: Path, data: bytes
) -> None:
    (tmp_path / "a.pic").write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SourceError) as caught:
        ImageSource(tmp_path / "a.pic")
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert "\n" not in str(caught.value) and "a.pic" in str(caught.value)
    assert grown_mb < 100
    assert MOST_PIXELS == 128_000_000


@pytest.mark.shared
def test_the_limit_holds_whatever_the_header_says(shared: Path) -> None:
    with pytest.raises(SourceError, match="megapixels"):
        ImageSource(shared / "data" / "faults" / "pictures" / "tiff_dup.tif")


def test_opencv_is_told_the_limit_before_it_is_loaded() -> None:
    code = (
        "import rtstyle_streams, cv2, numpy\n"
        "data = b'P5 20000 20000 255\\n' + bytes(100)\n"
        "try: cv2.imdecode(numpy.frombuffer(data, numpy.uint8), 0)\n"
        "except cv2.error as error: print('PIXELS' in str(error))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout == "True\n"


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux alone")
def test_names_need_not_be_text(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/f\xfclm"))
    folder.mkdir()
    for name in ("a.png", "b.webp", "c.jpg"):
        flat((1, 2, 3)).save(folder / f"{os.fsdecode(b'p')}{name}")
    assert copied(folder, folder / os.fsdecode(b"\xfc")) == []
    film = numbered_clip(tmp_path / "a.mp4", 3)
    odd = folder / os.fsdecode(b"f\xfclm.mp4")
    film.rename(odd)
    with VideoReader(odd) as reader:
        target = folder / os.fsdecode(b"o\xfct.mkv")
        with open_sink(target, reader.info, template=reader) as sink:
            for frame in reader:
                sink.write(frame)
    assert target.stat().st_size > 500
    moved = moving_file(folder / os.fsdecode(b"m\xfc.webp"))
    assert len(list(open_source(moved, kind="film"))) == 5


def test_a_kind_that_is_not_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(bytes(4) + b"ftypheic" + bytes(40))
    with pytest.raises(SourceError, match="got .heic, which is not read; save it as"):
        open_source(tmp_path / "a.heic")


@pytest.mark.parametrize("mode", ["F", "I"])
def test_a_decoder_prints_nothing_of_its_own(mode: str, tmp_path: Path) -> None:
    Image.new(mode, (20, 10), 3).save(tmp_path / "deep.tif")
    code = (
        "import sys; from pathlib import Path\n"
        "from rtstyle_streams.pictures.picture_file import read_picture\n"
        "try: read_picture(Path(sys.argv[1]))\n"
        "except OSError as error: print(error)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "deep.tif"],
        capture_output=True,
        text=True,
        check=True,
        env={k: v for k, v in os.environ.items() if k != "OPENCV_LOG_LEVEL"},
    )
    assert run.stderr == ""
    assert run.stdout.endswith("expected 8 or 16 bits per sample, got 32 (HDR)\n")


def test_a_png_whose_checksum_is_wrong_is_damaged(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.fromarray(noise(2, width=60, height=40)).save(file, "PNG", compress_level=0)
    data = bytearray(file.getvalue())
    (tmp_path / "whole.png").write_bytes(data)
    data[len(data) // 2] ^= 0x40  # stored as it is: it still decodes
    (tmp_path / "a.png").write_bytes(data)
    for name, num_errors in (("whole.png", 0), ("a.png", 1)):
        source = ImageSource(tmp_path / name)
        assert len(list(source)) == 1
        assert source.num_decode_errors == num_errors
        assert len(source.notices) == num_errors
    (tmp_path / "b.png").write_bytes(file.getvalue()[:-12])  # without its end
    assert ImageSource(tmp_path / "b.png").num_decode_errors == 0


@pytest.mark.parametrize("name", ["scan", "a.xyz", "a.mpo"])
def test_a_picture_is_known_by_its_first_bytes(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(jpeg())
    source = open_source(tmp_path / name, kind="pictures")
    assert isinstance(source, ImageSource)
    assert len(list(source)) == 1
    film = numbered_clip(tmp_path / "film.mp4", 3).rename(tmp_path / "film")
    assert isinstance(open_source(film, kind="pictures"), VideoReader)
