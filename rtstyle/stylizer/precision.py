"""Whether a style's int8 twin is the quicker one here: measured once per machine."""

import json
import logging
import os

from rtstyle.runtime import resolve_device
from rtstyle.runtime.measure import cache_key, measure_ms, read_cache, write_cache
from rtstyle.runtime.onnxruntime import OrtSession
from rtstyle.style_file import Style
from rtstyle.twins import with_precision

log = logging.getLogger(__name__)

VARIABLE = "RTSTYLE_PRECISION"
"""Environment variable: ``int8`` or ``fp32`` is what ``auto`` means where a style has a
twin, instead of a measurement."""

MEASURED_LINES = 180
"""Of the frame that both are measured with: the first picture waits for it."""

ON_CPUS = ("int8", "bf16")
"""Precisions that only CPUs run."""


def with_quickest_precision(style: Style, precision: str, *, device: str) -> Style:
    """Return the style file to run: of ``auto`` on a CPU, the quicker one of the two.

    CPUs without VNNI gain less from int8, and some nothing. One measurement serves all
    styles of one architecture.

    Args:
        style: As loaded.
        precision: As for `rtstyle.twins.with_precision`.
        device: As `resolve_device` returns it.

    Raises:
        UsageError: There is no such precision.
        StyleFileError: There is no such twin.
    """
    chosen = with_precision(style, precision, device=device)
    if chosen is style or precision != "auto" or device != "cpu":
        return chosen
    name = os.environ.get(VARIABLE) or _measured(style, chosen)
    return style if name == "fp32" else chosen


def device_for(style: Style, device: str, precision: str) -> str:
    """Return the device on which a style is to run, by its full name.

    What ``auto`` compares is what would run: on the CPU the quicker of the style and
    its int8 twin, on a GPU the style itself.

    Args:
        style: As loaded.
        device: What `--device` takes.
        precision: As for `rtstyle.twins.with_precision`; ``int8`` and ``bf16`` are
            for CPUs, so that ``auto`` is the CPU then.

    Raises:
        UsageError: There is no such kind of device.
        RuntimeUnavailableError: There are not so many GPUs.
    """
    if device == "auto" and precision in ON_CPUS:
        return "cpu"

    def cpu_model() -> bytes:
        return with_quickest_precision(style, precision, device="cpu").model

    return resolve_device(
        device,
        model=style.model,
        cpu_model=cpu_model,
        architecture=f"{architecture_of(style)} {precision}",
    )


def architecture_of(style: Style) -> str:
    """Return a text that is equal for all styles that take as long."""
    return json.dumps(style.card.get("network", style.name), sort_keys=True)


def _measured(style: Style, twin: Style) -> str:
    """Return ``int8`` or ``fp32``, as measured now or on this machine before."""
    key = cache_key(architecture_of(style).encode(), "precision", ("onnxruntime",))
    if (known := read_cache().get(key)) in ("int8", "fp32"):
        return known
    sessions = {
        name: OrtSession(file.model, device="cpu", threads=1)
        for name, file in (("int8", twin), ("fp32", style))
    }
    times = measure_ms(sessions, lines=MEASURED_LINES)
    for session in sessions.values():
        session.close()
    name = min(times, key=times.__getitem__)
    text = ", ".join(f"{which} {ms:.1f} ms" for which, ms in times.items())
    log.info("precision auto: chose %s (%s on one core)", name, text)
    write_cache({**read_cache(), key: name})
    return name
