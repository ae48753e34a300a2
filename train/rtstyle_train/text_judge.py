"""Judges a text style on photographs: direction, content, written words."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rtstyle_streams.frame import Pixels
from rtstyle_streams.images import ImageSource
from rtstyle_train.clip import ClipEncoder
from rtstyle_train.losses.directional import directional_distances
from rtstyle_train.quality.structure import ssim
from rtstyle_train.small_clip.word_detector import WordDetector
from rtstyle_train.templates import SOURCE_TEXT


@dataclass(frozen=True, slots=True)
class TextFigures:
    """How a network does on photographs that it was not trained on, means over them."""

    direction: float
    """Cosine of the pictures' way and the prompt's, by plain CLIP; 0 before."""
    similarity_before: float
    """Similarity of the photograph to the prompt, minus that to "a Photo"."""
    similarity_after: float
    """The same of the stylized picture."""
    wins: float
    """Share of photographs that moved further along the prompt than along any of the
    wrong prompts."""
    ssim: float
    """Structural similarity of the lumas to the photograph."""
    words: float
    """Probability that the prompt's words are written in the picture, 0..1."""
    words_before: float
    """The same of the photographs: what the detector sees where nothing is."""


def load_squares(folder: Path, *, side: int) -> Tensor:
    """Read the middles of photographs.

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
    """Return the stylized photographs, cut to 0..1 and rounded to 256 levels."""
    parts = [network.eval()(part) for part in torch.split(photos, 4)]
    return (torch.cat(parts).clamp(0, 1) * 255).round() / 255


@torch.no_grad()
def judge(
    photos: Tensor,
    stylized: Tensor,
    prompt: str,
    *,
    wrong: Sequence[str],
    clip: ClipEncoder,
    detector: WordDetector,
    words_before: float,
) -> TextFigures:
    """Judge stylized photographs by plain CLIP, whatever band they were trained with.

    Args:
        photos: RGB, shape ``(N, 3, S, S)``, 0..1.
        stylized: Of `stylize_all`, same shape.
        prompt: What the network was trained on.
        wrong: Other prompts.
        clip: The judge; the one that trained flatters.
        detector: Knows the words of `prompt`.
        words_before: Its `word_score` of the photographs.
    """
    before, after = clip.encode_image(photos), clip.encode_image(stylized)
    ways = [clip.direction(text) for text in (prompt, *wrong)]
    cosines = torch.stack([1 - directional_distances(after, before, w) for w in ways])
    is_right = (cosines[0] > cosines[1:].amax(dim=0)) if wrong else cosines[0] > 0
    shown, seen = _levels(stylized), _levels(photos)
    return TextFigures(
        direction=cosines[0].mean().item(),
        similarity_before=_similarity(clip, before, prompt),
        similarity_after=_similarity(clip, after, prompt),
        wins=is_right.float().mean().item(),
        ssim=float(np.mean([ssim(a, b) for a, b in zip(shown, seen, strict=True)])),
        words=word_score(stylized, prompt, detector),
        words_before=words_before,
    )


def word_score(pictures: Tensor, prompt: str, detector: WordDetector) -> float:
    """Return how sure a detector is that a prompt's words are written, 0..1.

    Args:
        pictures: RGB, shape ``(N, 3, H, W)``, 0..1.
        prompt: Its words are known to `detector`.
        detector: Asked for every picture; the mean counts.
    """
    return float(np.mean([detector.score(p, prompt) for p in _levels(pictures)]))


def _similarity(clip: ClipEncoder, images: Tensor, prompt: str) -> float:
    texts = clip.encode_text([prompt, SOURCE_TEXT])
    cosines = F.normalize(images, dim=1) @ F.normalize(texts, dim=1).T
    return (cosines[:, 0] - cosines[:, 1]).mean().item()


def _levels(pictures: Tensor) -> list[Pixels]:
    """Return pictures as uint8 arrays ``(H, W, 3)``."""
    levels = (pictures * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
    return [np.ascontiguousarray(picture) for picture in levels.numpy()]


def contact_sheet(rows: Sequence[Sequence[Tensor]], *, side: int = 144) -> Tensor:
    """Return one picture of a table of pictures.

    Args:
        rows: Pictures ``(3, H, W)``, 0..1, as many in every row.
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
