"""A slow walk through a list of styles: what is to be seen at any moment."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

STEP_SECONDS = 0.125
"""Between two steps of a drift; one is 2 % of the way in a drift of six seconds."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What is to be seen now."""

    position: int
    """Of the style that is left."""
    following: int
    """Of the one that comes."""
    share: float
    """Of the one that comes, 0..1, in even steps."""
    is_mixable: bool
    """Whether both are paintings, which can be mixed in one network."""


class Cycle:
    """Half of each period a style stands alone, in the other half it drifts.

    Args:
        paintings: For each style of the list whether it is made of paintings only.
        seconds: From one style to the next.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        paintings: Sequence[bool],
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.drift_seconds = seconds / 2
        """How long one style drifts into the next."""
        self._paintings, self._seconds, self._clock = paintings, seconds, clock
        self._start = 0, clock()

    def start_at(self, position: int) -> None:
        """Go on from the style at `position`, which now stands alone for a while."""
        self._start = position, self._clock()

    def now(self) -> Moment:
        """Return what is to be seen now."""
        first, began = self._start
        periods = (self._clock() - began) / self._seconds
        count = len(self._paintings)
        position = (first + int(periods)) % count
        following = (position + 1) % count
        num_steps = max(1, round(self.drift_seconds / STEP_SECONDS))
        drifted = max(0.0, periods % 1.0 - 0.5) * 2.0
        return Moment(
            position,
            following,
            share=round(drifted * num_steps) / num_steps,
            is_mixable=self._paintings[position] and self._paintings[following],
        )
