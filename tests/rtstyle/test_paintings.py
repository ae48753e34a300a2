"""Any painting as a style: encoded once, folded in, mixed in one network."""

import hashlib
import time
from pathlib import Path

import numpy as np
import onnx
import pytest

from rtstyle.errors import StyleFileError, UsageError
from rtstyle.gallery.find import add_style, load_style
from rtstyle.gallery.mixture import load_mixture, mixture_text
from rtstyle.look import Look
from rtstyle.paintings import loading
from rtstyle.paintings.cache import PaintingCache
from rtstyle.paintings.loading import load_painting, mix_paintings
from rtstyle.paintings.network import VARIABLE, PaintingNetwork, painting_network
from rtstyle.style_file import graph_sha256, read_card, read_style, with_card
from rtstyle.stylizer.controls import Controls
from rtstyle.stylizer.stylizer import Stylizer
from tests.tiny_paintings import (
    MODULATION,
    encoder_model,
    tinting_model,
    write_network,
    write_painting,
)
from tests.tiny_styles import CARD, write_negative

RED, BLUE = (200, 0, 0), (0, 0, 200)


@pytest.fixture(autouse=True)
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = write_network(tmp_path / "network")
    monkeypatch.setenv(VARIABLE, str(folder))
    return folder


@pytest.fixture
def red(tmp_path: Path) -> Path:
    return write_painting(tmp_path / "red.png", RED)


@pytest.fixture
def blue(tmp_path: Path) -> Path:
    return write_painting(tmp_path / "blue.png", BLUE)


@pytest.fixture
def grey() -> np.ndarray:
    return np.full((40, 60, 3), 100, np.uint8)


def painted(style: object, content: np.ndarray) -> list[int]:
    with Stylizer(style, device="cpu") as stylizer:  # type: ignore[arg-type]
        pixel: list[int] = stylizer(content)[20, 30].tolist()
        return pixel


def count_encodings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Return a list that grows by the painting's shape when one is encoded."""
    shapes: list[tuple[int, ...]] = []
    encode = PaintingNetwork.encode

    def counted(network: PaintingNetwork, painting: np.ndarray) -> np.ndarray:
        shapes.append(painting.shape)
        return encode(network, painting)

    monkeypatch.setattr(PaintingNetwork, "encode", counted)
    return shapes


def test_a_painting_is_a_style_at_once(red: Path, grey: np.ndarray) -> None:
    before = grey.copy()
    assert painted(str(red), grey) == [150, 50, 50]  # 100 / 2 + colour / 2
    assert painted(load_style(red), grey) == [150, 50, 50]
    assert (grey == before).all()


def test_what_runs_is_a_style_file_without_inputs_for_style(red: Path) -> None:
    style = load_style(red)
    card = read_card(style.model, where="x")
    assert card["kind"] == "adain"
    assert card["name"] == "red" and card["title"] == "red"
    assert card["painting"]["file"] == "red.png"
    assert "modulation" not in card, "nothing is left to be replaced"
    graph = onnx.load_from_string(style.model).graph
    assert [value.name for value in graph.input] == ["frame"]


def test_a_painting_is_encoded_once_and_then_comes_from_the_cache(
    red: Path, grey: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = count_encodings(monkeypatch)
    first = load_painting(red)
    red.rename(red.with_name("renamed.png"))
    again = load_painting(red.with_name("renamed.png"))
    assert len(encoded) == 1, "the content counts, not the name"
    assert first.modulation is not None and again.modulation is not None
    assert (first.modulation == again.modulation).all()
    assert again.name == "renamed"


def test_another_painting_under_the_same_name_is_encoded_anew(
    red: Path, grey: np.ndarray
) -> None:
    assert painted(str(red), grey) == [150, 50, 50]
    write_painting(red, BLUE)
    assert painted(str(red), grey) == [50, 50, 150]


def test_another_encoder_makes_everything_be_encoded_anew(
    red: Path, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = count_encodings(monkeypatch)
    load_painting(red)
    write_network(network, side=96)
    load_painting(red)
    assert len(encoded) == 2
    assert encoded[0] != encoded[1], "the encoder names the side"


def test_a_damaged_entry_of_the_cache_is_made_again(
    red: Path, grey: np.ndarray
) -> None:
    load_painting(red)
    (entry,) = PaintingCache().folder.iterdir()
    entry.write_bytes(entry.read_bytes()[:-3])
    assert painted(str(red), grey) == [150, 50, 50]


def test_the_style_is_neutral_at_strength_zero(red: Path, grey: np.ndarray) -> None:
    assert painted(load_style(red, style_strength=0.0), grey) == [100, 100, 100]
    assert painted(load_style(red, style_strength=0.5), grey) == [125, 75, 75]
    assert painted(load_style(red, style_strength=1.5), grey) == [175, 25, 25]
    with pytest.raises(UsageError, match="style strength: expected 0 to 1.5, got 1.6"):
        load_style(red, style_strength=1.6)


def test_paintings_mix_in_one_network(red: Path, blue: Path, grey: np.ndarray) -> None:
    shares = load_mixture(f"{red}:3,{blue}:1")
    assert len(shares) == 1
    assert painted(shares, grey) == [125, 50, 75]
    assert mixture_text(shares) == (
        "0.75 red + 0.25 blue: paintings, mixed in one network; costs as one style"
    )


def test_a_mixture_of_one_painting_is_that_painting(
    red: Path, grey: np.ndarray
) -> None:
    assert painted(f"{red}:0.3", grey) == painted(str(red), grey)
    style = load_style(red)
    assert mix_paintings([(style, 1.0)]) is style


def test_fixed_styles_cross_fade_and_say_what_it_costs(
    tmp_path: Path, grey: np.ndarray
) -> None:
    files = [write_negative(tmp_path, name) for name in ("one", "two", "three")]
    shares = load_mixture(",".join(map(str, files)))
    assert len(shares) == 3
    assert painted(shares, grey) == [155, 155, 155]
    assert "3 networks run for each frame" in mixture_text(shares)
    assert "costs as 3 styles" in mixture_text(shares)


def test_paintings_and_fixed_styles_cross_fade(
    red: Path, blue: Path, tmp_path: Path, grey: np.ndarray
) -> None:
    fixed = write_negative(tmp_path)
    shares = load_mixture(f"{red}:0.25,{fixed}:0.5,{blue}:0.25")
    assert len(shares) == 2, "both paintings in one network"
    assert painted(shares, grey) == [128, 102, 128]
    assert mixture_text(shares).startswith("0.5 (0.5 red + 0.5 blue) + 0.5 (Negative):")


def test_the_colours_of_the_content_are_given_to_the_painting_first(
    red: Path, grey: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = count_encodings(monkeypatch)
    content = np.full((30, 40, 3), (20, 120, 220), np.uint8)
    style = load_style(red, match_colors=True, content=content)
    assert painted(style, grey) == [60, 110, 160]
    load_style(red, match_colors=True, content=content)
    assert len(encoded) == 1, "the same content comes from the cache"
    assert painted(load_style(red), grey) == [150, 50, 50]


@pytest.mark.parametrize("look", [Look(style_strength=0.5), Look(match_colors=True)])
def test_controls_of_paintings_are_refused_for_fixed_styles(
    look: Look, tmp_path: Path, grey: np.ndarray
) -> None:
    fixed = write_negative(tmp_path)
    with pytest.raises(UsageError, match="expected a painting"):
        load_style(
            fixed, style_strength=look.style_strength, match_colors=look.match_colors
        )
    with pytest.raises(UsageError, match="got the fixed style negative; use --"):
        load_mixture(str(fixed), look, content=grey)


def test_colours_of_no_content_are_refused(red: Path) -> None:
    with pytest.raises(UsageError, match="expected a content frame, got none"):
        load_style(red, match_colors=True)


def test_at_strength_zero_a_content_keeps_its_own_look(
    red: Path, grey: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = count_encodings(monkeypatch)
    content = np.full((30, 40, 3), (20, 120, 220), np.uint8)
    own = painted(load_style(red, style_strength=0.0, content=content), grey)
    assert own == [60, 110, 160], "the content's own modulation, not the neutral one"
    half = painted(load_style(red, style_strength=0.5, content=content), grey)
    assert half == [105, 80, 105]
    assert painted(load_style(red, content=content), grey) == [150, 50, 50]
    assert len(encoded) == 2, "painting and content, once each"


def test_a_painting_may_be_kept_as_a_style_file(red: Path, grey: np.ndarray) -> None:
    kept = add_style(red)
    assert kept.name == "red"
    red.unlink()
    assert painted("red", grey) == [150, 50, 50]
    assert load_style("red").path is not None


def test_a_name_in_the_gallery_comes_before_a_file(
    red: Path, grey: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(red.parent)
    Path("scream").write_bytes(red.read_bytes())
    assert load_style("scream").kind == "image"
    assert load_style("./scream").kind == "adain"


def test_notices_are_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import cv2

    path = tmp_path / "logo.png"
    cv2.imwrite(str(path), np.zeros((40, 60, 4), np.uint8))
    load_painting(path)
    assert "logo.png: what is transparent is taken as white" in caplog.messages
    caplog.clear()
    load_painting(path)
    assert not caplog.messages


def test_a_sibling_goes_on_with_the_same_smoothing(
    red: Path, blue: Path, grey: np.ndarray
) -> None:
    controls = Controls(smooth="gate")
    first = Stylizer(str(red), controls=controls, device="cpu")
    assert first(grey)[0, 0].tolist() == [150, 50, 50]
    second = first.sibling(load_mixture(str(blue)))
    first.close()
    step = second(grey)[0, 0].tolist()
    assert 140 <= step[0] < 150 and 50 < step[2] <= 60, "no step: nine parts of the old"
    second.close()


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("swift_adain.onnx", "expected the network for paintings, found none"),
        ("style_encoder.onnx", "expected the network for paintings, found none"),
    ],
)
def test_a_missing_network_is_one_line(
    missing: str, said: str, network: Path, red: Path
) -> None:
    (network / missing).unlink()
    with pytest.raises(StyleFileError, match=said) as error:
        load_style(red)
    assert VARIABLE in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("encoder", "said"),
    [
        ({"size": 7}, r"\(6 numbers\), got that of another \(7\)"),
        ({"version": 2}, "expected version 1, got 2"),
    ],
)
def test_an_encoder_of_another_network_is_refused(
    encoder: dict[str, int], said: str, network: Path, red: Path
) -> None:
    write_network(network, **encoder)
    with pytest.raises(StyleFileError, match=said):
        load_style(red)


def test_an_encoder_made_for_another_style_file_is_refused(
    network: Path, red: Path
) -> None:
    style = (network / "swift_adain.onnx").read_bytes()
    own = hashlib.sha256(style).hexdigest()
    encoder = network / "style_encoder.onnx"
    encoder.write_bytes(encoder_model(made_for=own))
    load_style(red)
    encoder.write_bytes(encoder_model(made_for="0123456789abcdef" * 4))
    with pytest.raises(StyleFileError, match=r"got that of another \(0123456789ab\)"):
        load_style(red)


def test_a_card_may_be_rewritten_without_losing_the_encoder(
    network: Path, red: Path
) -> None:
    base = network / "swift_adain.onnx"
    style = read_style(base)
    made_for = encoder_model(made_for=graph_sha256(style.model))
    (network / "style_encoder.onnx").write_bytes(made_for)
    base.write_bytes(with_card(style.model, style.card | {"quality": {"ssim": 0.7}}))
    assert load_style(red).card["quality"] == {"ssim": 0.7}


@pytest.mark.parametrize("data", [b"", b"no onnx", tinting_model()])
def test_an_encoder_that_is_none_is_refused(
    data: bytes, network: Path, red: Path
) -> None:
    (network / "style_encoder.onnx").write_bytes(data)
    with pytest.raises(StyleFileError, match="expected (a style encoder|an ONNX file)"):
        load_style(red)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tensors": [["scale", 0, 3], ["nothing", 3, 3]]}, "the graph has none"),
        ({"tensors": [["scale", 0, 2]]}, "expected 2 float32 numbers"),
        ({"tensors": [["scale", 4, 3]]}, "from number 4 of 6"),
        ({"tensors": [["scale", -1, 3]]}, "from number -1 of 6"),
        ({"tensors": []}, "expected a neutral modulation"),
        ({"tensors": "scale"}, "where a modulation goes"),
        ({"neutral": [1.0]}, "expected a neutral modulation of 6 numbers, got 1"),
        (None, "where a modulation goes"),
    ],
)
def test_a_card_that_does_not_fit_its_graph_is_refused(
    change: dict[str, object] | None, said: str, network: Path
) -> None:
    card = CARD | {"kind": "adain"}
    if change is not None:
        card = card | {"modulation": MODULATION | change}
    (network / "swift_adain.onnx").write_bytes(with_card(tinting_model(), card))
    with pytest.raises(StyleFileError, match=said):
        painting_network(network)


def test_the_network_is_read_again_only_when_it_changes(network: Path) -> None:
    first = painting_network(network)
    assert painting_network(network) is first
    time.sleep(0.01)
    write_network(network)
    assert painting_network(network) is not first
    assert painting_network(network) is painting_network(network)


def test_loading_reads_a_painting_only_when_it_must(
    red: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_painting(red)
    monkeypatch.setattr(loading, "read_painting", None)
    assert load_painting(red).model == first.model
