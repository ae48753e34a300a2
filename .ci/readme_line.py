"""Print the N-th ```sh block of the README."""

import re
import sys
from pathlib import Path

readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
lines = [block.strip() for block in re.findall(r"```sh\n(.*?)```", readme, re.DOTALL)]
sys.stdout.write(lines[int(sys.argv[1]) - 1] + "\n")
