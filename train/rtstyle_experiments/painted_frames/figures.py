"""Compare films with the teacher's own."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from rtstyle.metrics.motion import InputMotion
from rtstyle.metrics.psnr import psnr_db
from rtstyle.metrics.structure import ssim
from rtstyle.metrics.warping_error import WarpingError
from rtstyle.smoothing.warp import Mask
from rtstyle_streams.frame import Pixels
from rtstyle_train.evaluation.quality.features import FeatureJudge
from rtstyle_train.loss_networks import load_loss_network

GRAM_EVERY = 6
"""Frames of which one is compared by its Gram matrices."""
LAYERS = ("relu1_1", "relu2_1", "relu3_1")
"""Of the loss network that judges."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How near a film is to the teacher's, on all frames but the painted one."""

    ssim: float
    """Mean structural similarity of the lumas."""
    psnr: float
    """Of all pixels of all frames together, dB."""
    psnr_lost: float
    """Of the pixels on which carried paint cannot be relied, dB."""
    gram: float
    """Mean relative Gram distance."""
    warping: float
    """Mean warping error along the input's motion, of the whole film, times 1,000."""


class Judge:
    """Has the teacher's film and measures others against it."""

    def __init__(
        self,
        content: Sequence[Pixels],
        truth: Sequence[Pixels],
        reliability: Sequence[Mask],
        *,
        key: int,
        weights: Path,
    ) -> None:
        """Take the films.

        Args:
            content: The film's frames.
            truth: The teacher's.
            reliability: Of the carried paint in each frame, 0..1.
            key: The painted frame, which is left out.
            weights: Of the loss network that judges, not the one trained with.
        """
        vgg = load_loss_network("vgg19", weights=weights)
        self._features = FeatureJudge(vgg, content_layer="relu2_1", style_layers=LAYERS)
        self._truth = truth
        self._lost = [mask < 0.5 for mask in reliability]
        self._others = [index for index in range(len(content)) if index != key]
        self._judged = self._others[::GRAM_EVERY]
        self._seen = {index: self._features.see(truth[index]) for index in self._judged}
        motion = InputMotion()
        self._motion = [motion(frame) for frame in content]

    def figures(self, film: Sequence[Pixels]) -> Figures:
        """Return the figures of a film, as many frames as the teacher's."""
        errors, lost = [], []
        for index in self._others:
            squared = np.square(film[index].astype(float) - self._truth[index])
            errors.append(squared.mean())
            lost.append(squared[self._lost[index]].ravel())
        warping = WarpingError()
        for frame, (flow, mask) in zip(film, self._motion, strict=True):
            warping.add(frame, flow, mask)
        grams = [
            self._features.style(self._features.see(film[index]), self._seen[index])
            for index in self._judged
        ]
        return Figures(
            ssim=float(np.mean([ssim(film[i], self._truth[i]) for i in self._others])),
            psnr=psnr_db(float(np.mean(errors))),
            psnr_lost=psnr_db(float(np.concatenate(lost).mean())),
            gram=float(np.mean(grams)),
            warping=1000 * warping.mean,
        )


def as_table(rows: Mapping[str, Figures]) -> str:
    """Return a Markdown table, a row for each film."""
    head = ["film", "SSIM", "PSNR", "PSNR where lost", "Gram", "warping"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name, row in rows.items():
        cells = [
            f"{row.ssim:.3f}",
            f"{row.psnr:.1f}",
            f"{row.psnr_lost:.1f}",
            f"{row.gram:.4f}",
            f"{row.warping:.2f}",
        ]
        lines.append("| " + " | ".join([name, *cells]) + " |")
    return "\n".join(lines)


def as_rows(rows: Mapping[str, Figures]) -> dict[str, dict[str, float]]:
    """Return figures as JSON has them."""
    return {name: asdict(row) for name, row in rows.items()}
