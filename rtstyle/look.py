"""How frames are to look: what the options that all commands share say."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """A style's controls, as they were asked for."""

    strength: float = 1.0
    """See `rtstyle.stylizer.stylizer.Controls.strength`."""
    keep_colors: bool = False
    """See `rtstyle.stylizer.stylizer.Controls.keep_colors`."""
    height: int | None = None
    """See `rtstyle.stylizer.stylizer.Controls.height`."""
    style_scale: float = 1.0
    """See `rtstyle.stylizer.stylizer.Controls.scale`."""
    style_strength: float | None = None
    """For paintings: 1 (or None) is the painting's style, 0 changes least, up to 1.5
    is bolder."""
    match_colors: bool = False
    """For paintings: whether they are given the first frame's colours before."""
    mask: str | None = None
    """``person``, ``background`` or a model's file; None stylizes the whole frame."""
    mask_model: str | None = None
    """The model's file for the first two."""

    @property
    def wants_content(self) -> bool:
        """Tell whether paintings are read differently for different content."""
        return self.match_colors or self.style_strength not in (None, 1.0)
