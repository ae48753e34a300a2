"""Format the results as lines of text."""

import platform

import torch

from rtstyle_experiments.gpu_speed.ceilings import Ceilings
from rtstyle_experiments.gpu_speed.job import Case, Result, Skipped

HEAD = (
    f"{'network':11}{'way':14}{'size':10} {'device ms':>10} {'p99':>7} {'fps':>7} | "
    f"{'latency':>7} {'p99':>7} | {'serial':>6} {'overlap':>7} | {'up ms':>6} "
    f"{'down':>6} {'copies':>6} | {'GMAC':>7} {'arith':>6} {'bandw':>6} | "
    f"{'PSNR':>6} {'most':>4} {'prep s':>6}"
)


def row(outcome: Result | Skipped) -> str:
    """Return one line of the table, with columns as in `HEAD`."""
    if isinstance(outcome, Skipped):
        return f"{_name(outcome.case)} not run: {outcome.why}"
    result, t = outcome, outcome.timing
    psnr = "" if result.psnr_db is None else f"{result.psnr_db:.1f}"
    return (
        f"{_name(result.case)} {t.device_ms_p50:10.3f} {t.device_ms_p99:7.3f} "
        f"{t.device_fps:7.0f} | {t.latency_ms_p50:7.3f} {t.latency_ms_p99:7.3f} | "
        f"{t.serial_fps:6.0f} {t.overlapped_fps:7.0f} | {t.upload_ms:6.3f} "
        f"{t.download_ms:6.3f} {t.copy_share:6.1%} | {result.gmac:7.1f} "
        f"{result.arithmetic_share:6.1%} {result.bandwidth_share:6.1%} | {psnr:>6} "
        f"{result.largest_difference:4d} {result.prepared_seconds:6.1f}"
    )


def device_name(device: str) -> str:
    """Return the GPU's name, or the kind of CPU."""
    return platform.machine() if device == "cpu" else str(torch.cuda.get_device_name())


def about(device: str, ceilings: Ceilings) -> str:
    """Return one line about the machine."""
    return (
        f"{device_name(device)}, torch {torch.__version__}: "
        f"copy {ceilings.copy_gb_per_second:.0f} GB/s, "
        f"matrices fp16 {ceilings.fp16_tflops:.0f}, "
        f"fp32 {ceilings.fp32_tflops:.1f} TFLOP/s, "
        f"pinned upload {ceilings.upload_gb_per_second:.1f}, "
        f"download {ceilings.download_gb_per_second:.1f} GB/s"
    )


def _name(case: Case) -> str:
    size = f"{case.width}x{case.height}"
    return f"{case.network:11}{case.way:14}{size:10}"
