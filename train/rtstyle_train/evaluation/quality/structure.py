"""How much of the content's structure is left."""

from rtstyle.metrics.structure import C1, C2, ssim

__all__ = ["C1", "C2", "ssim"]
