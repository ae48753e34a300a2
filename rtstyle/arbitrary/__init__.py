"""Any painting as a style, at once: what a style encoder sees in it, folded in."""

from rtstyle.arbitrary.loading import load_painting, mix_paintings
from rtstyle.arbitrary.painting import is_painting

__all__ = ["is_painting", "load_painting", "mix_paintings"]
