"""From a painting's file to a style that runs like any other."""

import hashlib
import logging
import re
from collections.abc import Sequence
from pathlib import Path

from rtstyle.arbitrary.cache import Modulation, PaintingCache
from rtstyle.arbitrary.modulation import PaintingNetwork, mixed, painting_network
from rtstyle.arbitrary.painting import read_bytes, read_painting, shown
from rtstyle.colour_transfer import colour_moments, match_colors
from rtstyle.errors import UsageError
from rtstyle.style_file import Style
from rtstyle_streams.frame import Pixels

log = logging.getLogger(__name__)


def load_painting(
    path: Path,
    *,
    strength: float = 1.0,
    colors_of: Pixels | None = None,
) -> Style:
    """Return the style of a painting.

    The first time it is encoded, afterwards what the cache has is folded in.

    Args:
        path: A picture file.
        strength: 0 changes least, 1 is the painting's style.
        colors_of: A content frame, RGB ``(H, W, 3)`` uint8, whose colours the painting
            is given first; None leaves it its own.

    Raises:
        StyleFileError: no picture that can be used, or no network for paintings.
        UsageError: `strength` is not 0 to 1.
    """
    if not 0.0 <= strength <= 1.0:
        raise UsageError(f"style strength: expected 0 to 1, got {strength}")
    network = painting_network()
    digest = hashlib.sha256(read_bytes(path)).hexdigest()
    key = f"{digest} {network.encoder_sha256} {network.side} {_colours_key(colors_of)}"

    def encode() -> Modulation:
        return _encoded(network, path, colors_of)

    modulation = PaintingCache().get(key, encode)
    card = {
        "name": re.sub(r"[^\w-]+", "_", path.stem) or "painting",
        "title": path.stem,
        "painting": {"file": path.name, "sha256": digest, "strength": strength},
    }
    return network.fold(network.toward(modulation, strength), card)


def mix_paintings(paintings: Sequence[tuple[Style, float]]) -> Style:
    """Return one style between several paintings: one network, so it costs as one.

    Args:
        paintings: Styles of `load_painting` and their weights, whose sum is 1.

    Raises:
        UsageError: one of them is no painting's style.
    """
    modulations = []
    for style, weight in paintings:
        if style.modulation is None:
            raise UsageError(
                f"mixture: expected a painting, got the style {style.name}"
            )
        modulations.append((style.modulation, weight))
    if len(paintings) == 1:
        return paintings[0][0]
    card = {
        "name": "_".join(style.name for style, _ in paintings),
        "title": " + ".join(
            f"{weight:.2g} {style.title}" for style, weight in paintings
        ),
        "painting": [style.card.get("painting") for style, _ in paintings],
    }
    return painting_network().fold(mixed(modulations), card)


def _encoded(
    network: PaintingNetwork, path: Path, colors_of: Pixels | None
) -> Modulation:
    """Read a painting, give it the content's colours if asked for, and encode it."""
    painting = read_painting(path)
    for line in painting.notices:
        log.warning("%s", line)
    pixels = shown(painting.pixels, side=network.side)
    if colors_of is not None:
        pixels = match_colors(pixels, colors_of)
    return network.encode(pixels)


def _colours_key(content: Pixels | None) -> str:
    if content is None:
        return "own"
    mean, covariance = colour_moments(content)
    return hashlib.sha256(mean.tobytes() + covariance.tobytes()).hexdigest()[:16]
