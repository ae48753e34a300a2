"""From a painting's file to a style that runs like any other."""

import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from rtstyle.errors import UsageError
from rtstyle.paintings.cache import Modulation, PaintingCache
from rtstyle.paintings.colour_transfer import colour_moments, match_colours
from rtstyle.paintings.live_network import live_style
from rtstyle.paintings.modulation_file import is_modulation, read_modulation
from rtstyle.paintings.network import PaintingNetwork, mixed, painting_network
from rtstyle.paintings.picture import read_bytes, read_painting, shown
from rtstyle.style_file import Style
from rtstyle.untrusted.names import style_name
from rtstyle_streams.frame import Pixels

log = logging.getLogger(__name__)

MOST_STRENGTH = 1.5
"""Largest style strength; beyond, pictures fall apart."""


def load_painting(
    path: Path,
    *,
    strength: float = 1.0,
    match_colors: bool = False,
    content: Pixels | None = None,
) -> Style:
    """Return the style of a painting.

    The first time it is encoded, afterwards what the cache has is folded in.

    Args:
        path: A picture file, or the modulation of one.
        strength: 1 is the painting's style, 0 that of `content` itself, which leaves
            it nearly as it is; without one that of an average photograph. Beyond 1, up
            to `MOST_STRENGTH`, it goes on in the same direction: bolder.
        match_colors: Whether the painting is given the colours of `content` first.
        content: A frame of what is to be stylized, RGB, shape ``(H, W, 3)``, uint8.

    Raises:
        StyleFileError: no picture that can be used, or no network for paintings.
        UsageError: `strength` is not 0 to `MOST_STRENGTH`, or colours of no content
            are asked for, or for a modulation.

    Source:
        Strength is alpha of AdaIN (Huang and Belongie 2017, equation 14), with
        modulations in place of features.
    """
    if not 0.0 <= strength <= MOST_STRENGTH:
        raise UsageError(
            f"style strength: expected 0 to {MOST_STRENGTH}, got {strength}"
        )
    if match_colors and content is None:
        raise UsageError("match colours: expected a content frame, got none")
    network = painting_network()
    if is_modulation(path):
        if match_colors:
            raise UsageError(
                f"match colours: expected a picture, got the style {path.stem}, which "
                "has none; use keep-colors"
            )
        modulation, card = read_modulation(path, network)
        digest = hashlib.sha256(modulation.tobytes()).hexdigest()
    else:
        digest = hashlib.sha256(read_bytes(path)).hexdigest()
        colours = content if match_colors else None
        modulation = _cached(
            network,
            f"{digest} {_colours_key(colours)}",
            lambda: _shown_painting(path, colors_of=colours, side=network.side),
        )
        title = _readable(path.stem)
        card = {"name": style_name(title, default="painting"), "title": title}
    if strength != 1.0:
        start = start_modulation(content)
        modulation = mixed([(start, 1.0 - strength), (modulation, strength)])
    facts = {
        "file": _readable(path.name),
        "sha256": digest,
        "strength": strength,
    }
    return network.fold(modulation, card | {"painting": facts})


def mix_paintings(
    paintings: Sequence[tuple[Style, float]], *, is_live: bool = False
) -> Style:
    """Return one style between several paintings: one network, so it costs as one.

    Args:
        paintings: Styles of `load_painting` and their weights, whose sum is 1.
        is_live: Whether the graph is to read the modulation with every frame.

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
        style = paintings[0][0]
        if not is_live:
            return style
        return live_style(painting_network(), modulations[0][0], style.card)
    card = {
        "name": style_name("_".join(style.name for style, _ in paintings)),
        "title": " + ".join(
            f"{weight:.2g} {style.title}" for style, weight in paintings
        ),
        "painting": [style.card.get("painting") for style, _ in paintings],
    }
    network = painting_network()
    if is_live:
        return live_style(network, mixed(modulations), card)
    return network.fold(mixed(modulations), card)


def start_modulation(content: Pixels | None) -> Modulation:
    """Return the modulation at style strength 0: nearly no style.

    Args:
        content: A frame, RGB, shape ``(H, W, 3)``, uint8, whose own modulation it is;
            None for that of an average photograph.
    """
    network = painting_network()
    return network.neutral if content is None else _own(network, content)


def _readable(name: str) -> str:
    """Return a file's name as text; bytes of it that are no UTF-8 become a sign."""
    return os.fsencode(name).decode("utf-8", "replace")


def _cached(
    network: PaintingNetwork, key: str, picture: Callable[[], Pixels]
) -> Modulation:
    """Return a picture's modulation; the picture is made when the cache lacks it."""
    key = f"{key} {network.encoder_sha256} {network.side}"
    return PaintingCache().get(key, lambda: network.encode(picture()))


def _own(network: PaintingNetwork, content: Pixels) -> Modulation:
    """Return the modulation that leaves `content` nearly as it is: its own."""
    pixels = shown(content, side=network.side)
    digest = hashlib.sha256(pixels.tobytes()).hexdigest()
    return _cached(network, f"{digest} content", lambda: pixels)


def _shown_painting(path: Path, *, colors_of: Pixels | None, side: int) -> Pixels:
    """Read a painting, say what was changed, and give it colours if asked for."""
    painting = read_painting(path)
    for line in painting.notices:
        log.warning("%s", line)
    pixels = shown(painting.pixels, side=side)
    return pixels if colors_of is None else match_colours(pixels, colors_of)


def _colours_key(content: Pixels | None) -> str:
    if content is None:
        return "own"
    mean, covariance = colour_moments(content)
    return hashlib.sha256(mean.tobytes() + covariance.tobytes()).hexdigest()[:16]
