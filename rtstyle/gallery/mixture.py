"""From what `--style` says to the networks that run, with their weighted_styles."""

from collections.abc import Sequence
from dataclasses import dataclass

from rtstyle.errors import UsageError
from rtstyle.gallery.find import load_style, names_painting
from rtstyle.gallery.spec import StyleSpec, parse_style
from rtstyle.look import Look
from rtstyle.paintings import mix_paintings
from rtstyle.style_file import Style
from rtstyle_streams.frame import Pixels


@dataclass(frozen=True, slots=True)
class WeightedStyle:
    """One network of a mixture."""

    style: Style
    """What it runs."""
    weight: float = 1.0
    """How much of the mixture is its picture; all weights sum to 1."""


def check_look(look: Look, specs: Sequence[StyleSpec]) -> None:
    """Refuse controls of paintings where there is none.

    Raises:
        UsageError: naming the control that does the like for fixed styles.
    """
    if any(names_painting(part.name) for spec in specs for part in spec.parts):
        return
    title = specs[0].title
    if look.style_strength is not None:
        raise UsageError(
            f"--style-strength: expected a painting, got the fixed style {title}; "
            "use --strength, which mixes with the input"
        )
    if look.match_colors:
        raise UsageError(
            f"--match-colors: expected a painting, got the fixed style {title}; "
            "use --keep-colors, which takes the input's colours"
        )


def load_mixture(
    style: StyleSpec | str, look: Look | None = None, *, content: Pixels | None = None
) -> tuple[WeightedStyle, ...]:
    """Load all styles of a mixture: all paintings in one network, fixed ones apart.

    Args:
        style: As for `parse_style`.
        look: How paintings are read.
        content: A frame of what is to be stylized, RGB, shape ``(H, W, 3)``, uint8,
            for a look that wants it.

    Returns:
        One share for each network that has to run.

    Raises:
        StyleFileError: one of them cannot be found or read.
        UsageError: the text makes no sense, or the look none for these styles.
    """
    spec = parse_style(style) if isinstance(style, str) else style
    look = look or Look()
    check_look(look, [spec])
    return mixture_of(
        [(load_part(p.name, look, content=content), p.weight) for p in spec.parts]
    )


def load_part(name: str, look: Look, *, content: Pixels | None) -> Style:
    """Load one style of a mixture; a fixed one whatever the look says of paintings.

    Raises:
        StyleFileError: it cannot be found or read.
    """
    if not names_painting(name):
        return load_style(name)
    return load_style(
        name,
        style_strength=look.style_strength,
        match_colors=look.match_colors,
        content=content,
    )


def mixture_of(
    parts: Sequence[tuple[Style, float]], *, is_live: bool = False
) -> tuple[WeightedStyle, ...]:
    """Return one share for each network that has to run.

    Args:
        parts: Styles and their weights, whose sum is 1; paintings go into one network.
        is_live: Whether that network reads their modulation with every frame.
    """
    paintings = [pair for pair in parts if pair[0].modulation is not None]
    fixed = [WeightedStyle(*pair) for pair in parts if pair[0].modulation is None]
    if not paintings:
        return tuple(fixed)
    weight = sum(weight for _, weight in paintings)
    shares = [(style, w / weight) for style, w in paintings]
    mixed = mix_paintings(shares, is_live=is_live)
    return (WeightedStyle(mixed, weight), *fixed)


def mixture_text(weighted_styles: Sequence[WeightedStyle]) -> str:
    """Return one line for people: what is mixed how, and what it costs."""
    if len(weighted_styles) == 1:
        style = weighted_styles[0].style
        paintings = style.card.get("painting")
        if isinstance(paintings, list):
            return f"{style.title}: paintings, mixed in one network; costs as one style"
        return style.title
    pictures = " + ".join(
        f"{share.weight:.2g} ({share.style.title})" for share in weighted_styles
    )
    return (
        f"{pictures}: {len(weighted_styles)} networks run for each frame and their "
        f"pictures are cross-faded; costs as {len(weighted_styles)} styles"
    )
