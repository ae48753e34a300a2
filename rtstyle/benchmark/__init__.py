"""Measure styles and a baseline in one run on one machine."""

from rtstyle.benchmark.report import Report, Row
from rtstyle.benchmark.run import BenchJob, run_bench

__all__ = ["BenchJob", "Report", "Row", "run_bench"]
