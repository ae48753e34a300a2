"""Make the smoother of a mode."""

from typing import assert_never

from rtstyle.choices import SMOOTH_MODES, SmoothMode
from rtstyle.errors import UsageError
from rtstyle.smoothing.flow import FlowSmoother
from rtstyle.smoothing.gate import GateSmoother
from rtstyle.smoothing.off import Off
from rtstyle.smoothing.protocol import Smoother


def make_smoother(mode: SmoothMode) -> Smoother:
    """Return a new smoother.

    Raises:
        UsageError: `mode` is none of off, gate, flow.
    """
    if mode not in SMOOTH_MODES:
        raise UsageError(
            f"smooth: expected one of {', '.join(SMOOTH_MODES)}, got {mode!r}"
        )
    match mode:
        case "off":
            return Off()
        case "gate":
            return GateSmoother()
        case "flow":
            return FlowSmoother()
    assert_never(mode)
