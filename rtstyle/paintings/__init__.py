"""Any painting as a style, at once: what a style encoder sees in it, folded in."""

from rtstyle.paintings.loading import load_painting, mix_paintings
from rtstyle.paintings.picture import is_painting

__all__ = ["is_painting", "load_painting", "mix_paintings"]
