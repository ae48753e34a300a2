"""Leave frames without smoothing."""

from rtstyle.smoothing.protocol import State
from rtstyle_streams.frame import Pixels


class Off:
    """Returns every stylized frame unchanged: the same object."""

    def __call__(self, content: Pixels, stylized: Pixels) -> Pixels:
        """Return `stylized` itself."""
        return stylized

    def reset(self) -> None:
        """Do nothing: there is no memory."""

    def state(self) -> State:
        """Return nothing."""
        return {}

    def restore(self, state: State) -> None:
        """Do nothing."""
