"""Frames of a film and what is known of their painting: crops, the same for a step."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rtstyle.painted_frames.flow import MotionSearch
from rtstyle.smoothing.warp import traceable
from rtstyle_streams.frame import Pixels
from rtstyle_train.config.frames import FramesConfig

MOST_DRAWS = 16
"""How often a crop is drawn until some of it is painted."""
LEAST_PAINTED = 0.1
"""Share of a crop that has to be painted."""

Bytes = npt.NDArray[np.uint8]
"""Shape ``(H, W)``, uint8."""


@dataclass(frozen=True, slots=True)
class LearntFrame:
    """A frame of the film, and its painting as far as it is known."""

    content: Pixels
    """RGB, shape ``(H, W, 3)``, uint8."""
    painted: Pixels
    """Same shape: the painting, or what was carried to here."""
    share: Bytes
    """How far `painted` is to be learnt, 0 not at all, 255 in full."""
    following: Pixels | None = None
    """The next frame of the film; None where there is none."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which part of which frame, and what is done to its light."""

    frame: LearntFrame
    """The frame."""
    top: int
    """First line of the crop; what lies outside the frame repeats its edge."""
    left: int
    """First column."""
    contrast: float
    """Factor of the distance from mid grey."""
    brightness: float
    """Added, of 0..255."""
    noise: float
    """Standard deviation of what is added to each pixel, of 0..255."""


class FilmFrames:
    """The frames that a training learns from; a batch depends on seed and step alone.

    The first rows of a batch are crops of painted frames; the last ones, half of them,
    are crops of the film's other frames, if there are some.
    """

    def __init__(
        self,
        painted: Sequence[LearntFrame],
        others: Sequence[LearntFrame],
        config: FramesConfig,
    ) -> None:
        """Take the frames.

        Args:
            painted: At least one.
            others: Each with its next frame; may be none.
            config: Of the training.
        """
        self.painted, self.others, self.config = painted, others, config
        self.num_others = config.batch_size // 2 if others else 0
        """Rows of a batch that are of other frames."""
        self._search = MotionSearch()

    def batch(self, *, seed: int, step: int) -> dict[str, Tensor]:
        """Draw a batch.

        Returns:
            ``content`` ``(N, 3, S, S)``, with the margin, ``target`` ``(N, 3, s, s)``,
            both 0..1, and ``share`` ``(N, 1, s, s)``, 0..1. With other frames, for the
            last rows: ``following``, ``(M, 3, S, S)``, ``flow``, ``(M, 2, s, s)``,
            where each pixel of it was, and ``visible``, ``(M, 1, s, s)``.
        """
        random = np.random.default_rng((seed, step))
        num_painted = self.config.batch_size - self.num_others
        places = [self._painted_place(random) for _ in range(num_painted)]
        places += [
            self._place(self.others[int(random.integers(len(self.others)))], random)
            for _ in range(self.num_others)
        ]
        size, margin = self.config.size, self.config.margin
        content = [self._lit(place.frame.content, place, random) for place in places]
        target = [
            cut(p.frame.painted, p.top + margin, p.left + margin, size) for p in places
        ]
        share = [
            cut(p.frame.share, p.top + margin, p.left + margin, size) for p in places
        ]
        found = {
            "content": to_tensor(content),
            "target": to_tensor(target),
            "share": to_tensor(share),
        }
        if self.num_others:
            found |= self._motion(places[num_painted:], random)
        return found

    def _painted_place(self, random: np.random.Generator) -> Place:
        """Draw a part of a painted frame of which something is painted."""
        margin, size = self.config.margin, self.config.size
        for _ in range(MOST_DRAWS):
            frame = self.painted[int(random.integers(len(self.painted)))]
            place = self._place(frame, random)
            share = cut(frame.share, place.top + margin, place.left + margin, size)
            if share.mean() >= 255 * LEAST_PAINTED:
                break
        return place

    def _place(self, frame: LearntFrame, random: np.random.Generator) -> Place:
        """Draw a part of a frame; with the margin it may leave it by the padding."""
        config = self.config
        beyond = min(config.padding, config.margin)
        whole = config.size + 2 * config.margin
        corner = []
        for length in frame.content.shape[:2]:
            room = length + 2 * beyond - whole
            corner.append(
                int(random.integers(room + 1)) - beyond
                if room > 0
                else (length - whole) // 2
            )
        jitter = config.jitter
        contrast = 1 + random.uniform(-jitter, jitter)
        brightness = 127.5 * random.uniform(-jitter, jitter)
        noise = 255 * jitter / 4 * random.random() ** 2
        return Place(frame, corner[0], corner[1], contrast, brightness, noise)

    def _lit(self, pixels: Pixels, place: Place, random: np.random.Generator) -> Pixels:
        """Cut a crop with its margin and change its light."""
        side = self.config.size + 2 * self.config.margin
        crop = cut(pixels, place.top, place.left, side).astype(np.float32)
        crop = (crop - 127.5) * place.contrast + (127.5 + place.brightness)
        crop += place.noise * random.standard_normal(crop.shape, np.float32)
        return np.asarray(np.clip(np.rint(crop), 0, 255), np.uint8)

    def _motion(
        self, places: Sequence[Place], random: np.random.Generator
    ) -> dict[str, Tensor]:
        """Return the next frames at these places, and the motion that led to them."""
        margin = self.config.margin
        side = self.config.size + 2 * margin
        inner = slice(margin, margin + self.config.size)
        following, flows, masks = [], [], []
        for place in places:
            after = place.frame.following
            after = place.frame.content if after is None else after
            crops = [
                cv2.cvtColor(cut(x, place.top, place.left, side), cv2.COLOR_RGB2GRAY)
                for x in (after, place.frame.content)
            ]
            lumas = [np.asarray(x, np.uint8) for x in crops]
            now, before = lumas
            back, forth = self._search(now, before), self._search(before, now)
            following.append(self._lit(after, place, random))
            flows.append(back[inner, inner])
            masks.append(traceable(back, forth)[inner, inner, None])
        return {
            "following": to_tensor(following),
            "flow": torch.from_numpy(np.stack(flows)).permute(0, 3, 1, 2).contiguous(),
            "visible": torch.from_numpy(np.stack(masks)).permute(0, 3, 1, 2),
        }


def cut(picture: Bytes, top: int, left: int, side: int) -> Bytes:
    """Return a square of a picture; outside it its edge is repeated.

    Args:
        picture: Shape ``(H, W)`` or ``(H, W, C)``, uint8.
        top: First line; may lie outside.
        left: First column; may lie outside.
        side: Lines and columns.
    """
    height, width = picture.shape[:2]
    if top >= 0 and left >= 0 and top + side <= height and left + side <= width:
        return picture[top : top + side, left : left + side]
    lines = np.clip(np.arange(top, top + side), 0, height - 1)
    columns = np.clip(np.arange(left, left + side), 0, width - 1)
    return np.asarray(picture[lines][:, columns], np.uint8)


def to_tensor(pictures: Sequence[Bytes]) -> Tensor:
    """Return pictures of one shape as ``(N, C, H, W)``, float32, 0..1."""
    stacked = np.stack([x if x.ndim == 3 else x[..., None] for x in pictures])
    batch = torch.from_numpy(stacked).permute(0, 3, 1, 2)
    return batch.to(torch.float32).div_(255.0).contiguous()
