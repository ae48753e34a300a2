"""Which part of a frame is stylized: a person, or everything else."""

from rtstyle.masks.mask import Mask, MaskMode
from rtstyle.masks.opening import mask_mode, mask_of

__all__ = ["Mask", "MaskMode", "mask_mode", "mask_of"]
