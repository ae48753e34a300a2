"""What options of the command line and arguments of the library choose among."""

from typing import Final, Literal, get_args

SmoothMode = Literal["off", "gate", "flow"]
"""`off`: nothing; `gate`: where nothing moves; `flow`: along the motion as well."""
SMOOTH_MODES: Final[tuple[SmoothMode, ...]] = get_args(SmoothMode)
EveryMode = Literal["auto", "1", "2", "3"]
"""Live: which frames the network paints; `auto` as few as the machine needs."""
EVERY_MODES: Final[tuple[EveryMode, ...]] = get_args(EveryMode)
RUNTIMES: Final = ("auto", "onnxruntime", "tensorrt", "openvino")
"""Libraries that run a network; ``auto`` chooses what is quickest here."""
PRECISIONS: Final = ("auto", "fp32", "int8", "bf16", "fp16")
"""Numbers that a network computes in: bf16 in OpenVINO on a CPU, fp16 on a GPU."""
Mirror = Literal["preview", "all", "off"]
"""Who sees a mirror image: only the window, everybody, nobody."""
MIRRORS: Final[tuple[Mirror, ...]] = get_args(Mirror)
