"""Restrict stylization to a person, or to everything else."""

from rtstyle.masks.mask import Mask, MaskMode
from rtstyle.masks.opening import mask_mode, mask_of

__all__ = ["Mask", "MaskMode", "mask_mode", "mask_of"]
