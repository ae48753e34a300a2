"""Judge a text style on photographs: direction, content, written words."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rtstyle.metrics.structure import ssim
from rtstyle_experiments.small_clip.word_detector import Detector, score
from rtstyle_streams.frame import Pixels
from rtstyle_streams.pictures.images import ImageSource
from rtstyle_train.clip.encoder import ClipEncoder
from rtstyle_train.config.text import SOURCE_TEXT
from rtstyle_train.losses.directional import directional_distances
from rtstyle_train.methods.text import padding_of, run_network


@dataclass(frozen=True, slots=True)
class TextFigures:
    """Mean figures of a network over photographs that it was not trained on."""

    direction: float
    """Cosine between the pictures' change and the prompt's direction, by the judge's
    plain CLIP; 0 for unchanged pictures."""
    similarity_before: float
    """Similarity of the photograph to the prompt, minus that to "a Photo"."""
    similarity_after: float
    """The same of the stylized picture."""
    wins: float
    """Share of photographs that moved further towards the prompt than towards any wrong
    prompt."""
    own_direction: float
    """Direction by the CLIP that trained the network, which flatters."""
    own_wins: float
    """Wins by the same CLIP."""
    ssim: float
    """Structural similarity of the luma to that of the photograph."""
    words: float
    """Probability that the prompt's words are written in the picture, 0..1."""
    words_before: float
    """The same for the photographs: the detector's figure without any words."""
    words_other: float
    """Probability that the wrong prompts' words are written in the picture: the
    detector's figure for any strokes."""


def load_squares(folder: Path, *, side: int) -> Tensor:
    """Read a square from the middle of each photograph.

    Returns:
        RGB, shape ``(N, 3, side, side)``, 0..1.
    """
    with ImageSource(folder) as photos:
        squares = [_middle(photo.pixels, side) for photo in photos]
    return torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2) / 255.0


def _middle(pixels: Pixels, side: int) -> Pixels:
    height, width = pixels.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    square = pixels[top : top + short, left : left + short]
    resized = cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(resized, np.uint8)


@torch.no_grad()
def stylize_all(network: nn.Module, photos: Tensor) -> Tensor:
    """Return the stylized photographs, clamped to 0..1 and rounded to 256 levels."""
    device = next((p.device for p in network.parameters()), photos.device)
    padding = padding_of(network)
    network.eval()
    parts = [
        run_network(network, part.to(device), padding=padding)
        for part in torch.split(photos, 4)
    ]
    return (torch.cat(parts).clamp(0, 1) * 255).round().cpu() / 255


@dataclass(frozen=True, slots=True)
class Judges:
    """Judges of stylized photographs; all use plain CLIP, whatever the band was."""

    trainer: ClipEncoder
    """The CLIP that trained the networks."""
    judge: ClipEncoder
    """Another CLIP, if given, which does not share the first one's errors."""
    detector: Detector
    """Word detector that knows the words of all prompts."""


def judge(
    photos: Tensor,
    stylized: Tensor,
    prompt: str,
    *,
    wrong: Sequence[str],
    judges: Judges,
) -> TextFigures:
    """Judge stylized photographs.

    Args:
        photos: RGB, shape ``(N, 3, S, S)``, 0..1.
        stylized: From `stylize_all`, same shape.
        prompt: What the network was trained on.
        wrong: Other prompts.
        judges: The CLIPs and the detector.
    """
    clip = judges.judge
    before = encode(clip, photos)
    own = along(judges.trainer, photos, stylized, (prompt, *wrong))
    cosines = along(clip, photos, stylized, (prompt, *wrong))
    shown, levels = _levels(stylized), _levels(photos)
    other = [word_score(stylized, text, judges.detector) for text in wrong]
    return TextFigures(
        direction=cosines[0].mean().item(),
        similarity_before=_similarity(clip, before, prompt),
        similarity_after=_similarity(clip, encode(clip, stylized), prompt),
        wins=_wins(cosines),
        own_direction=own[0].mean().item(),
        own_wins=_wins(own),
        ssim=float(np.mean([ssim(a, b) for a, b in zip(shown, levels, strict=True)])),
        words=word_score(stylized, prompt, judges.detector),
        words_before=word_score(photos, prompt, judges.detector),
        words_other=float(np.mean(other)) if other else 0.0,
    )


def along(
    clip: ClipEncoder,
    photos: Tensor,
    changed: Tensor,
    prompts: Sequence[str],
    *,
    band: str | None = None,
) -> Tensor:
    """Return how far pictures moved in the directions of prompts.

    Args:
        clip: CLIP that judges.
        photos: RGB, shape ``(N, 3, S, S)``, 0..1.
        changed: The changed photographs, same shape.
        prompts: P texts.
        band: SpectralCLIP's for the changed pictures, or None for plain CLIP.

    Returns:
        Cosines, shape ``(P, N)``.
    """
    before, after = encode(clip, photos), encode(clip, changed, band=band)
    ways = [clip.direction(text) for text in prompts]
    return torch.stack([1 - directional_distances(after, before, w) for w in ways])


@torch.no_grad()
def encode(clip: ClipEncoder, pictures: Tensor, *, band: str | None = None) -> Tensor:
    """Return embeddings of pictures on any device, ``(N, D)``, on that of `clip`."""
    return clip.encode_image(clip.fitted(pictures.to(clip.mean.device)), band=band)


def _wins(cosines: Tensor) -> float:
    """Return how often the first row is largest, or positive if alone, 0..1."""
    bar = cosines[1:].amax(dim=0) if len(cosines) > 1 else torch.zeros_like(cosines[0])
    return (cosines[0] > bar).float().mean().item()


def word_score(pictures: Tensor, prompt: str, detector: Detector) -> float:
    """Return a detector's mean probability that a prompt's words are written, 0..1.

    Args:
        pictures: RGB, shape ``(N, 3, H, W)``, 0..1.
        prompt: A prompt whose words `detector` knows.
        detector: Applied to every picture.
    """
    return float(np.mean([score(detector, p, prompt) for p in _levels(pictures)]))


def _similarity(clip: ClipEncoder, images: Tensor, prompt: str) -> float:
    texts = clip.encode_text([prompt, SOURCE_TEXT])
    cosines = F.normalize(images, dim=1) @ F.normalize(texts, dim=1).T
    return (cosines[:, 0] - cosines[:, 1]).mean().item()


def _levels(pictures: Tensor) -> list[Pixels]:
    """Return pictures as uint8 arrays ``(H, W, 3)``."""
    levels = (pictures * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
    return [np.ascontiguousarray(picture) for picture in levels.numpy()]


def tensor_sheet(rows: Sequence[Sequence[Tensor]], *, side: int = 144) -> Tensor:
    """Arrange a table of pictures in one picture.

    Args:
        rows: Pictures ``(3, H, W)``, 0..1, the same number in every row.
        side: Height and width of each in the sheet, in pixels.

    Returns:
        RGB, shape ``(1, 3, len(rows) * side, len(rows[0]) * side)``.
    """
    lines = []
    for row in rows:
        small = F.interpolate(
            torch.stack(list(row)), (side, side), mode="bilinear", antialias=True
        )
        lines.append(torch.cat(list(small), dim=2))
    return torch.cat(lines, dim=1)[None]
