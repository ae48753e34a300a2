"""All figures of a stylized picture, put together."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from rtstyle.metrics.structure import ssim
from rtstyle_streams.frame import Pixels
from rtstyle_train.evaluation.quality.border import border_colour, border_energy
from rtstyle_train.evaluation.quality.colour import Palette
from rtstyle_train.evaluation.quality.features import FeatureJudge, Seen
from rtstyle_train.evaluation.quality.grid import grid_db
from rtstyle_train.evaluation.quality.pictures import resized
from rtstyle_train.evaluation.quality.stability import noise_gain, shift_gain

STYLE_SIZES = (0, 512, 256)
"""Short sides of the painting, in pixels, whose strokes a result is held against; 0 is
the file's own size. A style learnt at one size looks worse at the others."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured; NaN where something needed for it was not given."""

    content_held_out: float
    """Normalised feature distance to the content, held-out network; 0 is equal."""
    style_held_out: float
    """Gram distance to the painting at short side 512, held-out network; 1 is black."""
    style_held_out_256: float
    """The same at short side 256."""
    style_held_out_own: float
    """The same at the painting file's own size."""
    areas_held_out: float
    """Distance of large shapes to the painting at short side 512, held-out network;
    see `FeatureJudge.areas`."""
    content_trained: float
    """As `content_held_out`, under the network trained on: this flatters."""
    style_trained: float
    """As `style_held_out`, under the network trained on: this flatters."""
    ssim: float
    """Structural similarity to the content, luma; 1 is equal."""
    colour_distance: float
    """Sliced Wasserstein distance of the colours to the painting's, in L*a*b*."""
    hue_variety: float
    """Hues in effect: 0 grey, 1 one tone, 24 all alike."""
    hue_overlap: float
    """Share of the painting's hues that are there in their proportion; 1 is all."""
    chroma: float
    """Mean distance from grey in L*a*b*."""
    noise_gain: float
    """Growth of sensor noise of 2/255; 1 is none."""
    shift_gain: float
    """Change after a step of one pixel, laid over, against the step's; 0 is none."""
    grid_2_db: float
    """Energy at a period of 2 pixels against its neighbours; 0 is no grid."""
    grid_4_db: float
    """The same at 4 pixels."""
    grid_8_db: float
    """The same at 8 pixels."""
    border_colour: float
    """How far a frame of up to 48 pixels is off in colour, L*a*b*; 0 is no frame."""
    border_energy_db: float
    """The same in fine detail."""


@dataclass(frozen=True, slots=True)
class Judges:
    """The loss networks; None leaves their figures out."""

    held_out: FeatureJudge | None = None
    """One that no candidate was trained on."""
    trained: FeatureJudge | None = None
    """The one that they were trained on."""


class Target:
    """A painting, measured once, for all pictures to be held against."""

    def __init__(self, name: str, painting: Pixels, judges: Judges) -> None:
        self.name = name
        """Of its file."""
        self.painting = painting
        """RGB ``(H, W, 3)`` uint8."""
        sized = [
            resized(painting, short_side=s) if s else painting for s in STYLE_SIZES
        ]
        self.palette = Palette(sized[1])
        """Its colours."""
        self.held_out = (
            [judges.held_out.see(p) for p in sized] if judges.held_out else []
        )
        """As the held-out network sees it, at each of `STYLE_SIZES`."""
        self.trained = judges.trained.see(sized[1]) if judges.trained else None
        """As the other sees it, at short side 512."""


@dataclass(frozen=True, slots=True)
class SeenContent:
    """A content image as both loss networks see it."""

    pixels: Pixels
    """RGB ``(H, W, 3)`` uint8."""
    held_out: Seen | None
    """Under the held-out network."""
    trained: Seen | None
    """Under the network trained on."""


def see_content(pixels: Pixels, judges: Judges) -> SeenContent:
    """Look at a content image once, for all candidates."""
    held_out = judges.held_out.see(pixels) if judges.held_out else None
    trained = judges.trained.see(pixels) if judges.trained else None
    return SeenContent(pixels, held_out, trained)


def measure(
    stylize: Callable[[Pixels], Pixels],
    stylized: Pixels,
    content: SeenContent,
    *,
    target: Target | None,
    judges: Judges,
) -> Figures:
    """Return the figures of one stylized picture.

    Args:
        stylize: The network; runs six times more, for the stability.
        stylized: What it made of the content, RGB ``(H, W, 3)`` uint8.
        content: From `see_content`.
        target: Its painting; None leaves out what needs one.
        judges: The loss networks.
    """
    own, nan, palette = content.pixels, math.nan, Palette(stylized)
    held_content, held_style, areas = _held_out(stylized, content, target, judges)
    trained_content, trained_style = _trained(stylized, content, target, judges)
    return Figures(
        content_held_out=held_content,
        style_held_out=held_style[1],
        style_held_out_256=held_style[2],
        style_held_out_own=held_style[0],
        areas_held_out=areas,
        content_trained=trained_content,
        style_trained=trained_style,
        ssim=ssim(stylized, own),
        colour_distance=palette.distance(target.palette) if target else nan,
        hue_variety=palette.variety,
        hue_overlap=palette.hue_overlap(target.palette) if target else nan,
        chroma=palette.chroma,
        noise_gain=noise_gain(stylize, own),
        shift_gain=shift_gain(stylize, own),
        grid_2_db=grid_db(stylized, period=2),
        grid_4_db=grid_db(stylized, period=4),
        grid_8_db=grid_db(stylized, period=8),
        border_colour=border_colour(stylized, own),
        border_energy_db=border_energy(stylized, own),
    )


def mean(rows: Sequence[Figures]) -> Figures:
    """Return the mean of each figure over pictures."""
    names = [entry.name for entry in fields(Figures)]
    return Figures(**{n: float(np.mean([getattr(r, n) for r in rows])) for n in names})


def _held_out(
    stylized: Pixels, content: SeenContent, target: Target | None, judges: Judges
) -> tuple[float, list[float], float]:
    """Return content loss, style loss at each of `STYLE_SIZES`, and the areas'."""
    nothing = [math.nan] * len(STYLE_SIZES)
    if judges.held_out is None or content.held_out is None:
        return math.nan, nothing, math.nan
    judge = judges.held_out
    seen = judge.see(stylized)
    kept = judge.content(seen, content.held_out)
    if target is None:
        return kept, nothing, math.nan
    areas = judge.areas(seen, target.held_out[STYLE_SIZES.index(512)])
    return kept, [judge.style(seen, wanted) for wanted in target.held_out], areas


def _trained(
    stylized: Pixels, content: SeenContent, target: Target | None, judges: Judges
) -> tuple[float, float]:
    """Return content and style loss under the network trained on."""
    if judges.trained is None or content.trained is None:
        return math.nan, math.nan
    seen = judges.trained.see(stylized)
    kept = judges.trained.content(seen, content.trained)
    if target is None or target.trained is None:
        return kept, math.nan
    return kept, judges.trained.style(seen, target.trained)
