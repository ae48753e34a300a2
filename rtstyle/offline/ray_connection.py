"""The few things that are asked of Ray, in one place."""

import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

from rtstyle.errors import RtstyleError, RuntimeUnavailableError, missing_extra
from rtstyle.offline.cluster_task import ClusterJob, describe, make_part
from rtstyle.offline.segment_maker import Part
from rtstyle_streams.errors import StreamError

MOST_RETRIES: Final = 5
"""How often a segment is made again whose worker died."""
CORES_PER_TASK: Final = 2
"""That a segment asks for, where every machine has as many."""
CONNECT_SECONDS: Final = 10.0
"""How long the head of a cluster may take to answer."""
POLL_SECONDS: Final = 1.0
"""How often the head looks around while nothing ends."""

Reference = Any
"""Of something that is, or will be, in the memory of some machine."""


class RayConnection:
    """A connection to a cluster, or to one that is started on this machine.

    Args:
        address: Of the head, as for ``ray.init``; ``auto`` is the cluster that runs
            here or that ``RAY_ADDRESS`` names, and else a new one of this machine.

    Raises:
        MissingExtraError: Ray is not installed.
        RuntimeUnavailableError: there is no cluster at this address.
    """

    def __init__(self, address: str) -> None:
        try:
            import ray
        except ImportError as error:
            raise missing_extra("--cluster", "ray", "cluster") from error
        self._ray: Any = ray
        self._was_connected = bool(ray.is_initialized())
        if not self._was_connected:
            self._connect(address)
        nodes = [n["Resources"] for n in self._ray.nodes() if n["Alive"]]
        cores = [int(resources.get("CPU", 0)) for resources in nodes]
        self._num_gpus = int(sum(resources.get("GPU", 0) for resources in nodes))
        self.cores_per_task = max(
            1, min([CORES_PER_TASK, *(c for c in cores if c > 0)])
        )
        """Cores that a segment is given."""
        self._num_cores = sum(cores)
        self._uses_gpu = False

    @property
    def num_slots(self) -> int:
        """Return how many segments can be made at once."""
        if self._uses_gpu:
            return max(1, self._num_gpus)
        return max(1, self._num_cores // self.cores_per_task)

    def device(self, asked: str) -> str:
        """Return the device of every worker: ``auto`` is a GPU where there are any."""
        self._uses_gpu = asked.startswith("cuda") or (
            asked == "auto" and self._num_gpus > 0
        )
        if asked == "auto":
            return "cuda:0" if self._uses_gpu else "cpu"
        return asked

    def put(self, value: ClusterJob) -> Reference:
        """Send a job to wherever it is needed, once for each machine."""
        return self._ray.put(value)

    def describe(self, job: Reference) -> Reference:
        """Ask a worker what the frames depend on there."""
        return self._remote(describe, num_returns=1).remote(job)

    def make_part(
        self, job: Reference, part: Part, state: Reference | None
    ) -> tuple[Reference, Reference]:
        """Have a segment made; return references of it and of the state behind it."""
        made, behind = self._remote(make_part, num_returns=2).remote(job, part, state)
        return made, behind

    def ended(self, results: Sequence[Reference]) -> list[Reference]:
        """Wait until some of the results are there, for a second at most."""
        ready, _ = self._ray.wait(
            list(results), num_returns=1, timeout=POLL_SECONDS, fetch_local=False
        )
        return list(ready)

    def get(self, result: Reference) -> Any:
        """Return a result; raise what its worker raised, if that is an error of ours.

        Raises:
            RtstyleError: the worker raised it, or died again and again.
            StreamError: the worker raised it.
        """
        try:
            return self._ray.get(result)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, RtstyleError | StreamError):
                raise error.cause from None
            raise
        except self._ray.exceptions.RayError as error:
            text = str(error).strip().partition("\n")[0]
            raise RuntimeUnavailableError(
                f"cluster: expected workers that stay, got: {text}"
            ) from error

    def close(self) -> None:
        """Let go of the cluster; one that was started here ends."""
        if not self._was_connected:
            self._ray.shutdown()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def _connect(self, address: str) -> None:
        try:
            _check_reachable(address)  # Ray tries for two minutes
            self._ray.init(
                address=None if address == "auto" else address,
                logging_level="ERROR",
                log_to_driver=False,
                configure_logging=False,
                include_dashboard=None if address != "auto" else False,
            )
        except (OSError, ValueError, RuntimeError) as error:
            text = str(error).strip().partition("\n")[0]
            raise RuntimeUnavailableError(
                f"--cluster {address}: expected the address of a Ray cluster, "
                f"got: {text}"
            ) from error

    def _remote(self, function: Any, *, num_returns: int) -> Any:
        """Return a function that runs on a worker with the cores or GPU it needs."""
        return self._ray.remote(
            num_cpus=1 if self._uses_gpu else self.cores_per_task,
            num_gpus=1 if self._uses_gpu else 0,
            num_returns=num_returns,
            max_retries=MOST_RETRIES,
        )(function)


def _check_reachable(address: str) -> None:
    """Refuse an address where nobody listens; others than HOST:PORT are Ray's to judge.

    Raises:
        OSError: nobody does.
    """
    host, _, port = address.rpartition(":")
    if host and port.isdigit() and "/" not in host:
        with socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS):
            pass
