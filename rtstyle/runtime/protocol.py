"""Define the interface of every runtime."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Arrays = Mapping[str, npt.NDArray[np.generic]]
"""Inputs of a graph by name."""


class Session(Protocol):
    """A loaded graph on one device."""

    @property
    def runtime(self) -> str:
        """Return the library's name: ``onnxruntime``, ``openvino``, ``tensorrt``."""
        ...

    @property
    def device(self) -> str:
        """Return where it runs: ``cpu`` or ``cuda:0``."""
        ...

    def run(self, inputs: Arrays) -> dict[str, npt.NDArray[Any]]:
        """Run the graph once.

        Args:
            inputs: Every input of the graph by name; not changed.

        Returns:
            Every output by name; new arrays.
        """
        ...

    def close(self) -> None:
        """Release the graph; may be called twice."""
        ...
