"""Which video encoders in hardware work here?"""

from rtstyle.doctor.check import Check
from rtstyle_streams.video.hardware import MAKERS, HardwareEncoder, built_in, tried

ADVICE = (
    "nothing, unless you want one: install the driver of its maker; --codec auto-hw "
    "takes what works"
)


def encoders_state(found: list[HardwareEncoder] | None = None) -> Check:
    """Return which encoders encode a picture, and why the others do not.

    Args:
        found: What was tried; None tries all that FFmpeg has.
    """
    encoders = tried(built_in()) if found is None else found
    works = [encoder.name for encoder in encoders if not encoder.fault]
    if works:
        return Check("encoders", "ok", f"in hardware: {', '.join(works)}")
    if not encoders:
        return Check("encoders", "note", "none in hardware in this FFmpeg", ADVICE)
    faults = {  # one for each maker: its encoders fail alike
        MAKERS[encoder.name.partition("_")[2]]: encoder.fault for encoder in encoders
    }
    text = "; ".join(f"{maker}: {fault}" for maker, fault in faults.items())
    return Check("encoders", "note", f"none in hardware; {text}", ADVICE)
