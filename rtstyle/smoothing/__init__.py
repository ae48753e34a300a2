"""Smooth stylized frames over time."""

from rtstyle.choices import SmoothMode
from rtstyle.smoothing.by_mode import SmootherByMode
from rtstyle.smoothing.flow import FlowSmoother
from rtstyle.smoothing.gate import GateSmoother
from rtstyle.smoothing.make import make_smoother
from rtstyle.smoothing.off import Off
from rtstyle.smoothing.protocol import Smoother
from rtstyle.smoothing.scene_cut import SceneCutDetector

__all__ = [
    "FlowSmoother",
    "GateSmoother",
    "Off",
    "SceneCutDetector",
    "SmoothMode",
    "Smoother",
    "SmootherByMode",
    "make_smoother",
]
