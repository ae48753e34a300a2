"""Measure whether a CLIP finds the caption of new pictures."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from rtstyle_experiments.small_clip.captions import CAPTIONS
from rtstyle_experiments.small_clip.render import render
from rtstyle_train.clip.encoder import ClipEncoder

HELD_OUT_SEED = 990_001
"""Seed of the pictures to judge on; training uses other seeds."""


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Shares of held-out pictures that match their own caption best."""

    patterns: float
    """Share for pictures that show the pattern itself."""
    words: float
    """Share for pictures that show the written words."""
    num_captions: int
    """Number of captions to choose from."""
    num_pictures: int
    """Number of pictures judged of each kind."""

    @property
    def chance(self) -> float:
        """Return the share expected from guessing."""
        return 1.0 / self.num_captions


@torch.no_grad()
def measure_retrieval(clip: ClipEncoder, *, repeats: int = 6) -> Retrieval:
    """Judge `clip` on pictures of all captions that it was not trained on.

    Args:
        clip: Loaded like any other CLIP.
        repeats: Number of pictures of each caption and kind.
    """
    texts = [f"a photo of a {caption.text}." for caption in CAPTIONS]
    read = F.normalize(clip.encode_text(texts), dim=1)
    shares = []
    for words_share in (0.0, 1.0):
        random = np.random.default_rng((HELD_OUT_SEED, int(words_share)))
        hits = 0
        for _ in range(repeats):
            pictures = [render(c, random, words_share=words_share) for c in CAPTIONS]
            batch = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2) / 255.0
            embedded = clip.encode_image(clip.fitted(batch.to(read.device)))
            best = (embedded @ read.T).argmax(dim=1).cpu()
            hits += int((best == torch.arange(len(CAPTIONS))).sum())
        shares.append(hits / (repeats * len(CAPTIONS)))
    return Retrieval(
        shares[0],
        shares[1],
        num_captions=len(CAPTIONS),
        num_pictures=repeats * len(CAPTIONS),
    )
