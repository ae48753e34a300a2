"""HDR films as SDR: the curve, colours, and a film from end to end."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from rtstyle_streams.errors import SourceError
from rtstyle_streams.video.colour import Colour
from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.tone_map import (
    PEAK_NITS,
    TO_709,
    WHITE_NITS,
    compressed,
    hlg_decoded,
    light_of,
    pq_decoded,
    pq_encoded,
    to_sdr,
)
from rtstyle_streams.video.writer import VideoWriter

PQ, HLG = 16, 18
SIZE = (32, 48)


def hdr(transfer: int) -> Colour:
    return Colour(colorspace=9, primaries=9, transfer=transfer)


def frame_of(signal: np.ndarray) -> av.VideoFrame:
    """Return 10-bit 4:4:4 of R'G'B' 0..1, BT.2020, limited range."""
    red, green, blue = np.moveaxis(signal, 2, 0)
    luma = 0.2627 * red + 0.678 * green + 0.0593 * blue
    planes = (
        64 + 876 * luma,
        512 + 896 * (blue - luma) / 1.8814,
        512 + 896 * (red - luma) / 1.4746,
    )
    frame = av.VideoFrame(signal.shape[1], signal.shape[0], "yuv444p10le")
    for plane, values in zip(frame.planes, planes, strict=True):
        lines = np.frombuffer(memoryview(plane), np.uint16)
        shown = lines.reshape(plane.height, -1)[:, : plane.width]
        shown[:] = np.rint(values)
    return frame


def slow_reference(signal: np.ndarray, transfer: int) -> np.ndarray:
    """Do the same by the formulas, in float64, without tables."""
    if transfer == PQ:
        nits = pq_decoded(signal)
    else:
        scene = hlg_decoded(signal)
        luma = scene @ np.array([0.2627, 0.678, 0.0593])
        nits = PEAK_NITS * scene * (luma**0.2)[..., None]
    most = np.maximum(nits.max(axis=2, keepdims=True), 1e-9)
    linear = (nits * compressed(most) / most) @ TO_709.T / WHITE_NITS
    return np.asarray(np.rint(np.clip(linear, 0, 1) ** (1 / 2.4) * 255))


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_pictures_are_those_of_the_formulas(transfer: int) -> None:
    signal = np.random.default_rng(transfer).uniform(0.05, 0.75, (*SIZE, 3))
    frame = frame_of(signal)
    before = [bytes(plane) for plane in frame.planes]
    made = to_sdr(frame, hdr(transfer))
    assert made.shape == (*SIZE, 3) and made.dtype == np.uint8
    apart = np.abs(made.astype(int) - slow_reference(signal, transfer))
    assert apart.mean() < 0.6, "10 bits of the frame round by about this"
    assert np.quantile(apart, 0.99) <= 4
    assert [bytes(plane) for plane in frame.planes] == before


def test_known_lights_have_their_signals() -> None:
    # BT.2408, table 1: reference white is 58 % of PQ; SMPTE ST 2084: 100 nits is 50.8 %
    assert float(pq_encoded(np.array(203.0))) == pytest.approx(0.58, abs=0.002)
    assert float(pq_encoded(np.array(100.0))) == pytest.approx(0.508, abs=0.001)
    assert float(pq_decoded(np.array(1.0))) == pytest.approx(10_000)
    assert float(hlg_decoded(np.array(0.5))) == pytest.approx(1 / 12)
    assert float(hlg_decoded(np.array(1.0))) == pytest.approx(1.0, abs=1e-4)
    white = light_of(np.ones((1, 1, 3)), "HLG")
    assert white == pytest.approx(PEAK_NITS, rel=1e-3)


def test_the_curve_keeps_the_dark_and_ends_at_white() -> None:
    nits = np.geomspace(0.01, 10_000, 400)
    made = compressed(nits)
    assert (np.diff(made) >= -1e-6).all()
    dark = nits < 60
    assert np.allclose(made[dark], nits[dark], rtol=0.02)
    assert made[-1] == pytest.approx(WHITE_NITS, rel=1e-3)
    assert float(compressed(np.array(PEAK_NITS))) == pytest.approx(WHITE_NITS, rel=1e-3)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_grey_stays_grey_and_red_stays_red(transfer: int) -> None:
    ramp = np.linspace(0, 1, SIZE[1])[None, :, None].repeat(SIZE[0], 0).repeat(3, 2)
    grey = to_sdr(frame_of(ramp), hdr(transfer)).astype(int)
    assert np.ptp(grey, axis=2).max() <= 4
    assert (np.diff(grey[0, :, 1]) >= -1).all()
    assert grey[0, 0].max() <= 2 and grey[0, -1].min() >= 253
    red = np.full((*SIZE, 3), (0.5, 0.1, 0.1))
    made = to_sdr(frame_of(red), hdr(transfer))[5, 5].astype(int)
    assert made[0] > made[1] + 40 and made[0] > made[2] + 40


def hdr_clip(path: Path, transfer: int) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25, width=SIZE[1], height=SIZE[0])
        assert isinstance(stream, VideoStream)
        stream.pix_fmt = "yuv444p10le"
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc = 9, 9, transfer
        context.color_range = 1
        for number in range(3):
            frame = frame_of(np.full((*SIZE, 3), 0.2 + 0.1 * number))
            frame.pts, frame.time_base = number, Fraction(1, 25)
            frame.colorspace, frame.color_primaries = 9, 9
            frame.color_trc, frame.color_range = transfer, 1
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(("transfer", "name"), [(PQ, "PQ"), (HLG, "HLG")])
def test_a_film_is_refused_or_becomes_bt709(
    tmp_path: Path, transfer: int, name: str
) -> None:
    path = hdr_clip(tmp_path / "hdr.mkv", transfer)
    with pytest.raises(SourceError, match=rf"HDR \({name}\); use --tone-map bt2390"):
        VideoReader(path)
    target = tmp_path / "sdr.mkv"
    with VideoReader(path, tone_map="bt2390") as reader:
        assert reader.colour.transfer == 1 and reader.info.matrix == "bt709"
        said = f"HDR ({name}) is written as SDR, by the tone curve bt2390"
        assert any(said in line for line in reader.notices)
        with VideoWriter(target, reader.info, template=reader) as writer:
            levels = []
            for frame in reader:
                levels.append(int(frame.pixels[9, 9, 1]))
                writer.write(frame)
            writer.finish()
    assert levels == sorted(levels) and levels[0] + 20 < levels[2]
    with VideoReader(target) as copy:
        assert (copy.colour.transfer, copy.colour.primaries) == (1, 1)
        again = [int(frame.pixels[9, 9, 1]) for frame in copy]
    assert np.abs(np.subtract(again, levels)).max() <= 3


def test_sdr_is_left_as_it_is(tmp_path: Path) -> None:
    from tests.streams.clips import numbered, write_clip

    path = write_clip(tmp_path / "clip.mkv", [numbered(1)] * 2)
    with VideoReader(path) as plain, VideoReader(path, tone_map="bt2390") as mapped:
        one, other = next(iter(plain)), next(iter(mapped))
        assert plain.colour == mapped.colour and plain.notices == mapped.notices
    assert (one.pixels == other.pixels).all()
