"""Hold the results of a benchmark and print them as text or JSON."""

import json
import platform
from dataclasses import asdict, dataclass, replace
from typing import Any

from rtstyle.benchmark.ceiling import Ceiling
from rtstyle.benchmark.compare import Comparison, Document, compare_results
from rtstyle.benchmark.end_to_end import EndToEnd
from rtstyle.benchmark.half_size import HalfSize
from rtstyle.benchmark.soak import Soak
from rtstyle.runtime.device import physical_cores
from rtstyle.telemetry import import_onnxruntime

HEADING = (
    f"{'style':22}{'numbers':9}{'runtime':13}{'median':>8}{'p95':>8}{'fps':>7}"
    f"{'x Johnson':>11}{'GMAC':>7}{'ceiling':>9}{'MB':>6}{'load':>6}{'first':>7}"
)
"""Header of the table; times in milliseconds."""


@dataclass(frozen=True, slots=True)
class Row:
    """One style in one precision on one runtime."""

    name: str
    """Name of the style; ``johnson`` is the baseline."""
    precision: str
    """``fp32``, ``int8``, ``bf16`` or ``fp16``."""
    runtime: str
    """The library."""
    device: str
    """Device that it ran on."""
    median_ms: float
    """Median time of a frame, bytes in to bytes out."""
    p95_ms: float
    """95th percentile of the time of a frame."""
    noise: float
    """Spread of the times of single frames; see `rounds.noise_of`."""
    num_timed: int
    """Number of timed frames."""
    ratio_to_johnson: float
    """Median of the fp32 baseline in onnxruntime over this median."""
    gmac: float
    """Multiplications per frame of the fp32 graph, in 10^9."""
    share_of_ceiling: float
    """Share of the machine's peak arithmetic in that precision, 0..1."""
    load_ms: float
    """Time to load the graph into a session, in a new process."""
    first_frame_ms: float
    """Time of the first frame in that process."""
    peak_memory_mb: float | None
    """Peak memory of that process; None where the system does not report it."""

    @property
    def fps(self) -> float:
        """Return frames per second at the median time."""
        return 1e3 / self.median_ms


@dataclass(frozen=True, slots=True)
class Report:
    """All results of one run."""

    width: int
    """Of the frames, in pixels."""
    height: int
    """Of the frames, in pixels."""
    ceiling: Ceiling
    """Peak speeds of this machine, measured in this run."""
    rows: tuple[Row, ...]
    """One row for each candidate, the baseline first."""
    end_to_end: tuple[EndToEnd, ...]
    """Whole pipelines."""
    half_size: HalfSize | None = None
    """Comparison of pictures whose network saw fewer lines."""
    soak: Soak | None = None
    """Memory use of a long run."""
    compared: Comparison | None = None
    """What became faster or slower since an earlier run."""

    def compared_with(self, earlier: Document) -> "Report":
        """Return the same with what became faster or slower since `earlier`."""
        now = json.loads(self.as_json())
        return replace(self, compared=compare_results(earlier, now))

    def video_ratio(self, entry: EndToEnd) -> float:
        """Return how many frames of a whole video are made in one of the baseline."""
        return entry.fps * self.rows[0].median_ms / 1e3

    def as_json(self) -> str:
        """Return everything as one JSON object."""
        rows: list[dict[str, Any]] = [
            asdict(row) | {"fps": row.fps} for row in self.rows
        ]
        document = {
            "size": f"{self.width}x{self.height}",
            "machine": machine(),
            "ceiling": asdict(self.ceiling),
            "rows": rows,
            "end_to_end": [
                entry.as_dict() | {"ratio_to_johnson": self.video_ratio(entry)}
                for entry in self.end_to_end
            ],
            "half_size": self.half_size and asdict(self.half_size),
            "soak": self.soak and asdict(self.soak) | {"growth": self.soak.growth},
            "compared": self.compared and self.compared.as_dict(),
        }
        return json.dumps(_rounded(document), indent=2)

    def as_text(self) -> str:
        """Return a table, and one line for each other result."""
        facts = machine()
        lines = [
            f"{self.width}x{self.height} on {facts['cpu']}, {facts['cores']} cores; "
            f"ceilings {self.ceiling.fp32_gmac_per_second:.0f} GMAC/s fp32, "
            f"{self.ceiling.int8_gmac_per_second:.0f} int8, "
            f"copy {self.ceiling.copy_gb_per_second:.0f} GB/s",
            HEADING,
            *(_line(row) for row in self.rows),
        ]
        for entry in self.end_to_end:
            shares = ", ".join(f"{k} {v:.0%}" for k, v in entry.shares.items())
            lines.append(
                f"video, {entry.style} {entry.precision}, smooth {entry.smooth}, "
                f"every {entry.every}: {entry.fps:.1f} fps, "
                f"x{self.video_ratio(entry):.1f} Johnson's network "
                f"({shares}; threads win x{entry.overlap:.2f}, "
                f"{entry.efficiency:.0%} of what {entry.cores} cores allow)"
            )
        if (half := self.half_size) is not None:
            lines.append(
                f"{half.work_height} lines against {self.height}: "
                f"PSNR {half.psnr_db:.1f} dB, SSIM {half.ssim:.3f}, "
                f"texture {half.texture_distance:.1%} apart ({half.num_frames} frames)"
            )
        if (soak := self.soak) is not None:
            lines.append(
                f"memory of a video: {soak.memory_mb[0]:.0f} MB at second "
                f"{soak.seconds[0]:.0f}, {soak.memory_mb[1]:.0f} at second "
                f"{soak.seconds[1]:.0f} ({soak.growth:+.1%}), most {soak.peak_mb:.0f}"
            )
        if self.compared is not None:
            lines += ["", self.compared.as_text()]
        return "\n".join(lines)


def machine() -> dict[str, Any]:
    """Return what the figures depend on: processor, cores, system, versions."""
    onnxruntime = import_onnxruntime()

    return {
        "cpu": _cpu_name(),
        "cores": physical_cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
    }


def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _line(row: Row) -> str:
    memory = "" if row.peak_memory_mb is None else f"{row.peak_memory_mb:.0f}"
    return (
        f"{row.name:22.21}{row.precision:9}{row.runtime:13}{row.median_ms:8.1f}"
        f"{row.p95_ms:8.1f}{row.fps:7.1f}{row.ratio_to_johnson:11.1f}{row.gmac:7.2f}"
        f"{row.share_of_ceiling:9.0%}{memory:>6}{row.load_ms:6.0f}"
        f"{row.first_frame_ms:7.0f}"
    )


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    return value
