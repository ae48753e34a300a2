"""Measure one candidate: ``MODEL RUNTIME DEVICE PRECISION WIDTH HEIGHT``.

`measure_fresh` runs this in a new process and reads one line of JSON.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from rtstyle.benchmark.fresh import start_fresh


def main(words: list[str]) -> None:
    """Measure and write the figures as JSON on stdout."""
    path, runtime, device, precision, width, height = words
    result = start_fresh(
        Path(path).read_bytes(),
        runtime=runtime,
        device=device,
        precision=precision,
        width=int(width),
        height=int(height),
    )
    sys.stdout.write(json.dumps(asdict(result)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
