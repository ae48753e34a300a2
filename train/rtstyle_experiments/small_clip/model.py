"""Define the small CLIP's architecture and its folder for open_clip."""

import json
import math
from pathlib import Path
from typing import Any

import open_clip
import torch
from safetensors.torch import save_file
from torch import Tensor

from rtstyle_experiments.small_clip.captions import CAPTIONS
from rtstyle_experiments.small_clip.scenes import SEEN_SIDE
from rtstyle_experiments.small_clip.vocabulary import (
    learn_merges,
    save_merges,
    vocabulary_size,
)
from rtstyle_train.clip.source import CONFIG_FILE
from rtstyle_train.clip.templates import prompt_templates

MERGES_FILE = "merges.txt.gz"
"""File name of the vocabulary, beside the config."""
WEIGHTS_FILE = "open_clip_model.safetensors"
"""File name of the weights, beside the config."""


def model_config(num_words: int, *, width: int, layers: int) -> dict[str, Any]:
    """Return the config of a ViT with 49 + 1 tokens and a small text encoder.

    Args:
        num_words: Size of the vocabulary.
        width: Width of the image encoder, a multiple of 32.
        layers: Number of layers of the image encoder.
    """
    return {
        "embed_dim": 128,
        "quick_gelu": False,
        "vision_cfg": {
            "image_size": SEEN_SIDE,
            "patch_size": SEEN_SIDE // 7,
            "width": width,
            "layers": layers,
            "head_width": 32,
        },
        "text_cfg": {
            "context_length": 32,
            "vocab_size": num_words,
            "width": 96,
            "heads": 3,
            "layers": 2,
            "tokenizer_kwargs": {"bpe_path": MERGES_FILE},
        },
    }


def start_folder(folder: Path, *, width: int, layers: int) -> dict[str, Any]:
    """Write config and vocabulary of a new small CLIP, and return the config."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = [*(caption.text for caption in CAPTIONS), *prompt_templates()]
    merges = learn_merges(texts)
    save_merges(folder / MERGES_FILE, merges)
    config = model_config(vocabulary_size(merges), width=width, layers=layers)
    table = {
        "model_cfg": config,
        "preprocess_cfg": {
            "mean": list(open_clip.OPENAI_DATASET_MEAN),
            "std": list(open_clip.OPENAI_DATASET_STD),
        },
    }
    (folder / CONFIG_FILE).write_text(json.dumps(table, indent=2) + "\n", "utf-8")
    return config


def build(folder: Path, config: dict[str, Any]) -> tuple[open_clip.CLIP, Any]:
    """Return the untrained network of a folder, and its tokenizer."""
    network = open_clip.CLIP(**config)
    start_as_cosines(network.visual.conv1.weight)
    tokenizer = open_clip.SimpleTokenizer(
        bpe_path=str(folder / MERGES_FILE),
        context_length=config["text_cfg"]["context_length"],
    )
    return network, tokenizer


@torch.no_grad()
def start_as_cosines(weight: Tensor) -> None:
    """Initialise a patch embedding with the lowest cosines of a patch, in place.

    Three quarters of the filters respond to luminance, the others to red against green
    and yellow against blue. Random filters of 16x16 pixels hardly respond to patterns,
    and a training of minutes is too short to learn better ones.

    Args:
        weight: Weight of the first convolution, shape ``(width, 3, S, S)``.
    """
    width, _, side, _ = weight.shape
    waves = _lowest_cosines(side, width)
    light, red_green, yellow_blue = (
        torch.tensor(v) / torch.tensor(v).norm()
        for v in ((1.0, 1.0, 1.0), (1.0, -1.0, 0.0), (0.5, 0.5, -1.0))
    )
    num_colour = width // 8
    num_light = width - 2 * num_colour
    groups = ((light, num_light), (red_green, num_colour), (yellow_blue, num_colour))
    filters = [c[:, None, None] * wave for c, n in groups for wave in waves[:n]]
    weight.copy_(torch.stack(filters))


def _lowest_cosines(side: int, count: int) -> Tensor:
    """Return two-dimensional DCT-II waves by rising frequency, ``(count, S, S)``."""
    places = (torch.arange(side) + 0.5) * math.pi / side
    pairs = [(u, v) for u in range(side) for v in range(side)]
    pairs.sort(key=lambda pair: (math.hypot(*pair), pair))
    waves = []
    for u, v in pairs[:count]:
        wave = torch.cos(u * places)[:, None] * torch.cos(v * places)
        loudness = 0.05 * max(1.0, math.hypot(u, v)) ** 0.5  # pictures fade as 1/f
        waves.append(loudness * wave / wave.norm())
    return torch.stack(waves)


def save(folder: Path, network: open_clip.CLIP) -> None:
    """Write the weights where open_clip looks for them."""
    tensors = {
        name: value.detach().contiguous()
        for name, value in network.state_dict().items()
    }
    save_file(tensors, folder / WEIGHTS_FILE)
