"""A tiny open_clip folder with weights from a seed, made for tests."""

from pathlib import Path

import torch

from rtstyle_experiments.small_clip.model import build, save, start_folder


def make_tiny_clip(folder: Path, *, seed: int = 0) -> Path:
    """Write a CLIP of one block and 32 channels that was never trained."""
    torch.manual_seed(seed)
    config = start_folder(folder, width=32, layers=1)
    network, _ = build(folder, config)
    save(folder, network)
    return folder
