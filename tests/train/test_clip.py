import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import open_clip
import pytest
import torch

from rtstyle_experiments.small_clip.model import WEIGHTS_FILE
from rtstyle_train.clip.encoder import ClipEncoder, load_clip
from rtstyle_train.clip.source import ClipSource, check_source
from rtstyle_train.clip.templates import LEFT_OUT, prompt_templates
from rtstyle_train.errors import ConfigError, TrainError
from rtstyle_train.losses.spectral import BANDS, filtered_class_token, token_weights
from tests.train.clip_files import make_tiny_clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def clip(folder: Path) -> ClipEncoder:
    return load_clip(ClipSource(str(folder)))


@pytest.fixture
def pictures() -> Iterator[torch.Tensor]:
    made = torch.rand(2, 3, 96, 160, generator=torch.Generator().manual_seed(0))
    before = made.clone()
    yield made
    assert (made == before).all(), "the input was changed in place"


def test_there_are_79_templates_with_one_place_for_the_prompt() -> None:
    templates = prompt_templates()
    assert len(templates) == 79
    assert all(text.count("{}") == 1 for text in templates)
    assert templates[0] == "a bad photo of a {}."
    assert templates[-1] == "a tattoo of the {}."
    assert LEFT_OUT not in templates


def test_the_model_is_a_vit_with_49_tokens_and_the_class_token(
    clip: ClipEncoder, pictures: torch.Tensor
) -> None:
    assert clip.num_tokens == 50
    assert clip.image_size == 112
    assert clip.tokens(pictures).shape == (2, 50, 32)
    assert clip.encode_image(pictures).shape == (2, 128)
    assert not any(p.requires_grad for p in clip.parameters())


def test_all_bands_kept_is_plain_encode_image(
    clip: ClipEncoder, pictures: torch.Tensor
) -> None:
    token = filtered_class_token(clip.tokens(pictures), token_weights(range(50)))
    torch.testing.assert_close(
        clip.project(token), clip.encode_image(pictures), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("band", BANDS)
def test_a_band_gives_other_embeddings_and_a_gradient(
    clip: ClipEncoder, pictures: torch.Tensor, band: str
) -> None:
    seen = pictures.clone().requires_grad_()
    features = clip.encode_image(seen, band=band)
    assert (features - clip.encode_image(pictures)).abs().max() > 1e-3
    features.square().sum().backward()  # type: ignore[no-untyped-call]
    assert seen.grad is not None and seen.grad.abs().max() > 0


def test_equal_tokens_leave_only_the_bias_of_the_last_norm(clip: ClipEncoder) -> None:
    tokens = torch.ones(1, 50, 32)
    found = clip.project(filtered_class_token(tokens, token_weights("c2")))
    expected = (clip.visual.ln_post.bias @ clip.visual.proj)[None]
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)


def test_pictures_are_scaled_as_open_clip_scales_them(
    clip: ClipEncoder, folder: Path
) -> None:
    red = torch.zeros(1, 3, clip.image_size, clip.image_size)
    red[:, 0] = 1.0
    mean = torch.tensor(open_clip.OPENAI_DATASET_MEAN).view(1, 3, 1, 1)
    std = torch.tensor(open_clip.OPENAI_DATASET_STD).view(1, 3, 1, 1)
    theirs = open_clip.create_model(f"local-dir:{folder}").eval()
    torch.testing.assert_close(
        clip.encode_image(red), theirs.encode_image((red - mean) / std)
    )


def test_pictures_are_smoothed_before_they_shrink(clip: ClipEncoder) -> None:
    checks = torch.zeros(1, 3, 224, 224)
    checks[..., ::2] = 1.0
    small = clip.fitted(checks)
    assert small.shape == (1, 3, 112, 112)
    assert (small[..., 8:-8, 8:-8] - 0.5).abs().max() < 0.05
    assert clip.fitted(small) is small


def test_weights_file_and_config_file_load_like_their_folder(
    clip: ClipEncoder, folder: Path, tmp_path: Path, pictures: torch.Tensor
) -> None:
    table = json.loads((folder / "open_clip_config.json").read_text("utf-8"))
    config = tmp_path / "rtstyle-tiny-test.json"
    config.write_text(json.dumps(table["model_cfg"]), "utf-8")
    shutil.copy(folder / "merges.txt.gz", tmp_path)
    shutil.copy(folder / WEIGHTS_FILE, tmp_path / "w.safetensors")
    other = load_clip(ClipSource(str(config), str(tmp_path / "w.safetensors")))
    assert (other.encode_image(pictures) == clip.encode_image(pictures)).all()
    assert (other.direction("red mosaic") == clip.direction("red mosaic")).all()


def test_the_direction_is_a_unit_vector_and_texts_are_encoded_once(
    clip: ClipEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    encode = clip.model.encode_text

    def counting(tokens: torch.Tensor) -> torch.Tensor:
        calls.append(len(tokens))
        found: torch.Tensor = encode(tokens)  # type: ignore[operator]
        return found

    monkeypatch.setattr(clip.model, "encode_text", counting)
    first = clip.direction("golden dots", source="red dots")
    second = clip.direction("golden dots", source="red dots")
    assert calls == [79, 79]
    assert (first == second).all()
    assert first.norm().item() == pytest.approx(1.0, abs=1e-5)


def test_prompts_are_counted_in_their_longest_template(clip: ClipEncoder) -> None:
    # start, 8 words, a full stop, the prompt's two words, end
    assert clip.count_tokens("blue stripes") == 12
    assert clip.fitting_prompt("blue stripes") == "blue stripes"


def test_a_prompt_that_is_too_long_is_refused_unless_it_may_be_cut(
    clip: ClipEncoder, caplog: pytest.LogCaptureFixture
) -> None:
    long = " ".join(["blue stripes"] * 20)
    with pytest.raises(ConfigError, match="at most 32 tokens .* got 50; .*--truncate"):
        clip.fitting_prompt(long)
    cut = clip.fitting_prompt(long, truncate=True)
    assert long.startswith(cut)
    assert clip.count_tokens(cut) == 32
    assert "the prompt was cut to" in caplog.text


def test_an_empty_prompt_is_refused(clip: ClipEncoder) -> None:
    with pytest.raises(ConfigError, match="prompt: expected a description"):
        clip.fitting_prompt("  ")


def test_openai_weights_without_quickgelu_are_refused_before_any_download() -> None:
    with pytest.raises(ConfigError, match="QuickGELU.*use --clip ViT-B-32-quickgelu"):
        check_source(ClipSource("ViT-B-32", "openai"))
    assert check_source(ClipSource()) == ("ViT-B-32-quickgelu", "openai")


def test_unknown_names_are_refused_with_what_is_known(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected an open_clip architecture"):
        check_source(ClipSource("ViT-Z-1"))
    with pytest.raises(ConfigError, match="one of .*openai"):
        check_source(ClipSource(weights="nobody"))
    with pytest.raises(ConfigError, match="expected open_clip_config.json in it"):
        check_source(ClipSource(str(tmp_path)))


def test_a_failed_download_names_the_local_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*args: object, **kwargs: object) -> str:
        raise OSError("no network")

    monkeypatch.setattr(open_clip.factory, "download_pretrained", fail)
    with pytest.raises(
        TrainError, match="could not be downloaded.*--clip-weights FILE"
    ):
        load_clip()


def test_broken_weights_and_other_networks_are_refused(
    folder: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    (broken / WEIGHTS_FILE).write_bytes(b"nothing")
    with pytest.raises(TrainError, match="could not be loaded"):
        load_clip(ClipSource(str(broken)))
    with pytest.raises(ConfigError, match="expected a ViT .* got Identity"):
        model = torch.nn.Module()
        model.visual = torch.nn.Identity()
        ClipEncoder(model, open_clip.get_tokenizer("ViT-B-32"), name="identity")
